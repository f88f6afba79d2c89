// What the measures read in the page itself. Loaded into every page before its own scripts.
window.measures = (() => {
  const find = (selector) => document.querySelector(selector);
  const stage = () => find("#stage .stage");
  const afterPaint = () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))));
  let shift = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { shift += entry.value; }))
    .observe({ type: "layout-shift", buffered: true });

  // Part of the window that a node takes, in percent.
  function share(selector) {
    const box = find(selector).getBoundingClientRect();
    const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
    const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    return Math.max(0, width) * Math.max(0, height) / (innerWidth * innerHeight) * 100;
  }

  // Why a node cannot be seen and reached where it stands, or "".
  function hiddenBecause(selector) {
    const node = find(selector), box = node?.getBoundingClientRect();
    if (!box || box.width < 20 || box.height < 12) return "not shown";
    const isInside = box.left >= -0.5 && box.top >= -0.5 && box.right <= innerWidth + 0.5 && box.bottom <= innerHeight + 0.5;
    if (!isInside) return "outside the window";
    for (const part of [0.06, 0.5, 0.94]) {
      const top = document.elementFromPoint(box.left + box.width * part, box.top + box.height / 2);
      if (!top || !(node.contains(top) || top.contains(node))) return `covered by ${top?.id || top?.className || "nothing"}`;
    }
    return "";
  }

  // The drawing on the stage as a PNG, and how many CSS pixels one of its pixels takes.
  function drawing() {
    const image = find("#stage .stage-layer"), canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    canvas.getContext("2d").drawImage(image, 0, 0);
    return { png: canvas.toDataURL("image/png").split(",")[1], css: image.getBoundingClientRect().width / canvas.width };
  }

  // Milliseconds from the next event on the stage until it has a class, and until that is painted.
  function timeToClass(kind, name) {
    return new Promise((done) => {
      let began = 0;
      const watcher = new MutationObserver(async () => {
        if (!began || !stage().classList.contains(name)) return;
        watcher.disconnect();
        const lit = performance.now() - began;
        done({ lit, painted: await afterPaint() - began });
      });
      watcher.observe(stage(), { attributes: true, attributeFilter: ["class"] });
      stage().addEventListener(kind, (event) => { began = event.timeStamp; }, { capture: true, once: true });
    });
  }

  // Milliseconds from the next click anywhere until the stage shows another drawing, painted.
  function timeToDrawing() {
    return new Promise((done) => {
      let began = 0;
      const watcher = new MutationObserver(async (changes) => {
        if (!began || !changes.some((change) => change.addedNodes.length)) return;
        watcher.disconnect();
        done(await afterPaint() - began);
      });
      watcher.observe(find("#stage .stage-drawn"), { childList: true });
      document.addEventListener("click", (event) => { began = event.timeStamp; }, { capture: true, once: true });
    });
  }

  return { share, hiddenBecause, drawing, timeToClass, timeToDrawing, shift: () => shift };
})();
