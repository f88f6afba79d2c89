// The stage: its parts, what is selected on it, and what it tells the server and its neighbours.
const VIEW_DELAY = 120, REGION_DELAY = 150;   // milliseconds of rest before the server hears of it
const root = find(".stage"), said = find(".stage-said");
let value = {}, selected = -1, isRegionSelected = false, pointed = -1;
let isGrabbing = false, isSpaceHeld = false, isTouched = false, comesFrom = null;
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
const notes = makeNotes(root, viewport, objects, { dismiss: dismissNote });
const caption = makeCaption(root, viewport, objects, { light: showLight, select: (index) => select(index) });
const foot = makeFoot(root, { press: (name) => trigger("press", { name }) });
const zoomBar = makeZoomBar(root, viewport, { grab });
const sides = makeSides(root, viewport);
const files = makeUpload(root, {
  isOpen: () => Boolean(value.opens),
  report: (count) => assume({ state: "busy", title: count > 1 ? "Opening the pictures" : "Opening the picture", hint: "" }),
  failed: (title) => assume({ state: "failed", title, hint: "", actions: [] }),
});
const camera = makeCamera(root, { take: files.take, failed: (title) => assume({ state: "failed", title, hint: "" }) });
const empty = makeEmpty(root, { choose: files.choose, paste: files.paste, openCamera: camera.open });

// What is seen until the server says otherwise. It becomes the component's value, so that the server's next one differs.
function assume(change) {
  props.value = { ...value, ...change };
  pull();
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
function later(name, delay, report) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(report, delay);
}
// What lies over the seen part of the picture, in fractions of it: there the drawing has no labels.
function reservedAreas(part) {
  const over = [...root.querySelectorAll(".stage-notice:not(.silent), .stage-caption:not(.beside)")];
  if (viewport.isZoomed) over.push(root.querySelector(".stage-zoom"));
  return over.map((node) => boxWithin(node, root, 4)).filter((box) => overlapOf(box, part) > 0).map((box) =>
    rounded(box.map((v, k) => clamp((v - part[k % 2]) / (part[k % 2 + 2] - part[k % 2]), 0, 1))));
}
function reportView() {
  later("view", VIEW_DELAY, () => {
    if (!hasPicture() || !isShown()) return;
    const ratio = window.devicePixelRatio || 1, box = viewport.seen, [x1, y1, x2, y2] = viewport.boxToStage(box);
    const size = [x2 - x1, y2 - y1].map((v) => Math.round(v * ratio));
    const view = { size, ratio, box: rounded(box), reserved: reservedAreas([x1, y1, x2, y2]) };
    const name = JSON.stringify([view, value.picture.url]);
    if (sent.view === name) return;
    sent.view = name;
    trigger("view", view);
  });
}

// Light and selection.
function showLight(indices) {
  light.show(indices);
  links.send("light", group(), { numbers: objects.numbersOf(indices) });
}
function pointAt(here) {
  const index = here && !isGrabbing ? objects.at(here) : -1;
  if (index === pointed) return;
  pointed = index;
  root.classList.toggle("over", index >= 0);
  showLight(index < 0 ? [] : [index]);
}
function setSelection(index, isRegion = false) {
  selected = objects.isVisible(index) ? index : -1;
  isRegionSelected = isRegion && region.box !== null;
  light.keep(selected);
  const box = isRegionSelected ? region.box : selected >= 0 ? objects.box(selected) : null;
  toolbar.show(asks() && box ? { box, isRegion: isRegionSelected } : null);
  drawTools();
}
function select(index, { isRegion = false, isHeard = false } = {}) {
  const before = selected;
  setSelection(index, isRegion);
  if (selected === before) return;
  if (!isHeard) links.send("select", group(), { number: selected < 0 ? null : objects.numbersOf([selected])[0] });
  trigger("select", { index: selected });
}
function click(here) {
  const index = objects.at(here);
  if (region.box) dropRegion();
  select(index === selected ? -1 : index);
}
function step(by) {
  const all = objects.visible, at = all.indexOf(selected);
  if (!all.length) return;
  if (region.box) dropRegion();
  select(all[(at < 0 && by < 0 ? all.length - 1 : at + by + all.length) % all.length]);
  viewport.reveal(objects.box(selected));
  say(`${objects.numbersOf([selected])[0]}, ${objects.nameOf(selected)}`);
}
function enterTools() {
  if (region.box && selected < 0) setSelection(-1, true);
  comesFrom = document.activeElement;
  toolbar.focus();
}
function escape() {
  if (!region.box && selected < 0) return false;
  const wasInside = root.contains(document.activeElement) && document.activeElement !== root;
  if (region.box) dropRegion();
  select(-1);
  if (wasInside) (comesFrom?.isConnected && isFocusable(comesFrom) ? comesFrom : root).focus({ preventScroll: true });
  comesFrom = null;
  return true;
}
const isFocusable = (node) => node.getClientRects().length > 0 && node !== document.body;
function hideSelected() {
  objects.hide([selected], true);
  links.send("hidden", group(), { numbers: objects.numbersOf(objects.hidden) });
  trigger("toggle", { hidden: objects.hidden });
  select(-1);
  root.focus({ preventScroll: true });
}
function grab(isOn) {
  isGrabbing = isOn;
  zoomBar.setGrabbing(isOn);
  root.classList.toggle("pans", isGrabbing || isSpaceHeld);
}
function holdSpace(isOn) {
  isSpaceHeld = isOn;
  root.classList.toggle("pans", isGrabbing || isSpaceHeld);
}

// The region.
function reportRegion() {
  later("region", REGION_DELAY, () => trigger("region", { box: region.box }));
}
function finishRegion(box) {
  region.set(box);
  select(-1, { isRegion: true });
  reportRegion();
}
function dropRegion() {
  region.set(null);
  setSelection(selected);
  reportRegion();
}
function drawRegion(from, to) {
  if (!from) return dropRegion();
  if (selected >= 0 || isRegionSelected) select(-1);
  region.span(from, to);
}

// Questions about the selected place, and their notes.
function act(action) {
  const place = isRegionSelected ? { region: region.box } : { index: selected };
  const others = (value.notes || []).filter((note) => keyOf(note) !== keyOf({ action, ...place }));
  assume({ notes: [...others, { action, ...place, state: "busy" }] });
  trigger("act", { action, ...place });
}
function dismissNote({ action, index, region: box }) {
  const place = box ? { region: box } : { index };
  assume({ notes: value.notes.filter((note) => keyOf(note) !== keyOf({ action, ...place })) });
  trigger("dismiss", { action, ...place });
  root.focus({ preventScroll: true });
}

// A new value from the server.
function pull() {
  const before = value;
  value = props.value || {};
  const size = value.size ?? [1, 1], isNewPicture = addressOf(before.picture) !== addressOf(value.picture);
  const isNewAnswer = isNewPicture || (before.answer ?? "") !== (value.answer ?? "");
  if (isNewPicture) {
    viewport.setPicture(size);
    if (value.opens && hasPicture()) document.documentElement.style.setProperty("--ratio", String(viewport.ratio));
  }
  objects.set(value.items ?? [], size);
  if (isNewPicture || JSON.stringify(before.region ?? null) !== JSON.stringify(value.region ?? null)) {
    region.set(value.region ?? null);
  }
  root.dataset.state = value.state ?? "empty";
  root.setAttribute("aria-label", labelOf());
  layers.showPicture(addressOf(value.picture), value.alt ?? "");
  layers.setAnswer(value.answer ?? "");
  drawings.forEach(layers.showDrawing);
  notes.set(value.notes ?? []);
  sayNotes(before.notes ?? []);
  caption.set(value.state === "done" || value.state === "stale" ? value.phrases ?? [] : []);
  foot.set({ ...value, inviting: value.inviting && !isTouched });
  empty.set(value, !hasPicture());
  sides.set(value);
  pointed = -1;
  light.show([]);
  if (isNewAnswer || value.state === "busy") select(-1);
  else setSelection(selected, isRegionSelected);
  draw();
  reportView();
}
function labelOf() {
  if (!hasPicture()) return "No picture";
  return value.asks ? "Picture. Plus and minus zoom, N and P go from object to object, B places a region." : "Picture";
}
function sayNotes(before) {
  const known = new Set(before.map((note) => JSON.stringify(note)));
  const fresh = (value.notes ?? []).filter((note) => note.state !== "busy" && !known.has(JSON.stringify(note)));
  if (fresh.length) say(fresh.map((note) => `${note.title}: ${note.text}`).join(" "));
}

makeGestures(root, viewport, {
  hasPicture, click, draw: drawRegion, point: pointAt,
  drawn: (isLarge) => (isLarge ? finishRegion(region.box) : dropRegion()),
  canDraw: asks,
  releaseRegion: region.release,
  pans: () => isGrabbing || isSpaceHeld,
});
makeKeys(root, viewport, {
  hasPicture, step, escape, holdSpace, canDraw: asks, enter: enterTools, place: region.place,
});
for (const type of ["pointerdown", "keydown"]) root.addEventListener(type, () => {
  if (isTouched || !value.inviting) return;
  isTouched = true;
  foot.set({ ...value, inviting: false });
});

links.hear("light", group, ({ numbers }) => light.show(objects.indicesOf(numbers)));
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
  drawings.set(heard.side, heard);
  layers.showDrawing(heard);
});
links.hear("place", group, () => { if (asks() && hasPicture() && isShown()) region.place(); });
links.hear("clear-region", group, () => { if (asks() && isShown()) escape(); });
links.hear("pick", group, ({ how }) => {
  if (value.opens) ({ file: files.choose, camera: camera.open, paste: files.paste })[how]?.();
});

new ResizeObserver(() => viewport.resize(root.clientWidth, root.clientHeight)).observe(root);
watch("value", pull);
pull();
links.send("stage", group(), {});
