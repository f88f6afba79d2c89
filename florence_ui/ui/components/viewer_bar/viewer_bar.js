// The viewer: a dialog around this bar and the stage beside it.
const bar = find(".viewer-bar");
const column = element.closest("#viewer"), dialog = make("dialog", { class: "viewer", "aria-label": "Picture in large" });
let opened = 0;

const step = (by) => trigger("step", { by });
const previous = makeButton({ class: "viewer-step", "data-by": "-1", "aria-label": "Previous picture", onclick: () => step(-1) }, makeIcon("previous"));
const next = makeButton({ class: "viewer-step", "data-by": "1", "aria-label": "Next picture", onclick: () => step(1) }, makeIcon("next"));
const explore = makeButton({ class: "viewer-button", onclick: () => { dialog.close(); trigger("explore"); } }, "Open in Explore");
const close = makeButton({ class: "viewer-button", "aria-label": "Close", onclick: () => dialog.close() }, makeIcon("close"));
bar.append(explore, close);

// A dialog cannot be laid out on the server. It is put around the column, with everything that the column holds.
column.before(dialog);
dialog.append(column, previous, next);
dialog.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], stage = event.target.closest(".stage");
  if (!by || stage?.classList.contains("zoomed") || event.target.closest("[role=toolbar]")) return;
  event.preventDefault();
  event.stopPropagation();
  step(by);
}, true);

function pull() {
  const value = props.value || {};
  find(".viewer-title").textContent = value.title || "";
  find(".viewer-words").textContent = value.words || "";
  explore.hidden = !value.explores;
  if (value.opened > opened && !dialog.open) {
    dialog.showModal();
    next.focus();
  }
  opened = value.opened || 0;
}
watch("value", pull);
pull();
