// Thumbnails: small pictures to choose from.
const list = element.querySelector(".thumbnail-strip");
const SVG = "http://www.w3.org/2000/svg";

function linkIcon() {
  const icon = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", "M10 14a5 5 0 0 0 7 0l3-3a5 5 0 0 0-7-7l-1 1M14 10a5 5 0 0 0-7 0l-3 3a5 5 0 0 0 7 7l1-1");
  icon.append(path);
  return icon;
}

function text(name, words) {
  const node = document.createElement("span");
  node.className = name;
  node.textContent = words;
  return node;
}

function thumbnail(entry, index, current) {
  const button = document.createElement("button"), view = document.createElement("span");
  button.type = "button";
  button.className = "thumbnail";
  button.title = entry.note ? `${entry.title}: ${entry.note}` : entry.title;
  if (index === current) button.setAttribute("aria-current", "true");
  view.className = "view";
  const url = entry.image && entry.image.url;
  if (typeof url === "string" && /^(https?:|\/)/.test(url)) {
    const picture = document.createElement("img");
    picture.alt = "";
    picture.loading = "lazy";
    picture.src = url;
    view.append(picture);
  } else view.append(linkIcon());
  button.append(view, text("name", entry.title), text("note", entry.note || ""));
  button.addEventListener("click", () => trigger("select", { index }));
  const row = document.createElement("li");
  row.append(button);
  return row;
}

function pull() {
  const value = props.value || {}, thumbnails = Array.isArray(value.thumbnails) ? value.thumbnails : [];
  list.setAttribute("aria-label", props.label || "Pictures");
  list.replaceChildren(...thumbnails.map((entry, index) => thumbnail(entry, index, value.current)));
}
watch("value", pull);
pull();
