// The tiles: changed in place, so that the focus stays where it is while the work goes on.
const GAP = 12, EDGE = 4, CAPTION = 28, TEXT = 36, SHAPE = 3 / 4, LEAST = 200, MOST = 480, NARROW = 820;   // CSS pixels

const TOLD = ".text:not(:empty)";

function makeTiles(list, { open, remove }) {
  function makeTile() {
    const picture = make("img", { alt: "", loading: "lazy", draggable: "false" });
    const view = make("span", { class: "view" }, picture, make("span", { class: "mark" }));
    const caption = make("span", { class: "caption" }, make("b", { dir: "auto" }), make("span", { class: "note" }));
    const tile = makeButton({ class: "tile", onclick: () => open(Number(item.dataset.index)) }, view, caption, make("span", { class: "text", dir: "auto" }));
    const close = makeButton({ class: "tile-remove", onclick: () => remove(Number(item.dataset.index)) }, makeIcon("close"));
    const item = make("li", {}, tile, close);
    picture.addEventListener("error", () => picture.removeAttribute("src"));
    return item;
  }
  function show(item, frame, isLocked) {
    const tile = item.firstChild, close = item.lastChild, picture = item.querySelector("img");
    const src = frame.local || addressOf(frame.image);
    item.dataset.index = frame.index;
    tile.dataset.state = frame.state;
    tile.disabled = frame.state === "uploading";
    tile.title = frame.details ? `${frame.name}: ${frame.details}` : frame.name;
    close.hidden = isLocked || frame.state === "uploading";
    close.setAttribute("aria-label", `Remove ${frame.name}`);
    write(item.querySelector(".mark"), frame.mark || "");
    write(item.querySelector("b"), frame.name);
    write(item.querySelector(".note"), frame.note || "");
    write(item.querySelector(".text"), frame.text || "");
    if (!src) picture.removeAttribute("src");
    else if (picture.getAttribute("src") !== src) picture.setAttribute("src", src);
  }
  // As few columns as let all tiles stand in the room; where they would become too small, the sheet scrolls.
  function fit() {
    const width = list.clientWidth, height = list.clientHeight, count = Math.max(1, list.children.length);
    const below = GAP + CAPTION + (list.querySelector(TOLD) ? TEXT : 0);
    list.style.gridTemplateColumns = "";
    if (!width || window.innerWidth <= NARROW) return;
    let columns = 0, side;
    do {
      columns += 1;
      side = (width - 2 * EDGE - (columns - 1) * GAP) / columns;
    } while (side > LEAST && (side > MOST || Math.ceil(count / columns) * (side * SHAPE + below) > height));
    list.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
  }
  new ResizeObserver(fit).observe(list);

  return {
    show(frames, isLocked) {
      const before = list.children.length, hadTexts = Boolean(list.querySelector(TOLD));
      while (list.children.length > frames.length) list.lastChild.remove();
      while (list.children.length < frames.length) list.append(makeTile());
      frames.forEach((frame, index) => show(list.children[index], frame, isLocked));
      if (frames.length !== before || hadTexts !== Boolean(list.querySelector(TOLD))) fit();
    },
  };
}
