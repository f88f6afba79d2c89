// Sentences, as text.
const area = element.querySelector(".notice");

function span(name, text) {
  const node = document.createElement("span");
  node.className = name;
  node.textContent = text;
  return node;
}

function pull() {
  const messages = (props.value && props.value.messages) || [];
  area.setAttribute("role", messages.some((message) => message.tone === "error") ? "alert" : "status");
  area.replaceChildren(...messages.map((message) => {
    const row = document.createElement("p"), words = document.createElement("span");
    row.className = ["good", "busy", "warning", "error"].includes(message.tone) ? message.tone : "plain";
    words.dir = "auto";
    words.append(span("text", String(message.text)));
    if (message.hint) words.append(" ", span("hint", String(message.hint)));
    row.append(words);
    return row;
  }));
  element.classList.toggle("silent", messages.length === 0);
  if (messages.length) element.dispatchEvent(new CustomEvent("notified", { bubbles: true }));
}
// A message from the page's own scripts.
element.addEventListener("notice", (event) => {
  props.value = { messages: [event.detail] };
  pull();
});
watch("value", pull);
pull();
