// Thumbnails: one tab stop, arrows inside.
const roll = element.querySelector(".film-roll"), fold = element.querySelector(".film-fold");
const LINK = "M10 14a5 5 0 0 0 7 0l3-3a5 5 0 0 0-7-7l-1 1M14 10a5 5 0 0 0-7 0l-3 3a5 5 0 0 0 7 7l1-1";
const ARROWS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

function make(tag, name, text) {
  const node = document.createElement(tag);
  node.className = name;
  if (text) node.textContent = text;
  return node;
}

function picture(url) {
  if (typeof url !== "string" || !/^(https?:|\/)/.test(url)) return window.florencePage.icon(LINK);
  const image = make("img", "");
  image.alt = "";
  image.src = url;
  return image;
}

function thumbnail(entry, group, index, current) {
  const button = make("button", "thumb");
  button.type = "button";
  button.title = entry.title;
  button.setAttribute("aria-label", entry.title);
  button.dataset.name = `${group}-${index}`;
  if (button.dataset.name === current) button.setAttribute("aria-current", "true");
  button.append(picture(entry.image && entry.image.url));
  button.addEventListener("click", () => trigger("select", { group, index }));
  return button;
}

function section(title, entries, group, current) {
  const rows = entries.map((entry, index) => thumbnail(entry, group, index, current));
  return rows.length && title ? [make("h2", "film-title", title), ...rows] : rows;
}

// The tab stop, in sight.
function stop(button) {
  thumbs().forEach((each) => { each.tabIndex = each === button ? 0 : -1; });
  const frame = roll.getBoundingClientRect(), at = button.getBoundingClientRect();
  if (at.bottom > frame.bottom - 24 || at.top < frame.top) roll.scrollTop += at.top - frame.top - (frame.height - at.height) / 2;
  if (at.right > frame.right - 24 || at.left < frame.left) roll.scrollLeft += at.left - frame.left - (frame.width - at.width) / 2;
}
const thumbs = () => [...roll.querySelectorAll(".thumb")];

function pull() {
  const value = props.value || {}, recent = value.recent || [], focused = roll.contains(document.activeElement);
  roll.replaceChildren(
    ...section("Recent", recent, "recent", value.current),
    ...section(recent.length ? "Examples" : "", value.examples || [], "example", value.current),
  );
  const current = roll.querySelector("[aria-current]") || roll.querySelector(".thumb");
  if (!current) return;
  stop(current);
  if (focused) current.focus({ preventScroll: true });
}

roll.addEventListener("keydown", (event) => {
  const all = thumbs(), at = all.indexOf(document.activeElement), step = ARROWS[event.key];
  if (!step || at < 0) return;
  event.preventDefault();
  const next = all[(at + step + all.length) % all.length];
  stop(next);
  next.focus();
});
fold.addEventListener("click", () => {
  const folded = document.documentElement.toggleAttribute("data-folded");
  fold.setAttribute("aria-expanded", String(!folded));
  fold.setAttribute("aria-label", folded ? "Show the pictures" : "Hide the pictures");
});
watch("value", pull);
pull();
window.florencePage.popover(element.querySelector(".film-open"), "right");
