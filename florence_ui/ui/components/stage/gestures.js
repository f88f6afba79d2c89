// Mouse, touch and pen on the picture: point, click, drag a region, pan, pinch, wheel.
const DRAG = 5, LEAST_REGION = 8, ZOOM_STEP = 2.5;   // CSS pixels, and the factor of a double click
const CONTROLS = [
  ".stage-tools", ".stage-zoom", ".stage-foot > *", ".stage-note", ".stage-region", ".stage-divider", ".stage-empty",
  ".stage-camera",
].join();

function makeGestures(root, viewport, { point, click, draw, drawn, canDraw, pans, hasPicture, releaseRegion }) {
  const pointers = new Map();
  let gesture = null;
  const at = (event) => {
    const frame = root.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const onControl = (event) => event.target.closest(CONTROLS);

  function pinchOf() {
    const [a, b] = [...pointers.values()];
    return { distance: Math.max(1, distanceOf(a, b)), middle: middleOf(a, b) };
  }
  function begin(event) {
    const onRegion = event.target.closest(".stage-region");   // it moves itself, until a second finger comes
    if (!hasPicture() || (onControl(event) && !onRegion) || event.button > 1) return;
    if (event.pointerType === "mouse") pointers.clear();
    pointers.set(event.pointerId, at(event));
    if (!onRegion) root.setPointerCapture(event.pointerId);
    if (pointers.size > 1) {
      if (gesture?.kind === "draw") draw(null);
      if (gesture?.kind === "region") releaseRegion();
      gesture = { kind: "pinch", ...pinchOf() };
      return;
    }
    const isPan = !onRegion && (pans() || event.button === 1);
    gesture = { kind: onRegion ? "region" : isPan ? "pan" : "press", from: at(event), last: at(event) };
    root.classList.toggle("panning", isPan);
    if (isPan) event.preventDefault();
  }
  function follow(event) {
    const here = at(event);
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") point(onControl(event) || !hasPicture() ? null : here);
      return;
    }
    pointers.set(event.pointerId, here);
    if (gesture?.kind === "press" && distanceOf(here, gesture.from) > DRAG) startDrag();
    if (gesture?.kind === "pinch") pinch();
    else if (gesture?.kind === "pan") pan(here);
    else if (gesture?.kind === "draw") draw(gesture.from, here);
  }
  function startDrag() {
    gesture.kind = canDraw() ? "draw" : "pan";
    point(null);
  }
  function pinch() {
    const { distance, middle } = pinchOf();
    viewport.panBy(middle[0] - gesture.middle[0], middle[1] - gesture.middle[1]);
    viewport.zoomBy(distance / gesture.distance, middle);
    gesture = { kind: "pinch", distance, middle };
  }
  function pan(here) {
    viewport.panBy(here[0] - gesture.last[0], here[1] - gesture.last[1]);
    gesture.last = here;
  }
  function end(event) {
    const here = at(event);
    if (!pointers.delete(event.pointerId)) return;
    root.classList.remove("panning");
    const ended = gesture;
    gesture = null;
    if (pointers.size || !ended) return;
    const isDone = event.type === "pointerup";
    if (ended.kind === "draw") {
      const isLarge = Math.min(Math.abs(here[0] - ended.from[0]), Math.abs(here[1] - ended.from[1])) >= LEAST_REGION;
      drawn(isDone && isLarge);
    } else if (ended.kind === "press" && isDone) click(here);
  }
  function wheel(event) {
    if (!hasPicture() || event.target.closest(".stage-caption, .stage-note")) return;
    event.preventDefault();
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!event.ctrlKey && isSideways) return viewport.panBy(-event.deltaX, 0);
    viewport.zoomBy(Math.exp(-clamp(event.deltaY, -120, 120) * (event.ctrlKey ? 0.01 : 0.0022)), at(event));
  }

  root.addEventListener("pointerdown", begin);
  root.addEventListener("pointermove", follow);
  root.addEventListener("pointerup", end);
  root.addEventListener("pointercancel", end);
  root.addEventListener("pointerleave", () => point(null));
  root.addEventListener("wheel", wheel, { passive: false });
  root.addEventListener("dblclick", (event) => {
    if (!hasPicture() || onControl(event)) return;
    if (viewport.isZoomed) viewport.fit();
    else viewport.zoomBy(ZOOM_STEP, at(event));
  });
}
