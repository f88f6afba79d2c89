// Sentences, as text.
const area = element.querySelector(".notice");

function span(name, text) {
  const node = document.createElement("span");
  node.className = name;
  node.textContent = text;
  return node;
}

function pull() {
  const lines = (props.value && props.value.lines) || [];
  area.setAttribute("role", lines.some((line) => line.tone === "error") ? "alert" : "status");
  area.replaceChildren(...lines.map((line) => {
    const row = document.createElement("p"), words = document.createElement("span");
    row.className = ["good", "busy", "warning", "error"].includes(line.tone) ? line.tone : "plain";
    words.dir = "auto";
    words.append(span("said", String(line.text)));
    if (line.hint) words.append(" ", span("hint", String(line.hint)));
    row.append(words);
    return row;
  }));
  element.classList.toggle("silent", lines.length === 0);
}
// What the page's scripts have to say.
element.addEventListener("say", (event) => {
  props.value = { lines: [event.detail] };
  pull();
});
watch("value", pull);
pull();
