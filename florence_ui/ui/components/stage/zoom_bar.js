// The zoom bar. Its buttons are no tab stops: plus, minus, 0 and the arrows do the same.
function makeZoomBar(root, viewport, { grab }) {
  const BUTTON_ZOOM = 1.5;
  const bar = root.querySelector(".stage-zoom");
  const button = (attributes, ...children) => makeButton({ tabindex: "-1", ...attributes }, ...children);
  const hand = button({
    class: "hand", "aria-pressed": "false", "aria-label": "Drag to move the picture", title: "Move",
    onclick: () => grab(hand.getAttribute("aria-pressed") === "false"),
  }, makeIcon("hand"));
  const percent = button({ class: "percent", title: "Fit (0)", onclick: viewport.fit });
  bar.append(
    hand,
    button({ "aria-label": "Smaller", title: "Smaller (−)", onclick: () => viewport.zoomBy(1 / BUTTON_ZOOM) }, "−"),
    percent,
    button({ "aria-label": "Larger", title: "Larger (+)", onclick: () => viewport.zoomBy(BUTTON_ZOOM) }, "+"),
  );
  return {
    draw() {
      const zoom = `${Math.round(viewport.zoom * 100)} %`;
      if (percent.textContent === zoom) return;
      percent.textContent = zoom;
      percent.setAttribute("aria-label", `${zoom}, fit the picture`);
    },
    setGrabbing: (isGrabbing) => hand.setAttribute("aria-pressed", String(isGrabbing)),
  };
}
