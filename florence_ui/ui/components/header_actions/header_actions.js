// The pill: backend, model and state in a few words, and the popover behind it.
const pill = element.querySelector(".pill"), words = element.querySelector(".words");

function piece(text, more) {
  const node = document.createElement("span");
  node.textContent = text;
  if (more) node.className = "more";
  return node;
}

function pull() {
  const { backend, model, state, tone } = props.value || {};
  pill.dataset.tone = tone || "";
  words.replaceChildren(piece(`${backend} · `, true), piece(model || "…"), piece(` · ${state}`, true));
  pill.setAttribute("aria-label", `Backend: ${[backend, model, state].filter(Boolean).join(", ")}`);
}
watch("value", pull);
pull();
window.florencePage.popover(pill, "end");
window.florencePage.keepTheme();
window.florencePage.arrangeHeader(pill);
