// The verdict, and the radio buttons of the layouts.
const headline = find(".verdict-words b"), details = find(".verdict-words span");
const radios = [...element.querySelectorAll("input")];

function pull() {
  const value = props.value || {};
  find(".verdict").dataset.tone = value.tone || "";
  write(headline, value.headline || "");
  write(details, value.details ? `: ${value.details}` : "");
  for (const radio of radios) radio.checked = radio.value === (value.layout || "one");
}
for (const radio of radios) radio.addEventListener("change", () => {
  props.value = { ...props.value, layout: radio.value };
  trigger("layout", { name: radio.value });
});
// The picture of Explore is the one that is compared.
links.hear("picture", () => "explore", () => { if (isShown(element)) trigger("picture"); });
watch("value", pull);
pull();
