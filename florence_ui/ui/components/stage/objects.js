// The objects of the answer: which are there, which are hidden, which one lies at a point.
const LEAST_HIT = 18;   // CSS pixels: smaller objects can be hit as if they were that large

// `isSide`: whether an object of that side of the divider can be seen at a point.
function makeObjects(viewport, isSide) {
  let items = [], rings = [], bounds = [];
  const hidden = new Set();
  const isIndex = (index) => Number.isInteger(index) && index >= 0 && index < items.length;

  function hitArea(index) {
    const box = viewport.boxToStage(bounds[index]);
    const wider = Math.max(0, (LEAST_HIT - Math.min(box[2] - box[0], box[3] - box[1])) / 2);
    return [box[0] - wider, box[1] - wider, box[2] + wider, box[3] + wider];
  }
  function isHit(index, [x, y]) {
    const [x1, y1, x2, y2] = hitArea(index);
    if (x < x1 || y < y1 || x > x2 || y > y2) return false;
    const isBox = rings[index].length === 1 && rings[index][0].length === 4;
    return isBox || x2 - x1 <= LEAST_HIT || y2 - y1 <= LEAST_HIT || rings[index].some((ring) => isInside(viewport.toPicture([x, y]), ring));
  }

  return {
    set(next, [width, height]) {
      items = next;
      rings = items.map(({ outline }) => (outline || [])
        .filter((ring) => ring.length > 2).map((ring) => ring.map(([x, y]) => [x / width, y / height])));
      bounds = rings.map((some) => (some.length ? boundsOf(some.flat()) : [0, 0, 0, 0]));
      hidden.clear();
      items.forEach((item, index) => { if (item.shown === false) hidden.add(index); });
    },
    // The smallest visible object at a point of the stage, or -1.
    at(point) {
      let best = -1;
      items.forEach((item, index) => {
        if (hidden.has(index) || !rings[index].length || !isSide(item.side, point) || !isHit(index, point)) return;
        if (best < 0 || item.area < items[best].area) best = index;
      });
      return best;
    },
    path: (index) => rings[index].map((ring) =>
      `M${ring.map((point) => viewport.toStage(point).map((v) => v.toFixed(1)).join(" ")).join("L")}Z`).join(""),
    box: (index) => bounds[index],
    colorAt: (index) => (isIndex(index) ? colorOf(items[index]) : ""),
    nameOf: (index) => items[index].label || `region ${items[index].number}`,
    isVisible: (index) => isIndex(index) && !hidden.has(index),
    numbersOf: (indices) => indices.map((index) => items[index].number),
    indicesOf: (numbers) => items.flatMap((item, index) => (numbers.includes(item.number) ? [index] : [])),
    hide(indices, isHidden) {
      indices.forEach((index) => (isHidden ? hidden.add(index) : hidden.delete(index)));
    },
    get hidden() { return [...hidden].sort((a, b) => a - b); },
    get visible() { return items.map((_, index) => index).filter((index) => !hidden.has(index)); },
  };
}
