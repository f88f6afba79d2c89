// Thumbnails: one tab stop, arrows inside.
const roll = find(".film-roll"), fold = find(".film-fold"), settle = makeRoving(roll);

function thumbnail({ title, image }, group, index, current) {
  const name = `${group}-${index}`, src = addressOf(image);
  return makeButton({
    class: "thumb", title, "aria-label": title, "data-name": name, "aria-current": name === current && "true",
    onclick: () => trigger("select", { group, index }),
  }, src ? make("img", { alt: "", src }) : makeIcon("link"));
}

function section(title, entries, group, current) {
  const rows = entries.map((entry, index) => thumbnail(entry, group, index, current));
  return rows.length && title ? [make("h2", { class: "film-title" }, title), ...rows] : rows;
}

function bringIntoSight(button) {
  const frame = roll.getBoundingClientRect(), at = button.getBoundingClientRect();
  if (at.bottom > frame.bottom - 24 || at.top < frame.top) roll.scrollTop += at.top - frame.top - (frame.height - at.height) / 2;
  if (at.right > frame.right - 24 || at.left < frame.left) roll.scrollLeft += at.left - frame.left - (frame.width - at.width) / 2;
}

function pull() {
  const { recent = [], examples = [], current: name } = props.value || {}, focused = roll.contains(document.activeElement);
  roll.replaceChildren(
    ...section("Recent", recent, "recent", name),
    ...section(recent.length ? "Examples" : "", examples, "example", name),
  );
  const current = find("[aria-current]") || find(".thumb");
  if (!current) return;
  settle(current);
  bringIntoSight(current);
  if (focused) current.focus({ preventScroll: true });
}

roll.addEventListener("focusin", (event) => bringIntoSight(event.target));
fold.addEventListener("click", () => {
  const folded = document.documentElement.toggleAttribute("data-folded");
  fold.setAttribute("aria-expanded", String(!folded));
  fold.setAttribute("aria-label", folded ? "Show the pictures" : "Hide the pictures");
});
watch("value", pull);
pull();
window.florencePage.popover(find(".film-open"), "right");
