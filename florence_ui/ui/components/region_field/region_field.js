// The line about the region.
const field = element.querySelector(".region-field"), text = element.querySelector(".region-text"), button = element.querySelector("button");

function pull() {
  const words = (props.value && props.value.text) || "";
  field.classList.toggle("set", Boolean(words));
  field.dataset.region = (props.value && props.value.box) ?? "";
  field.dataset.token = (props.value && props.value.token) || (field.dataset.token ?? "");
  text.textContent = words || "Draw a box on the picture";
  button.textContent = words ? "Clear" : "Place one";
}
button.addEventListener("click", () => {
  document.dispatchEvent(new CustomEvent(field.classList.contains("set") ? "florence:clear-region" : "florence:place"));
});
watch("value", pull);
pull();
