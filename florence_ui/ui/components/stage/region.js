// The region: a box in fractions of the picture, with handles for mouse, touch and keys.
const LEAST_SIDE = 0.01, MIDDLE = 0.36, SMALL = 64;   // SMALL in CSS pixels

// A box moved, or with some of its edges ("n", "se", ...) moved, and still within the picture.
function moveBox([x1, y1, x2, y2], edges, dx, dy) {
  if (!edges) {
    const right = clamp(dx, -x1, 1 - x2), down = clamp(dy, -y1, 1 - y2);
    return [x1 + right, y1 + down, x2 + right, y2 + down];
  }
  return [
    edges.includes("w") ? clamp(x1 + dx, 0, Math.max(0, x2 - LEAST_SIDE)) : x1,
    edges.includes("n") ? clamp(y1 + dy, 0, Math.max(0, y2 - LEAST_SIDE)) : y1,
    edges.includes("e") ? clamp(x2 + dx, x1 + LEAST_SIDE, 1) : x2,
    edges.includes("s") ? clamp(y2 + dy, y1 + LEAST_SIDE, 1) : y2,
  ];
}

function makeRegion(root, viewport, { moving, changed }) {
  const node = root.querySelector(".stage-region");
  let box = null, drag = null;

  function draw() {
    node.hidden = !box;
    root.dataset.region = box ?? "";
    root.classList.toggle("has-region", Boolean(box));
    if (!box) return;
    const [x1, y1, x2, y2] = viewport.boxToStage(box);
    node.style.transform = `translate(${x1}px, ${y1}px)`;
    node.style.width = `${x2 - x1}px`;
    node.style.height = `${y2 - y1}px`;
    node.classList.toggle("narrow", x2 - x1 < SMALL);
    node.classList.toggle("low", y2 - y1 < SMALL);
    const percent = box.map((v) => `${Math.round(v * 100)} %`);
    node.setAttribute("aria-label", `Region from ${percent[0]}, ${percent[1]} to ${percent[2]}, ${percent[3]}. ` +
      "The arrow keys move it, with Shift they resize it, with Alt by small steps. Enter opens the tools.");
  }
  function set(next) {
    box = next && rounded(next);
    draw();
  }
  const pointOf = (event) => {
    const frame = root.getBoundingClientRect();
    return viewport.toPicture([event.clientX - frame.left, event.clientY - frame.top]);
  };

  node.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    node.setPointerCapture(event.pointerId);
    node.focus({ preventScroll: true });
    drag = { edges: event.target.dataset.edges ?? "", from: pointOf(event), box, pointer: event.pointerId };
  });
  node.addEventListener("pointermove", (event) => {
    if (drag?.pointer !== event.pointerId) return;
    const [x, y] = pointOf(event);
    set(moveBox(drag.box, drag.edges, x - drag.from[0], y - drag.from[1]));
    moving();
  });
  for (const type of ["pointerup", "pointercancel"]) node.addEventListener(type, (event) => {
    if (drag?.pointer !== event.pointerId) return;
    drag = null;
    changed(box);
  });
  return {
    draw, set,
    // Moves the region, or only some of its edges.
    move(edges, dx, dy) {
      set(moveBox(box, edges, dx, dy));
      changed(box);
    },
    // A region in the middle of what is seen.
    place() {
      const [x1, y1, x2, y2] = viewport.seen, side = (from, to) => ((to - from) * (1 - MIDDLE)) / 2;
      set([x1 + side(x1, x2), y1 + side(y1, y2), x2 - side(x1, x2), y2 - side(y1, y2)]);
      changed(box);
      node.focus({ preventScroll: true });
    },
    // Gives up a drag, when it turns out to be a gesture of two fingers.
    release() {
      if (drag) set(drag.box);
      drag = null;
    },
    // The region between two points of the stage, while it is drawn.
    span(from, to) {
      const points = [from, to].map(viewport.toPicture).map((point) => point.map((v) => clamp(v, 0, 1)));
      set(boundsOf(points));
    },
    get box() { return box; },
  };
}
