// What is lit, selected, marked and asked on the stage.
function setLight(indices) {
  light.show(indices);
  caption.light(indices);
}
function showLight(indices) {
  setLight(indices);
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
