// Who found what: hovering or focusing a row lights its objects on the stages.
const root = find(".found-by"), legend = find(".legend"), body = find("tbody");
const settle = makeRoving(body);
let lightable = [];   // { node, numbers }

const value = () => props.value || {};
const group = () => "compare";
const light = (numbers) => links.send("light", group(), { numbers });

function hoverable(node, numbers) {
  lightable.push({ node, numbers });
  node.addEventListener("pointerenter", () => light(numbers));
  node.addEventListener("pointerleave", () => light([]));
  node.addEventListener("focusin", () => light(numbers));
  node.addEventListener("focusout", () => light([]));
  return node;
}
function drawEntry({ who, name, count, numbers = [] }) {
  return hoverable(make("li", {}, make("i", { class: who, "aria-hidden": "true" }), make("span", { dir: "auto" }, name),
    make("b", {}, String(count))), numbers);
}
function drawRow({ label, left, right, differs, numbers = [] }) {
  const name = label || "without a name";
  const head = make("th", { scope: "row" }, make("button", { type: "button", dir: "auto" }, name));
  const row = make("tr", { class: differs ? "differs" : null }, head, make("td", {}, String(left)), make("td", {}, String(right)));
  return hoverable(row, numbers);
}
function drawText({ who, name, pieces = [] }) {
  const words = pieces.map(({ text, marked }) => (marked ? make("mark", { class: who }, text) : text));
  return make("section", {}, make("h3", {}, make("i", { class: who, "aria-hidden": "true" }), name),
    make("p", { class: "found-text", dir: "auto" }, ...words));
}
function drawRemark({ name, text, tone }) {
  return make("p", { "data-tone": tone || "" }, make("b", {}, `${name}: `), text);
}

function pull() {
  const { state, source, hint, names = [], rows = [], texts = [], remarks = [] } = value();
  lightable = [];
  root.dataset.state = state || "empty";
  find(".found-source").textContent = source || "";
  find(".found-hint").textContent = hint || "";
  legend.replaceChildren(...(value().legend ?? []).map(drawEntry));
  find(".found-remarks").replaceChildren(...remarks.map(drawRemark));
  find(".found-texts").replaceChildren(...texts.map(drawText));
  find(".found-table").hidden = !rows.length;
  element.querySelectorAll("thead .count").forEach((cell, side) => { cell.textContent = names[side] ?? ""; });
  body.replaceChildren(...rows.map(drawRow));
  settle();
}
links.hear("light", group, ({ numbers }) => {
  for (const { node, numbers: own } of lightable) node.classList.toggle("on", own.some((number) => numbers.includes(number)));
});
watch("value", pull);
pull();
