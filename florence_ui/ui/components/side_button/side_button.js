// One side of a comparison: its name, and the popover behind it.
const button = find(".side-button");
button.classList.add(props.who);
button.setAttribute("popovertarget", props.popover);

function pull() {
  const name = (props.value || {}).name || "…";
  button.querySelector("span").textContent = name;
  button.setAttribute("aria-label", `${props.label}: ${name}`);
}
watch("value", pull);
pull();
window.florencePage.popover(button, "up");
