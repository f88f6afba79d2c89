// The live layer over the drawn picture: transparent outlines, the list beside them, the text's phrases.
const find = (query) => element.querySelector(query);
const stage = find(".stage"), image = find(".stage-img"), live = find(".stage-live"), hitGroup = find(".stage-hits");
const shade = find(".stage-shade"), lit = find(".stage-lit"), words = find(".stage-text");
const labels = find(".stage-labels"), list = find(".stage-list"), clock = find(".stage-clock");
const SVG = "http://www.w3.org/2000/svg";
const EYE = "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7z M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z", CLOSED = " M4 4l16 16";
let items = [], paths = [], rows = [], phrases = [], hidden = new Set(), pinned = -1, ticking = null, seen = "";

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}
const nameOf = (item, index) => item.label || `region ${index + 1}`;
const tintOf = (item) => (/^#[0-9a-f]{6}$/i.test(item.color) ? item.color : "var(--color-accent)");

// Lights one object everywhere; -1 lights none.
function light(index) {
  const path = index >= 0 && !hidden.has(index) ? paths[index] : "";
  const [w, h] = [live.viewBox.baseVal.width, live.viewBox.baseVal.height];
  live.classList.toggle("on", Boolean(path));
  shade.setAttribute("d", path ? `M0 0H${w}V${h}H0Z${path}` : "");
  lit.setAttribute("d", path);
  rows.forEach((row, k) => row.classList.toggle("on", k === index));
  phrases.forEach(({ node, at }) => node.classList.toggle("on", at.includes(index)));
}
function pin(index) {
  pinned = pinned === index ? -1 : index;
  rows.forEach((row, k) => row.firstChild.setAttribute("aria-pressed", String(k === pinned)));
  light(pinned);
  trigger("select", { index: pinned });
}
function reveal(index) {
  light(index);
  const row = rows[index];
  if (row) list.scrollTo({ top: row.offsetTop - list.offsetTop - list.clientHeight / 2, behavior: "instant" });
}
function wire(node, index, onEnter = light) {
  node.addEventListener("pointerenter", () => onEnter(index));
  node.addEventListener("pointerleave", () => light(pinned));
  node.addEventListener("focus", () => onEnter(index));
  node.addEventListener("blur", () => light(pinned));
  node.addEventListener("click", () => pin(index));
}

function outline(item) {
  const rings = Array.isArray(item.outline) ? item.outline : [];
  return rings.filter((ring) => ring.length > 2).map((ring) => `M${ring.map((p) => p.map(Number).join(" ")).join("L")}Z`).join("");
}
function drawHits() {
  paths = items.map(outline);
  const order = paths.map((_, k) => k).filter((k) => paths[k]).sort((a, b) => items[b].area - items[a].area);
  hitGroup.replaceChildren(...order.map((k) => {   // the smallest object lies on top and wins
    const hit = document.createElementNS(SVG, "path");
    hit.setAttribute("d", paths[k]);
    hit.dataset.index = k;
    wire(hit, k, reveal);
    return hit;
  }));
}

function eye(index) {
  const button = make("button", "stage-eye"), icon = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  button.type = "button";
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  icon.append(path);
  button.append(icon);
  button.addEventListener("click", () => show([index], hidden.has(index)));
  return button;
}
function drawList() {
  rows = items.map((item, index) => {
    const row = make("li"), button = make("button", "stage-row"), swatch = make("i");
    const label = make("span", "", nameOf(item, index));
    button.type = "button";
    label.dir = "auto";
    button.setAttribute("aria-pressed", "false");
    row.style.setProperty("--tint", tintOf(item));
    button.append(swatch, label);
    row.append(button, eye(index));
    wire(button, index);
    row.addEventListener("pointerenter", () => light(index));
    row.addEventListener("pointerleave", () => light(pinned));
    return row;
  });
  list.replaceChildren(...rows);
}
function drawLabels() {
  const groups = new Map();
  items.forEach((item, k) => groups.set(item.label, [...(groups.get(item.label) || []), k]));
  const several = groups.size > 1 && groups.size < items.length;
  labels.replaceChildren(...(several ? [...groups] : []).map(([label, at]) => {
    const button = make("button", "", `${label || "no label"} ${at.length}`);
    button.type = "button";
    button.at = at;
    button.addEventListener("click", () => show(at, at.every((k) => hidden.has(k))));
    return button;
  }));
}
function markHidden() {
  rows.forEach((row, k) => {
    const off = hidden.has(k), button = row.lastChild;
    row.classList.toggle("off", off);
    button.setAttribute("aria-label", `${off ? "Show" : "Hide"} ${nameOf(items[k], k)}`);
    button.querySelector("path").setAttribute("d", off ? EYE + CLOSED : EYE);
  });
  [...labels.children].forEach((b) => b.setAttribute("aria-pressed", String(!b.at.every((k) => hidden.has(k)))));
  [...hitGroup.children].forEach((hit) => { hit.style.display = hidden.has(Number(hit.dataset.index)) ? "none" : ""; });
  const count = items.length === 1 ? "1 found" : `${items.length} found`;
  find(".stage-count").textContent = hidden.size ? `${count}, ${items.length - hidden.size} shown` : count;
}
function show(indices, visible) {
  indices.forEach((k) => (visible ? hidden.delete(k) : hidden.add(k)));
  markHidden();
  light(pinned);
  trigger("toggle", { hidden: [...hidden] });
}

function drawText(pieces) {
  phrases = [];
  words.replaceChildren(...pieces.map((piece) => {
    const at = (piece.items || []).filter((k) => items[k]);
    if (!at.length) return document.createTextNode(piece.text);
    const node = make("button", "", piece.text);
    node.type = "button";
    node.style.setProperty("--tint", tintOf(items[at[0]]));
    wire(node, at[0]);
    phrases.push({ node, at });
    return node;
  }));
}

function tick(busy, label) {
  if (busy && ticking && label === tick.label) return;
  clearInterval(ticking);
  ticking = null;
  clock.textContent = "";
  if (!busy) return;
  const began = Date.now();
  tick.label = label;
  ticking = setInterval(() => {
    if (!element.isConnected) return clearInterval(ticking);
    clock.textContent = `${Math.round((Date.now() - began) / 1000)} s`;
  }, 1000);
}

function showImage(url, alt) {
  if (typeof url === "string" && /^(https?:|\/)/.test(url)) {
    if (image.getAttribute("src") !== url) image.setAttribute("src", url);
  } else image.removeAttribute("src");
  image.alt = alt || "";
}

function pull() {
  const value = props.value || {};
  const next = Array.isArray(value.items) ? value.items : [], pieces = Array.isArray(value.phrases) ? value.phrases : [];
  const same = JSON.stringify([next.map((o) => [o.label, o.outline]), pieces, value.state]);
  showImage(value.image && value.image.url, value.alt);
  stage.dataset.state = value.state || "empty";
  find(".stage-title").textContent = value.title || "";
  find(".stage-hint").textContent = value.hint || "";
  tick(value.state === "busy", "run");
  const [w, h] = value.size || [1, 1];
  live.setAttribute("viewBox", `0 0 ${Number(w) || 1} ${Number(h) || 1}`);
  items = next;
  hidden = new Set(items.flatMap((item, k) => (item.shown === false ? [k] : [])));
  if (same !== seen) {   // a new answer; a new drawing of the same one keeps what is pinned
    seen = same;
    pinned = -1;
    stage.classList.toggle("listed", items.length > 0);
    drawHits();
    drawList();
    drawText(pieces);
    drawLabels();
  } else rows.forEach((row, k) => row.style.setProperty("--tint", tintOf(items[k])));
  markHidden();
  light(pinned);
}
// As large as the window bears, but a small picture is not blown up without measure.
image.addEventListener("load", () => {
  const frame = find(".stage-frame");
  frame.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
  frame.style.setProperty("--most", `${image.naturalWidth * 2.5}px`);
});
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && pinned >= 0) pin(pinned);
});
watch("value", pull);
pull();
