// Totals by class. Rows are changed in place, so that the focus stays where it is while the work goes on.
const list = find(".totals-rows"), settle = makeRoving(list);

function makeRow() {
  const button = makeButton({ class: "total" }, make("i", { class: "swatch", "aria-hidden": "true" }), make("span", { class: "name", dir: "auto" }),
    make("span", { class: "track", "aria-hidden": "true" }, make("i", { class: "bar" })), make("span", { class: "count" }));
  button.addEventListener("click", () => {
    trigger("select", { label: button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.label });
  });
  return make("li", {}, button);
}
function show(item, row, most) {
  const button = item.firstChild, name = row.label || "without a name";
  const pictures = row.pictures === 1 ? "1 picture" : `${row.pictures} pictures`;
  button.dataset.label = row.label;
  button.setAttribute("aria-pressed", String(Boolean(row.chosen)));
  button.setAttribute("aria-label", `${name}: ${row.count}, in ${pictures}`);
  button.title = `in ${pictures}`;
  button.style.setProperty("--tint", colorOf(row));
  button.querySelector(".name").textContent = name;
  button.querySelector(".bar").style.width = `${(100 * row.count) / most}%`;
  button.querySelector(".count").textContent = row.count;
}
function pull() {
  const { title, source, hint, rows = [] } = props.value || {};
  find(".totals-title").textContent = title || "";
  find(".totals-source").textContent = source || "";
  find(".totals-hint").textContent = hint || "";
  while (list.children.length > rows.length) list.lastChild.remove();
  while (list.children.length < rows.length) list.append(makeRow());
  rows.forEach((row, index) => show(list.children[index], row, rows[0].count || 1));
  settle(document.activeElement);
}
watch("value", pull);
pull();
