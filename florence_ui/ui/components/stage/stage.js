// The stage: its parts, its drawing, what it takes from the server, and what it hears.
const VIEW_DELAY = 120, REGION_DELAY = 150;   // milliseconds of rest before the server hears of it
const root = find(".stage"), said = find(".stage-said");
let value = {}, selected = -1, isRegionSelected = false, pointed = -1;
let known = null;   // the value before one that is assumed
let isComplaining = false, isGrabbing = false, isSpaceHeld = false, isTouched = false, comesFrom = null;
const timers = {}, sent = {}, drawings = new Map();   // side -> its latest drawing

const asks = () => Boolean(value.asks) && value.state !== "busy";
const hasPicture = () => Boolean(addressOf(value.picture));
const group = () => value.group || "explore";
const say = (words) => { said.textContent = words; };

const viewport = makeViewport((isQuiet) => {
  draw();
  reportView();
  if (!isQuiet) links.send("view", group(), { zoom: viewport.zoom, center: viewport.center });
});
const objects = makeObjects(viewport, (side, point) => sides.isSide(side, point));
const layers = makeLayers(root, viewport);
const light = makeLight(root, viewport, objects);
const region = makeRegion(root, viewport, { moving: () => drawTools(), changed: (box) => finishRegion(box) });
const toolbar = makeToolbar(root, viewport, { act, hide: hideSelected, close: () => escape() });
const notes = makeNotes(root, viewport, objects, { dismiss: dismissNote, redraw: () => drawTools() });
const caption = makeCaption(root, viewport, objects, { light: showLight, select: (index) => select(index) });
const foot = makeFoot(root, { press: (name) => trigger("press", { name }), dismiss: dismissFailure });
const zoomBar = makeZoomBar(root, viewport, { grab });
const sides = makeSides(root, viewport);
const files = makeUpload(root, {
  isOpen: () => Boolean(value.opens),
  began: expectPicture, failed: complain,
});
const camera = makeCamera(root, { take: files.take, failed: complain });
const empty = makeEmpty(root, { choose: files.choose, paste: files.paste, openCamera: camera.open });

// What is seen until the server says otherwise. It becomes the component's value, so that the server's next one differs.
function assume(change) {
  props.value = { ...value, ...change };
  pull();
}
function expectPicture(count) {
  const before = value;
  assume({ state: "busy", title: count > 1 ? "Opening the pictures" : "Opening the picture", hint: "", actions: [] });
  known = before;
}
// Something went wrong in the browser: what was there stays, and a sentence stands at the foot until the next touch.
function complain(title) {
  if (known) assume(known);
  foot.set({ state: "failed", title });
  isComplaining = true;
}
// A failure goes when it was read, or when another model or backend is chosen.
function dismissFailure() {
  if (isComplaining) {
    isComplaining = false;
    drawFoot();
  } else if (value.state === "failed") {
    assume({ state: hasPicture() ? "ready" : "empty", title: "", hint: "", actions: [] });
  }
}

// Drawing: everything that lies at a place of the picture.
function draw() {
  if (!viewport.size[0]) return;
  root.classList.toggle("zoomed", viewport.isZoomed);
  if (!viewport.isZoomed && isGrabbing) grab(false);
  layers.draw();
  light.draw();
  region.draw();
  zoomBar.draw();
  caption.place();
  drawTools();
}
function drawTools() {
  toolbar.place();
  notes.draw(selected >= 0 ? objects.box(selected) : null, toolbar.box, toolbar.isAtFoot);
  root.classList.toggle("wants-region", Boolean(value.wants_region) && asks() && !region.box && selected < 0);
}
function drawFoot() {
  foot.set({ ...value, inviting: value.inviting && !isTouched });
}
function later(name, delay, report) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(report, delay);
}
// What lies over the seen part of the picture, in fractions of it: there the drawing has no labels.
function reservedAreas(part) {
  const over = [...root.querySelectorAll(".stage-notice:not(.silent), .stage-caption:not(.beside)")];
  if (viewport.isZoomed) over.push(root.querySelector(".stage-zoom"));
  const boxes = over.filter((node) => node.getClientRects().length).map((node) => boxWithin(node, root, 4));
  const fraction = (v, k) => clamp((v - part[k % 2]) / (part[(k % 2) + 2] - part[k % 2]), 0, 1);
  return boxes.filter((box) => overlapOf(box, part) > 0).map((box) => rounded(box.map(fraction)));
}
function reportView() {
  later("view", VIEW_DELAY, () => {
    if (!hasPicture() || !isShown(element)) return;
    const ratio = window.devicePixelRatio || 1, box = viewport.seen, [x1, y1, x2, y2] = viewport.boxToStage(box);
    const size = [x2 - x1, y2 - y1].map((v) => Math.round(v * ratio));
    const view = { size, ratio, box: rounded(box), reserved: reservedAreas([x1, y1, x2, y2]) };
    const name = JSON.stringify([view, value.picture.url]);
    if (sent.view === name) return;
    sent.view = name;
    trigger("view", view);
  });
}

// A new value from the server.
function pull() {
  const before = value;
  value = props.value || {};
  const size = value.size ?? [1, 1], isNewPicture = addressOf(before.picture) !== addressOf(value.picture);
  const isNewAnswer = isNewPicture || (before.answer ?? "") !== (value.answer ?? "");
  if (isNewPicture) {
    viewport.setPicture(size);
    links.send("picture", group(), {});
    if (value.opens && hasPicture()) document.documentElement.style.setProperty("--ratio", String(viewport.ratio));
  }
  objects.set(value.items ?? [], size);
  if (isNewPicture || JSON.stringify(before.region ?? null) !== JSON.stringify(value.region ?? null)) {
    region.set(value.region ?? null);
  }
  known = null;
  root.dataset.state = value.state ?? "empty";
  root.setAttribute("aria-label", labelOf());
  layers.showPicture(addressOf(value.picture), value.alt ?? "");
  layers.setAnswer(value.answer ?? "");
  drawings.forEach(layers.showDrawing);
  notes.set(value.notes ?? []);
  sayNotes(before.notes ?? []);
  caption.set(value.state === "done" || value.state === "stale" ? value.phrases ?? [] : []);
  isComplaining = false;
  drawFoot();
  empty.set(value, !hasPicture());
  sides.set(value);
  pointed = -1;
  light.show([]);
  const hasWords = Boolean(value.title || value.inviting || value.phrases?.length);   // a bar of tools would lie over them
  if (isNewAnswer || value.state === "busy") select(-1, { isRegion: !hasWords });
  else setSelection(selected, isRegionSelected);
  draw();
  reportView();
}
function labelOf() {
  if (!hasPicture()) return "No picture";
  return value.asks ? "Picture. Plus and minus zoom, N and P go from object to object, B places a region." : "Picture";
}
function sayNotes(before) {
  const old = new Set(before.map((note) => JSON.stringify(note)));
  const fresh = (value.notes ?? []).filter((note) => note.state !== "busy" && !old.has(JSON.stringify(note)));
  if (fresh.length) say(fresh.map((note) => `${note.title}: ${note.text} ${note.caveat || ""}`.trim()).join(" "));
}

// Its ears: pointers, keys, and what its neighbours on the page say.
makeGestures(root, viewport, {
  hasPicture, click, draw: drawRegion, point: pointAt,
  drawn: (isLarge) => (isLarge ? finishRegion(region.box) : dropRegion()),
  canDraw: asks,
  releaseRegion: region.release,
  pans: () => isGrabbing || isSpaceHeld,
});
makeKeys(root, viewport, region, { hasPicture, step, escape, holdSpace, canDraw: asks, enter: enterTools });
for (const type of ["pointerdown", "keydown"]) root.addEventListener(type, () => {
  if (!isComplaining && (isTouched || !value.inviting)) return;
  isTouched = true;
  isComplaining = false;
  drawFoot();
  reportView();
});

links.hear("light", group, ({ numbers }) => setLight(objects.indicesOf(numbers)));
links.hear("select", group, ({ number, isKey }) => {
  if (region.box) dropRegion();
  select(objects.indicesOf([number])[0] ?? -1, { isHeard: true });
  if (selected >= 0) viewport.reveal(objects.box(selected));
  if (isKey && selected >= 0) enterTools();
});
links.hear("hidden", group, ({ numbers }) => {
  objects.hide(objects.hidden, false);
  objects.hide(objects.indicesOf(numbers), true);
  if (!objects.isVisible(selected)) select(-1);
  draw();
});
links.hear("view", group, (view) => viewport.show(view));
links.hear("drawing", group, (heard) => {
  const latest = drawings.get(heard.side);
  if (latest?.answer === heard.answer && heard.number < latest.number) return;   // begun earlier, but finished later
  drawings.set(heard.side, heard);
  layers.showDrawing(heard);
});
links.hear("place", group, () => { if (asks() && hasPicture() && isShown(element)) region.place(); });
links.hear("clear-region", group, () => { if (asks() && isShown(element)) escape(); });
links.hear("dismiss", group, dismissFailure);
links.hear("pick", group, ({ how, address }) => {
  const follow = () => trigger("link", { address });
  if (value.opens) ({ file: files.choose, camera: camera.open, paste: files.paste, link: follow })[how]?.();
});

new ResizeObserver(() => viewport.resize(root.clientWidth, root.clientHeight)).observe(root);
watch("value", pull);
pull();
links.send("stage", group(), {});
