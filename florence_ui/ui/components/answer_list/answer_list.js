// The list: a row per object, or per label with a button for each of its objects.
const GHOSTS = [96, 128, 72, 110, 88];   // widths in CSS pixels
const title = find(".list-title"), rows = find(".list-rows"), phrases = find(".list-phrases"), header = find("header");
const copy = makeButton({ class: "copy", "aria-label": "Copy all lines", title: "Copy all lines" }, makeIcon("copy"));
let value = {}, all = [], hidden = new Set(), selected = null;
const buttons = new Map();   // number -> its button
copy.addEventListener("click", () => copyText(value.copy_text, copy));
header.append(copy);

const group = () => "explore";
function light(some) {
  const numbers = some.map((row) => row.number);
  showLight(numbers);
  links.send("light", group(), { numbers });
}
function showLight(numbers) {
  for (const [number, button] of buttons) button.closest(".row, .numbers button").classList.toggle("on", numbers.includes(number));
  lightPhrases(phrases, all.filter((row) => numbers.includes(row.number)).map((row) => row.index));
}
function hoverable(button, some) {
  button.addEventListener("pointerenter", () => light(some));
  button.addEventListener("pointerleave", () => light([]));
  button.addEventListener("focus", () => button.matches(":focus-visible") && light(some));
  button.addEventListener("blur", () => light([]));
  return button;
}
function select(row, event) {
  if (hidden.has(row.index)) setHidden([row], false);
  mark(selected === row.number ? null : row.number);
  links.send("select", group(), { number: selected, isKey: event.detail === 0 });
}
function mark(number) {
  selected = number;
  for (const [each, button] of buttons) button.setAttribute("aria-pressed", String(each === number));
  buttons.get(number)?.scrollIntoView({ block: "nearest" });
}

// What is hidden.
function setHidden(some, isHidden) {
  some.forEach(({ index }) => (isHidden ? hidden.add(index) : hidden.delete(index)));
  reportHidden();
}
function reportHidden() {
  drawHidden();
  const numbers = all.filter(({ index }) => hidden.has(index)).map((row) => row.number);
  links.send("hidden", group(), { numbers });
  trigger("toggle", { hidden: [...hidden].sort((a, b) => a - b) });
}
function showOnly(some) {
  const isOnly = all.every((row) => hidden.has(row.index) !== some.includes(row));
  hidden = new Set(isOnly ? [] : all.filter((row) => !some.includes(row)).map((row) => row.index));
  reportHidden();
}
function drawHidden() {
  for (const node of rows.querySelectorAll("[data-indices]")) {
    const at = JSON.parse(node.dataset.indices), isOff = at.every((index) => hidden.has(index));
    node.classList.toggle("off", isOff);
    const eye = node.querySelector(".eye"), single = node.querySelector(".only");
    eye?.setAttribute("aria-pressed", String(isOff));
    eye?.querySelector("path").setAttribute("d", ICONS[isOff ? "eyeOff" : "eye"]);
    if (!single) continue;
    const isOnly = all.every((row) => hidden.has(row.index) !== at.includes(row.index));
    single.setAttribute("aria-pressed", String(isOnly));
    single.textContent = isOnly ? "All" : "Only";
  }
}
function makeEye(some, name) {
  const toggle = () => setHidden(some, !some.every((row) => hidden.has(row.index)));
  return makeButton({ class: "eye", "aria-label": `Hide ${name}`, title: "Show or hide", onclick: toggle }, makeIcon("eye"));
}

// Rows.
function drawRow(row) {
  const button = hoverable(makeButton({ class: "main", "aria-pressed": "false", onclick: (event) => select(row, event) },
    make("span", { class: "badge" }, String(row.number)), make("span", { class: "name", dir: "auto" }, row.name)), [row]);
  buttons.set(row.number, button);
  return make("li", { class: "row", "data-indices": JSON.stringify([row.index]), style: `--tint: ${colorOf(row)}` },
    button, makeEye([row], row.name));
}
function drawGroup({ name, all_name: allName, rows: some }, isAlone) {
  const next = (event) => select(some[(some.findIndex((row) => row.number === selected) + 1) % some.length], event);
  const heading = hoverable(makeButton({ class: "main", onclick: next }, make("span", { class: "badge", "aria-hidden": "true" }),
    make("span", { class: "name", dir: "auto" }, name, make("span", { class: "count" }, String(some.length)))), some);
  const indices = JSON.stringify(some.map((row) => row.index));
  const head = make("div", { class: "row", "data-indices": indices }, heading,
    isAlone ? null : makeButton({ class: "only", "aria-pressed": "false", onclick: () => showOnly(some) }, "Only"),
    makeEye(some, allName || name));
  const numbers = make("div", { class: "numbers", role: "group", "aria-label": name }, ...some.map(drawNumber));
  return make("li", { style: `--tint: ${colorOf(some[0])}` }, head, numbers);
}
function drawNumber(row) {
  const button = hoverable(makeButton({
    "data-indices": JSON.stringify([row.index]), "aria-pressed": "false",
    "aria-label": [row.number, row.name, row.place].filter(Boolean).join(", "),
    onclick: (event) => select(row, event),
  }, String(row.number)), [row]);
  buttons.set(row.number, button);
  return button;
}

function pull() {
  const before = JSON.stringify([value.groups, value.state]);
  value = props.value || {};
  const groups = value.groups ?? [], isBusy = value.state === "busy";
  element.firstElementChild.dataset.state = value.state ?? "empty";
  title.hidden = !value.title && !isBusy;
  if (value.title) title.textContent = value.title;
  else title.replaceChildren(make("span", {}, "Waiting for the answer"));
  find(".list-source").textContent = value.source ?? "";
  find(".list-hint").textContent = value.hint ?? "";
  copy.hidden = !value.copy_text;
  rows.classList.toggle("lines", Boolean(value.lines));
  all = groups.flatMap((each) => each.rows);
  hidden = new Set(all.filter((row) => row.shown === false).map((row) => row.index));
  phrases.replaceChildren(...makePhrases(value.phrases ?? [], {
    colorAt: (index) => (all.some((row) => row.index === index) ? colorOf(all.find((row) => row.index === index)) : ""),
    light: (indices) => light(all.filter((row) => indices.includes(row.index))),
    select: (index) => select(all.find((row) => row.index === index), { detail: 1 }),
  }));
  if (before !== JSON.stringify([groups, value.state])) drawRows(groups, isBusy);
  drawHidden();
}
function drawRows(groups, isBusy) {
  buttons.clear();
  const ghosts = GHOSTS.map((width) => make("li", { class: "ghost", "aria-hidden": "true", style: `--w: ${width}px` }));
  const shown = groups.map((each) => (each.rows.length > 1 ? drawGroup(each, groups.length === 1) : drawRow(each.rows[0])));
  rows.replaceChildren(...(isBusy ? ghosts : shown));
  mark(buttons.has(selected) ? selected : null);
}

links.hear("light", group, ({ numbers }) => showLight(numbers));
links.hear("select", group, ({ number }) => mark(number));
links.hear("hidden", group, ({ numbers }) => {
  hidden = new Set(all.filter((row) => numbers.includes(row.number)).map((row) => row.index));
  drawHidden();
});
watch("value", pull);
pull();
