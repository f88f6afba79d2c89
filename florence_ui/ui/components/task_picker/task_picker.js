// The task and its palette: a combobox over a list in groups.
const find = (query) => element.querySelector(query);
const root = find(".task-picker"), button = find(".task-button"), palette = find("#palette");
const search = find(".palette-search"), list = find(".palette-list");
const tasks = props.tasks, families = props.families;
const ICONS = {
  Caption: "M4 6h16M4 11h16M4 16h10",
  Detect: "M4 9V6a2 2 0 0 1 2-2h3M15 4h3a2 2 0 0 1 2 2v3M20 15v3a2 2 0 0 1-2 2h-3M9 20H6a2 2 0 0 1-2-2v-3M9 9h6v6H9z",
  Ground: "M4 5h16v10h-9l-4 4v-4H4zM8 10h8",
  Segment: "M12 4c5 0 8 2.5 8 6s-3 4-4 6-2 4-5 4-7-3-7-8 3-8 8-8zM9 10.5h.01M14 9h.01",
  Read: "M4 18 8.5 6 13 18M5.5 14h6M15 14.5a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M20 11.5V18",
  Region: "M5 5h2M11 5h2M17 5h2v2M19 11v2M19 17v2h-2M13 19h-2M7 19H5v-2M5 13v-2M5 7V5M12 9v6M9 12h6",
  Custom: "M5 7l5 5-5 5M12 18h7",
};
let at = 0;

const chosen = () => tasks.find((task) => task.token === (props.value || {}).token) || tasks[0];

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  return node;
}

function pull() {
  const task = chosen();
  root.dataset.kind = task.kind;
  root.dataset.token = task.token;
  find(".family-icon path").setAttribute("d", ICONS[task.family]);
  find(".task-title").textContent = task.title;
  find(".task-token").textContent = task.shown;
  find(".task-help").textContent = task.help;
  button.setAttribute("aria-label", `Task: ${task.title}. ${task.help}`);
}

function pick(token) {
  palette.hidePopover();
  if (token === chosen().token) return;
  props.value = { token };
  pull();
  root.dataset.picked = token;
  trigger("input");
  requestAnimationFrame(() => window.florencePage.focusField());
}

function option(task, index) {
  const row = make("div", "palette-item");
  row.id = `task-option-${index}`;
  row.dataset.token = task.token;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", String(task === chosen()));
  row.append(make("b", "", task.title), make("code", "", task.shown), make("span", "", task.help));
  row.addEventListener("pointermove", () => { if (at !== index) mark(index); });
  row.addEventListener("click", () => pick(task.token));
  return row;
}

// Tasks that have every word of the query; else those that know most of it: "where is the dog" finds what locates.
const wordsOf = (...texts) => texts.join(" ").toLowerCase().split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
function matching(query) {
  const asked = wordsOf(query), telling = asked.filter((word) => word.length > 2 && word !== "and");
  const has = ({ title, token, family, search: more, help }) =>
    asked.every((word) => wordsOf(title, token, family, more, help).some((own) => own.startsWith(word)));
  const count = ({ title, family, search: more }) => telling.filter((word) =>
    wordsOf(title, family, more).some((own) => own.startsWith(word) || (own.length > 3 && word.startsWith(own)))).length;
  const found = tasks.filter(has), most = Math.max(...tasks.map(count));
  return found.length || !most ? found : tasks.filter((task) => count(task) === most);
}

function fill() {
  const found = matching(search.value), columns = make("div", "palette-columns");
  const shown = found.length ? found : tasks.filter((task) => task.kind === "classes");
  let index = 0;
  for (const family of families) {
    const mine = shown.filter((task) => task.family === family);
    if (!mine.length) continue;
    const group = make("div", "palette-group"), title = make("h3", "", family);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", family);
    title.setAttribute("role", "presentation");
    group.append(title, ...mine.map((task) => option(task, index++)));
    columns.append(group);
  }
  columns.setAttribute("role", "presentation");
  list.replaceChildren(columns);
  if (!found.length) list.prepend(make("p", "palette-none", "No task matches. To find something, name it here:"));
}

const rows = () => [...list.querySelectorAll(".palette-item")];
function mark(index) {
  const all = rows();
  at = Math.min(Math.max(index, 0), all.length - 1);
  all.forEach((row, k) => row.classList.toggle("at", k === at));
  search.setAttribute("aria-activedescendant", all.length ? all[at].id : "");
  all[at]?.scrollIntoView({ block: "nearest" });
}

search.addEventListener("input", () => {
  fill();
  const named = tasks.find((task) => task.title.toLowerCase() === search.value.trim().toLowerCase());
  mark(rows().findIndex((row) => row.dataset.token === named?.token));   // the first, if none has that name
});
search.addEventListener("keydown", (event) => {
  const count = rows().length, to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: count - 1 }[event.key];
  if (event.key === "Enter" && count && !event.ctrlKey) pick(rows()[at].dataset.token);
  else if (to !== undefined && count) mark((to + count) % count);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
palette.addEventListener("beforetoggle", (event) => {
  if (event.newState !== "open") return;
  search.value = "";
  fill();
});
palette.addEventListener("toggle", (event) => {
  if (event.newState !== "open") return;
  search.focus();
  mark(rows().findIndex((row) => row.dataset.token === chosen().token));
});
watch("value", pull);
pull();
window.florencePage.popover(button, "up");
