// One drawer at a time; its button again, its cross or Escape brings the list back.
const buttons = [...element.querySelectorAll("button")], page = document.documentElement;
const ALWAYS = ["style"];

function open(name) {
  if (name) page.dataset.drawer = name;
  else delete page.dataset.drawer;
  buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.name === name)));
}
function close() {
  const button = buttons.find((each) => each.dataset.name === page.dataset.drawer);
  open("");
  button?.focus();
}
function pull() {
  const answered = Boolean(props.value && props.value.answered);
  buttons.forEach((button) => { button.disabled = !answered && !ALWAYS.includes(button.dataset.name); });
  if (!answered && page.dataset.drawer && !ALWAYS.includes(page.dataset.drawer)) open("");
}
buttons.forEach((button) => button.addEventListener("click", () => {
  open(page.dataset.drawer === button.dataset.name ? "" : button.dataset.name);
}));
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-do=close-drawer]")) close();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest?.(".drawer")) close();
});
watch("value", pull);
open("");
pull();
