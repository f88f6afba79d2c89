// One box on a picture. Numbers go out in parts of the picture's width and height, 0 to 1.
const find = (query) => element.querySelector(query);
const stage = find(".bp-stage"), frame = find(".bp-frame"), image = find(".bp-img"), shape = find(".bp-box");
const status = find(".bp-status"), clear = find(".bp-clear");
const STEP = 0.01, SMALLEST = 4;
let box = null, start = null;

const clamp = (v) => Math.min(1, Math.max(0, v));
const sorted = ([a, b, c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)].map(clamp);
const hasPicture = () => image.hasAttribute("src");

function paint() {
  const visible = Boolean(box) && hasPicture();
  shape.hidden = !visible;
  clear.disabled = !visible;
  if (!visible) {
    status.textContent = hasPicture() ? "Drag on the picture to draw a box" : "Add a picture first";
    return;
  }
  const [x1, y1, x2, y2] = box;
  Object.assign(shape.style, {
    left: `${x1 * 100}%`, top: `${y1 * 100}%`, width: `${(x2 - x1) * 100}%`, height: `${(y2 - y1) * 100}%`,
  });
  const percent = (v) => Math.round(v * 100);
  status.textContent = `Box: ${percent(x2 - x1)} × ${percent(y2 - y1)} % at ${percent(x1)}, ${percent(y1)}`;
}

function commit() {
  props.value = { ...(props.value || {}), box: box ? box.map((v) => Math.round(v * 1e5) / 1e5) : null };
  trigger("input");
}

function pull() {
  const value = props.value || {}, url = value.image && value.image.url;
  if (typeof url === "string" && /^(https?:|\/)/.test(url)) {
    if (image.getAttribute("src") !== url) image.setAttribute("src", url);
  } else image.removeAttribute("src");
  box = Array.isArray(value.box) && value.box.length === 4 ? sorted(value.box.map(Number)) : null;
  paint();
}

function place(event) {
  const area = image.getBoundingClientRect();
  return [clamp((event.clientX - area.left) / area.width), clamp((event.clientY - area.top) / area.height)];
}

frame.addEventListener("pointerdown", (event) => {
  if (!hasPicture() || event.button > 0) return;
  event.preventDefault();
  stage.focus({ preventScroll: true });
  frame.setPointerCapture(event.pointerId);
  start = place(event);
  box = [...start, ...start];
  paint();
});
frame.addEventListener("pointermove", (event) => {
  if (!start) return;
  box = sorted([...start, ...place(event)]);
  paint();
});
function finish() {
  if (!start) return;
  start = null;
  const area = image.getBoundingClientRect();
  const tooSmall = !box || (box[2] - box[0]) * area.width < SMALLEST || (box[3] - box[1]) * area.height < SMALLEST;
  if (tooSmall) box = null;
  paint();
  commit();
}
frame.addEventListener("pointerup", finish);
frame.addEventListener("pointercancel", finish);

function moved([x1, y1, x2, y2], [dx, dy], resize) {
  if (resize) return [x1, y1, clamp(Math.max(x1 + STEP, x2 + dx)), clamp(Math.max(y1 + STEP, y2 + dy))];
  const right = Math.min(1 - x2, Math.max(-x1, dx)), down = Math.min(1 - y2, Math.max(-y1, dy));
  return [x1 + right, y1 + down, x2 + right, y2 + down];
}
stage.addEventListener("keydown", (event) => {
  if (!hasPicture() || event.ctrlKey || event.metaKey) return;
  const step = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
  if (event.key === "Enter" && !box) box = [0.25, 0.25, 0.75, 0.75];
  else if (["Delete", "Backspace", "Escape"].includes(event.key) && box) box = null;
  else if (step && box) box = moved(box, step, event.shiftKey);
  else return;
  event.preventDefault();
  paint();
  commit();
});
clear.addEventListener("click", () => { box = null; paint(); commit(); stage.focus(); });
find(".bp-swap").addEventListener("click", () => trigger("swap"));
image.addEventListener("load", paint);
watch("value", pull);
pull();
