// The picture, and above it what supervision drew: the whole, and while zoomed in the part that is seen.
const IS_WHOLE = 0.999;

function makeLayers(root, viewport) {
  const picture = root.querySelector(".stage-picture"), drawn = root.querySelectorAll(".stage-drawn");   // a side each
  const shown = new Map();    // place -> { image, view }
  let answer = "", wanted = new Map();

  function place(node, box) {
    const [x1, y1, x2, y2] = viewport.boxToStage(box);
    node.style.width = `${x2 - x1}px`;
    node.style.height = `${y2 - y1}px`;
    node.style.transform = `translate(${x1}px, ${y1}px)`;
  }
  function draw() {
    place(picture, [0, 0, 1, 1]);
    for (const { image, view } of shown.values()) place(image, view);
  }
  function remove(key) {
    shown.get(key)?.image.remove();
    shown.delete(key);
  }
  function clear() {
    [...shown.keys()].forEach(remove);
    wanted.clear();
  }
  const keyOf = (side, isWhole) => `${side} ${isWhole ? "whole" : "part"}`;

  // The old drawing stays, scaled, until the new one can be shown.
  async function load(drawing) {
    const { view, side, url } = drawing, isWhole = areaOf(view) > IS_WHOLE;
    const key = keyOf(side, isWhole);
    if (wanted.get(key) === url) return;
    wanted.set(key, url);
    if (isWhole) wanted.delete(keyOf(side, false));
    const image = new Image();
    image.alt = "";
    image.draggable = false;
    image.className = isWhole ? "stage-layer" : "stage-layer part";
    image.src = url;
    try {
      await image.decode();
    } catch {
      return;
    }
    if (wanted.get(key) !== url) return;
    if (isWhole && !wanted.has(keyOf(side, false))) remove(keyOf(side, false));
    const old = shown.get(key);
    image.classList.toggle("fresh", !shown.size);
    shown.set(key, { image, view });
    place(image, view);
    drawn[side ? 1 : 0].append(image);
    old?.image.remove();
  }

  return {
    draw,
    showPicture(url, alt) {
      if (url && picture.getAttribute("src") !== url) picture.src = url;
      if (!url) picture.removeAttribute("src");
      picture.alt = alt;
    },
    setAnswer(name) {
      if (answer !== name) clear();
      answer = name;
    },
    // Shows a drawing if it is one of the answer that is shown.
    showDrawing(drawing) {
      if (answer && drawing.answer === answer && drawing.url) load(drawing);
    },
  };
}
