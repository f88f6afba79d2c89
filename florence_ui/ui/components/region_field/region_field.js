// The line about the region.
const field = find(".region-field"), button = find("button");

function pull() {
  const { text, box, token } = props.value || {};
  field.classList.toggle("set", Boolean(text));
  field.dataset.region = box ?? "";
  field.dataset.token = token || (field.dataset.token ?? "");
  find(".region-text").textContent = text || "Draw a box on the picture";
  button.textContent = text ? "Clear" : "Place one";
}
button.addEventListener("click", () => links.send(field.classList.contains("set") ? "clear-region" : "place"));
watch("value", pull);
pull();
