// Where the picture lies on the stage. Points on the picture are fractions of it, points on the stage CSS pixels.
const MOST_ZOOM = 16, FITS = 1.001;

function makeViewport(changed) {
  let width = 0, height = 0;             // of the stage
  let pictureWidth = 1, pictureHeight = 1;   // any unit: only the ratio counts
  let zoom = 1, center = [0.5, 0.5];     // `center` of the picture is in the middle of the stage

  function fitted() {
    const scale = Math.min(width / pictureWidth, height / pictureHeight);
    return [pictureWidth * scale, pictureHeight * scale];
  }
  function extent() {
    const [w, h] = fitted();
    return [w * zoom, h * zoom];
  }
  function toStage([x, y]) {
    const [w, h] = extent();
    return [width / 2 + (x - center[0]) * w, height / 2 + (y - center[1]) * h];
  }
  function toPicture([x, y]) {
    const [w, h] = extent();
    return [center[0] + (x - width / 2) / w, center[1] + (y - height / 2) / h];
  }
  // The part of the picture that is on the stage.
  const seen = () => [...toPicture([0, 0]), ...toPicture([width, height])].map((v) => clamp(v, 0, 1));
  const boxToStage = ([x1, y1, x2, y2]) => [...toStage([x1, y1]), ...toStage([x2, y2])];

  // The picture never leaves the stage: it is centered along a side that it does not fill.
  function keepWithin() {
    const size = [width, height];
    center = extent().map((side, axis) => {
      const half = size[axis] / 2 / side;
      return half >= 0.5 ? 0.5 : clamp(center[axis], half, 1 - half);
    });
  }
  function move(nextZoom, nextCenter, quiet) {
    zoom = clamp(nextZoom, 1, MOST_ZOOM);
    center = nextCenter;
    if (width && height) keepWithin();
    changed(quiet);
  }
  function zoomBy(factor, at = [width / 2, height / 2]) {
    const point = toPicture(at), next = clamp(zoom * factor, 1, MOST_ZOOM), [w, h] = fitted();
    move(next, [point[0] - (at[0] - width / 2) / (w * next), point[1] - (at[1] - height / 2) / (h * next)]);
  }
  // Brings a box of the picture into view, if it is outside.
  function reveal([x1, y1, x2, y2]) {
    const [left, top, right, bottom] = seen();
    if (x1 >= left && y1 >= top && x2 <= right && y2 <= bottom) return;
    const fits = Math.min((right - left) / (x2 - x1), (bottom - top) / (y2 - y1));
    move(zoom * Math.min(1, fits), middleOf([x1, y1], [x2, y2]));
  }
  function panBy(dx, dy) {
    const [w, h] = extent();
    move(zoom, [center[0] - dx / w, center[1] - dy / h]);
  }

  return {
    toStage, toPicture, boxToStage, zoomBy, panBy, reveal,
    show: (view) => move(view.zoom, view.center, true),
    fit: () => move(1, [0.5, 0.5]),
    resize(w, h) {
      [width, height] = [w, h];
      move(zoom, center, true);
    },
    setPicture(size) {
      [pictureWidth, pictureHeight] = size;
      move(1, [0.5, 0.5], true);
    },
    get size() { return [width, height]; },
    get ratio() { return pictureWidth / pictureHeight; },
    get zoom() { return zoom; },
    get center() { return center; },
    get isZoomed() { return zoom > FITS; },
    get pictureBox() { return boxToStage([0, 0, 1, 1]); },
    get seen() { return seen(); },
  };
}
