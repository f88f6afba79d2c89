// The task and its palette: a combobox over a list in groups.
const root = find(".task-picker"), button = find(".task-button"), palette = find("#palette");
const search = find(".palette-search"), list = find(".palette-list");
const { tasks, families } = props;
const FAMILY_ICONS = {
  Caption: ICONS.describe,
  Detect: "M4 9V6a2 2 0 0 1 2-2h3M15 4h3a2 2 0 0 1 2 2v3M20 15v3a2 2 0 0 1-2 2h-3M9 20H6a2 2 0 0 1-2-2v-3M9 9h6v6H9z",
  Ground: "M4 5h16v10h-9l-4 4v-4H4zM8 10h8",
  Segment: ICONS.segment,
  Read: ICONS.read,
  Region: "M5 5h2M11 5h2M17 5h2v2M19 11v2M19 17v2h-2M13 19h-2M7 19H5v-2M5 13v-2M5 7V5M12 9v6M9 12h6",
  Custom: "M5 7l5 5-5 5M12 18h7",
};
let at = 0;

const chosen = () => tasks.find((task) => task.token === (props.value || {}).token) || tasks[0];

function pull() {
  const task = chosen();
  root.dataset.kind = task.kind;
  root.dataset.token = task.token;
  find(".family-icon path").setAttribute("d", FAMILY_ICONS[task.family]);
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
  return make("div", {
    class: "palette-item", id: `task-option-${index}`, "data-token": task.token, role: "option",
    "aria-selected": String(task === chosen()),
    onpointermove: () => { if (at !== index) mark(index); },
    onclick: () => pick(task.token),
  }, make("b", {}, task.title), make("code", {}, task.shown), make("span", {}, task.help));
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
  const found = matching(search.value), columns = make("div", { class: "palette-columns", role: "presentation" });
  const shown = found.length ? found : tasks.filter((task) => task.kind === "classes");
  let index = 0;
  for (const family of families) {
    const mine = shown.filter((task) => task.family === family);
    if (!mine.length) continue;
    columns.append(make("div", { class: "palette-group", role: "group", "aria-label": family },
      make("h3", { role: "presentation" }, family), ...mine.map((task) => option(task, index++))));
  }
  list.replaceChildren(columns);
  if (!found.length) list.prepend(make("p", { class: "palette-none" }, "No task matches. To find something, name it here:"));
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
