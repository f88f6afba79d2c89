// A text in pieces; the marked ones are what the other text lacks.
const paragraph = element.querySelector(".text-diff");

function node(piece) {
  if (piece.mark !== "left" && piece.mark !== "right") return document.createTextNode(piece.text);
  const mark = document.createElement("mark");
  mark.className = piece.mark;
  mark.textContent = piece.text;
  return mark;
}

function pull() {
  const pieces = (props.value || {}).pieces;
  paragraph.replaceChildren(...(Array.isArray(pieces) ? pieces : []).map(node));
}
watch("value", pull);
pull();
