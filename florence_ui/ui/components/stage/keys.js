// The keys on the stage; those that move and resize a region are in region.js.
const PAN_STEP = 60;   // CSS pixels
const KEY_ZOOM = 1.25;

function makeKeys(root, viewport, { hasPicture, canDraw, step, enter, escape, place, holdSpace }) {
  const pans = {
    ArrowLeft: [PAN_STEP, 0], ArrowRight: [-PAN_STEP, 0], ArrowUp: [0, PAN_STEP], ArrowDown: [0, -PAN_STEP],
  };
  const keys = {
    "+": () => viewport.zoomBy(KEY_ZOOM),
    "=": () => viewport.zoomBy(KEY_ZOOM),
    "-": () => viewport.zoomBy(1 / KEY_ZOOM),
    "0": () => viewport.fit(),
    n: () => step(1),
    p: () => step(-1),
    b: () => canDraw() && place(),
    " ": () => holdSpace(true),
    Enter: enter,
  };

  root.addEventListener("keydown", (event) => {
    if (!hasPicture() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return void (escape() && event.stopPropagation());
    if (event.target !== root) {
      if (event.key !== "Enter" || !event.target.classList.contains("stage-region")) return;
      event.preventDefault();   // the tool that gets the focus would be pressed, too
      enter();
      return;
    }
    const pan = pans[event.key], pressed = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (pan && viewport.isZoomed) viewport.panBy(...pan);
    else if (pressed) pressed();
    else return;
    event.preventDefault();
  });
  root.addEventListener("keyup", (event) => { if (event.key === " ") holdSpace(false); });
  root.addEventListener("blur", () => holdSpace(false));
}
