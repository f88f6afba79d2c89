// Sentences, as text.
const area = find(".notice");

function makeSentence({ text, hint, tone }) {
  const words = make("span", { dir: "auto" }, make("span", { class: "text" }, text));
  if (hint) words.append(" ", make("span", { class: "hint" }, hint));
  return make("p", { class: tone || "plain" }, words);
}
function pull() {
  const messages = props.value?.messages ?? [];
  area.setAttribute("role", messages.some(({ tone }) => tone === "error") ? "alert" : "status");
  area.replaceChildren(...messages.map(makeSentence));
  element.classList.toggle("silent", messages.length === 0);
  if (messages.length) element.dispatchEvent(new CustomEvent("notified", { bubbles: true }));
}
watch("value", pull);
pull();
