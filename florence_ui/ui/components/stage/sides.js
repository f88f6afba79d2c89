// The names of two answers, and the divider between their drawings.
const DIVIDER_STEP = 2;   // percent

function makeSides(root, viewport) {
  const divider = root.querySelector(".stage-divider");
  let at = 50, drawn = [], isDivided = false;

  function put(next) {
    at = clamp(next, 0, 100);
    root.style.setProperty("--divide", `${at}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(at)));
  }
  divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const { left, width } = root.getBoundingClientRect();
    put((100 * (event.clientX - left)) / width);
  });
  divider.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -DIVIDER_STEP, ArrowDown: -DIVIDER_STEP, ArrowRight: DIVIDER_STEP, ArrowUp: DIVIDER_STEP, Home: -100, End: 100 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    put(at + by);
  });
  put(at);

  return {
    set({ tags = [], divided }) {
      isDivided = Boolean(divided);
      divider.hidden = !isDivided;
      root.classList.toggle("divided", isDivided);
      divider.setAttribute("aria-label", tags.map(({ name }, side) => `${name} at the ${side ? "right" : "left"}`).join(", "));
      drawn.forEach((node) => node.remove());
      drawn = tags.map(({ who, name }) =>
        make("span", { class: `stage-tag ${who}` }, make("i", { "aria-hidden": "true" }), name));
      divider.before(...drawn);
    },
    // Whether an object of that side, null for both, can be seen at a point of the stage.
    isSide: (side, [x]) => !isDivided || typeof side !== "number" || (x < (at / 100) * viewport.size[0]) === (side === 0),
  };
}
