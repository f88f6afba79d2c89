// A contact sheet. Frames are changed in place, so that the focus stays where it is while the work goes on.
const find = (query) => element.querySelector(query);
const list = find(".contact-sheet-frames"), progress = find(".contact-sheet-progress"), bar = find(".contact-sheet-bar"), words = find(".contact-sheet-words");

function part(tag, name) {
  const node = document.createElement(tag);
  node.className = name;
  return node;
}

function frame(index) {
  const row = document.createElement("li"), button = part("button", "frame"), view = part("span", "view");
  const picture = document.createElement("img"), mark = part("span", "mark");
  button.type = "button";
  picture.alt = "";
  picture.loading = "lazy";
  mark.setAttribute("aria-hidden", "true");
  view.append(picture, mark);
  button.append(view, part("span", "name"), part("span", "note"));
  button.addEventListener("click", () => trigger("select", { index }));
  row.append(button);
  return row;
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function show(row, entry, current) {
  const button = row.firstChild, picture = row.querySelector("img"), url = entry.image && entry.image.url;
  button.dataset.state = entry.state;
  button.disabled = entry.state !== "done" && entry.state !== "failed";
  button.title = entry.note ? `${entry.name}: ${entry.note}` : entry.name;
  button.toggleAttribute("aria-current", current);
  if (current) button.setAttribute("aria-current", "true");
  write(row.querySelector(".name"), entry.name);
  write(row.querySelector(".note"), entry.note || entry.state);
  if (typeof url === "string" && /^(https?:|\/)/.test(url)) {
    if (picture.getAttribute("src") !== url) picture.setAttribute("src", url);
  } else picture.removeAttribute("src");
}

function pull() {
  const value = props.value || {}, frames = Array.isArray(value.frames) ? value.frames : [];
  list.setAttribute("aria-label", props.label || "Pictures");
  while (list.children.length > frames.length) list.lastChild.remove();
  while (list.children.length < frames.length) list.append(frame(list.children.length));
  frames.forEach((entry, index) => show(list.children[index], entry, index === value.current));
  find(".contact-sheet-empty").hidden = frames.length > 0;
  progress.hidden = !value.words;
  bar.value = Number(value.part) || 0;
  bar.setAttribute("aria-label", "Progress");
  write(words, value.words || "");
}
watch("value", pull);
pull();
