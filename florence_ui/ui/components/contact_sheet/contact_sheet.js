// The contact sheet: its bar, its tiles, and the pictures that are on their way to the server.
const root = find(".contact-sheet"), words = find(".sheet-words"), chips = find(".sheet-chips"), order = find("select");
let coming = [];   // { name, local }: added, and not yet known to the server
let note = "";

const value = () => props.value || {};
const isLocked = () => Boolean(value().locked) || coming.length > 0;
const tiles = makeTiles(find(".sheet-tiles"), {
  open: (index) => trigger("open", { index }),
  remove: (index) => trigger("remove", { index }),
});
const choose = makeAdding({
  isOpen: () => !isLocked(),
  started(files) {
    coming = files;
    note = `Sending 1 of ${files.length}.`;
    draw();
    return (sent) => {
      note = sent < coming.length ? `Sending ${sent + 1} of ${coming.length}.` : "";
      draw();
    };
  },
  failed(sent) {
    note = sent ? `Only ${sent} could be sent.` : "They could not be sent. They may be too large, or the connection was lost.";
    if (!sent) forget();
    draw();
  },
});

function forget() {
  for (const { local } of coming) if (local) URL.revokeObjectURL(local);
  coming = [];
}
function makeChip({ name, label, on }) {
  return makeButton({ class: "chip", "aria-pressed": String(on), onclick: () => trigger("only", { name: on ? "" : name }) }, label);
}
function drawChips(some) {
  const drawn = JSON.stringify(some);
  if (chips.dataset.drawn === drawn) return;
  const hadFocus = chips.contains(document.activeElement) ? [...chips.children].indexOf(document.activeElement) : -1;
  chips.dataset.drawn = drawn;
  chips.replaceChildren(...some.map(makeChip));
  if (hadFocus >= 0) chips.children[Math.min(hadFocus, chips.children.length - 1)]?.focus();
}
function draw() {
  const { frames = [], total = 0, part, orders = [] } = value(), count = total + coming.length;
  const uploads = coming.map(({ name, local }) => ({ index: -1, name, local, state: "uploading", mark: "sending" }));
  root.classList.toggle("empty", !count);
  write(words, note || value().words || "");
  drawChips(value().chips ?? []);
  if (order.options.length !== orders.length) order.replaceChildren(...orders.map((name) => make("option", { value: name }, name)));
  order.value = value().order || "";
  for (const query of [".sheet-add", ".sheet-clear"]) find(query).disabled = isLocked();
  find(".sheet-progress").hidden = typeof part !== "number" || part >= 1;
  find(".sheet-progress").value = part || 0;
  find(".sheet-none").hidden = !count || frames.length + coming.length > 0;
  tiles.show([...frames, ...uploads], isLocked());
}
function pull() {
  if (coming.length) {
    note = "";
    forget();
  }
  draw();
}
order.addEventListener("change", () => trigger("order", { name: order.value }));
for (const query of [".sheet-choose", ".sheet-add"]) find(query).addEventListener("click", choose);
find(".sheet-clear").addEventListener("click", () => trigger("remove", { index: -1 }));
watch("value", pull);
draw();
