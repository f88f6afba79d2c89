// One drawer at a time; its button again, its cross or Escape brings the list back.
const bar = find(".drawer-bar"), side = element.closest(".side");
const idOf = (title) => `${props.prefix}${title.toLowerCase()}`;
const drawerOf = (title) => side.querySelector(`#drawer-${idOf(title)}`);
const buttons = props.names.map((title) =>
  makeButton({ id: `open-${idOf(title)}`, "data-title": title, onclick: () => open(title === opened ? "" : title) }, title));
let opened = "";

function open(title) {
  opened = title;
  side.toggleAttribute("data-drawer", Boolean(title));
  for (const button of buttons) {
    const isOpen = button.dataset.title === title;
    button.setAttribute("aria-pressed", String(isOpen));
    drawerOf(button.dataset.title).toggleAttribute("data-open", isOpen);
  }
}
function close() {
  const button = buttons.find((each) => each.dataset.title === opened);
  open("");
  button?.focus();
}
function pull() {
  const answered = Boolean(props.value && props.value.answered);
  for (const button of buttons) button.disabled = !answered && !props.always.includes(button.dataset.title);
  if (!answered && opened && !props.always.includes(opened)) open("");
}
bar.setAttribute("aria-label", props.label);
bar.append(...buttons);
side.addEventListener("click", (event) => {
  if (event.target.closest("[data-do=close-drawer]")) close();
});
side.addEventListener("keydown", (event) => {
  const isInList = event.target.getAttribute("aria-expanded") === "true";   // Escape closes that alone
  if (event.key === "Escape" && !isInList && event.target.closest(".drawer, .drawer-bar")) close();
});
watch("value", pull);
open("");
pull();
