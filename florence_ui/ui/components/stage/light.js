// Lights objects: a shade over all the rest, a white outline, and the name of a single one.
function makeLight(root, viewport, objects) {
  const shade = root.querySelector(".stage-shade"), outline = root.querySelector(".stage-lit");
  const tip = root.querySelector(".stage-tip");
  const GAP = 2, EDGE = 4;
  let lit = [], kept = -1;

  function placeTip(index) {
    tip.textContent = objects.nameOf(index);
    const [width, height] = viewport.size, [x1, y1, , y2] = viewport.boxToStage(objects.box(index));
    const w = tip.offsetWidth, h = tip.offsetHeight;
    const above = y1 - h - GAP, below = y2 + GAP;
    const y = above >= EDGE ? above : below + h <= height - EDGE ? below : Math.max(EDGE, y1 + GAP);
    tip.style.transform = `translate(${Math.round(clamp(x1, EDGE, width - w - EDGE))}px, ${Math.round(y)}px)`;
  }
  function draw() {
    const shown = lit.length ? lit : objects.isVisible(kept) ? [kept] : [];
    const path = shown.map(objects.path).join(""), [width, height] = viewport.size;
    root.classList.toggle("lit", path !== "");
    root.classList.toggle("kept", shown.length === 1 && shown[0] === kept);
    root.classList.toggle("named", path !== "" && shown.length === 1);
    shade.setAttribute("d", path && `M0 0H${width}V${height}H0Z${path}`);
    outline.setAttribute("d", path);
    if (path && shown.length === 1) placeTip(shown[0]);
  }

  return {
    draw,
    // Lights these objects; none of them: the one that is kept lit.
    show(indices) {
      lit = indices.filter(objects.isVisible);
      draw();
    },
    keep(index) {
      kept = index;
      draw();
    },
  };
}
