// The toolbar at the selected object or region; on a narrow stage a bar over its foot, or over its top where only that
// leaves the target free.
const TOOLS = [
  ["describe", "Describe"], ["name", "Name"], ["segment", "Segment"], ["read", "Read"], ["cut", "Cut out"],
];
const NARROW = 560, MARGIN = 8;   // CSS pixels

function makeToolbar(root, viewport, { act, hide, close }) {
  const bar = root.querySelector(".stage-tools");
  const settle = makeRoving(bar);
  let target = null;   // { box, isRegion }

  const tool = (name, label) =>
    makeButton({ "data-tool": name, onclick: () => act(name) }, makeIcon(name), make("span", {}, label));
  const iconButton = (icon, label, onclick) =>
    makeButton({ class: "icon-only", "aria-label": label, title: label, onclick }, makeIcon(icon));

  function build() {
    bar.replaceChildren(
      ...TOOLS.map(([name, label]) => tool(name, label)),
      make("i", { class: "separator", "aria-hidden": "true" }),
      ...(target.isRegion ? [] : [iconButton("eyeOff", "Hide", hide)]),
      iconButton("close", "Close", close),
    );
    settle();
  }
  // Below the target, above it, or inside it at its foot, wherever there is room first.
  function place() {
    if (!target) return;
    const [width, height] = viewport.size;
    const isBar = width < NARROW || bar.scrollWidth > width - 2 * MARGIN;
    bar.classList.toggle("bar", isBar);
    const [x1, y1, x2, y2] = viewport.boxToStage(target.box), w = bar.offsetWidth, h = bar.offsetHeight;
    const free = h + 2 * MARGIN, isOnTop = isBar && y2 > height - free && y1 >= free;
    bar.classList.toggle("on-top", isOnTop);
    root.classList.toggle("tools-at-foot", isBar && !isOnTop);
    if (isBar) return void (bar.style.transform = "");
    const gap = target.isRegion ? 14 : 8, lowest = height - MARGIN - h;
    const below = y2 + gap, above = y1 - gap - h;
    const y = below <= lowest && below >= MARGIN ? below : above >= MARGIN && above <= lowest ? above
      : clamp(y2 - h - 10, MARGIN, lowest);
    const x = clamp((x1 + x2 - w) / 2, MARGIN, width - w - MARGIN);
    bar.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  return {
    place,
    show(next) {
      const isNew = !target || target.isRegion !== next?.isRegion || !next;
      target = next;
      bar.hidden = !target;
      if (!target) return root.classList.remove("tools-at-foot");
      if (isNew) build();
      place();
    },
    focus: () => bar.querySelector("button")?.focus({ preventScroll: true }),
    // What notes keep away from.
    get box() { return target && !this.isAtFoot ? boxWithin(bar, root, 6) : null; },
    get isAtFoot() { return target !== null && bar.classList.contains("bar") && !bar.classList.contains("on-top"); },
  };
}
