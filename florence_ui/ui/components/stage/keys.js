// The keys on the stage and on its region.
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN_STEP = 60;   // CSS pixels
const KEY_ZOOM = 1.25;
const REGION_STEP = 0.01, FINE_REGION_STEP = 0.002;   // of the picture's sides

function makeKeys(root, viewport, region, { hasPicture, canDraw, step, enter, escape, holdSpace }) {
  const keys = {
    "+": () => viewport.zoomBy(KEY_ZOOM),
    "=": () => viewport.zoomBy(KEY_ZOOM),
    "-": () => viewport.zoomBy(1 / KEY_ZOOM),
    "0": () => viewport.fit(),
    n: () => step(1),
    p: () => step(-1),
    b: () => canDraw() && region.place(),
    " ": () => holdSpace(true),
    Enter: enter,
  };

  function pressOnStage({ key, altKey }) {
    const way = WAYS[key], pressed = keys[key.length === 1 ? key.toLowerCase() : key];
    if (altKey) return false;
    if (way && viewport.isZoomed) viewport.panBy(-way[0] * PAN_STEP, -way[1] * PAN_STEP);
    else if (pressed) pressed();
    else return false;
    return true;
  }
  // The arrows move the region, with Shift its lower right corner, with Alt by small steps.
  function pressOnRegion({ key, shiftKey, altKey }) {
    const way = WAYS[key], step = altKey ? FINE_REGION_STEP : REGION_STEP;
    if (way) region.move(shiftKey ? "se" : "", way[0] * step, way[1] * step);
    else if (key === "Enter" && !altKey) enter();
    else return false;
    return true;
  }
  root.addEventListener("keydown", (event) => {
    if (!hasPicture() || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") return void (escape() && event.stopPropagation());
    const isOnRegion = event.target.classList.contains("stage-region");
    if (isOnRegion ? pressOnRegion(event) : event.target === root && pressOnStage(event)) event.preventDefault();
  });
  root.addEventListener("keyup", (event) => { if (event.key === " ") holdSpace(false); });
  root.addEventListener("blur", () => holdSpace(false));
}
