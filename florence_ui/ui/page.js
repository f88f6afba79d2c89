// What the page does by itself: Ctrl+Enter runs what the open tab runs, a finished file is handed over, a link is copied.
(() => {
  const button = (id) => document.querySelector(`#${id}`);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const run = ["run", "compare-run", "batch-run"].map(button).find((it) => it && !it.disabled && it.offsetParent);
    if (!run) return;
    event.preventDefault();
    event.target.blur?.();   // a field that tells its value only when it is left tells it now
    setTimeout(() => run.click(), 50);
  }, true);

  // Run and Stop take each other's place: who pressed one by keyboard stays there.
  const watched = new WeakSet();
  let byKeyboard = false;
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("#run-row, #chain-row, #compare-head, #batch-row");
    if (!row) return;
    byKeyboard = event.detail === 0;
    if (watched.has(row)) return;
    watched.add(row);
    new MutationObserver(() => {
      if (!byKeyboard || document.activeElement !== document.body) return;
      [...row.querySelectorAll("button")].find((it) => !it.disabled && it.offsetParent)?.focus({ preventScroll: true });
    }).observe(row, { attributes: true, childList: true, subtree: true });
  });

  // A picture on its way: Run waits for it, or it would ask about the one before. It has come when the stage shows it,
  // and will not come when a reason stands at its field.
  const LONGEST = 120_000;   // milliseconds; whatever became of it, Run is free again
  let arriving = false, held = false;
  function expectPicture(isComing) {
    if (!isComing || arriving) return;
    arriving = true;
    const run = button("run"), watcher = new MutationObserver((changes) => {
      const notice = button("picture-notice");
      const come = changes.some((change) => change.attributeName === "src");
      if (come || !notice.querySelector(".busy") && notice.querySelector(".error")) settle(come);
    });
    const limit = setTimeout(() => settle(false), LONGEST);
    function settle(come) {
      watcher.disconnect();
      clearTimeout(limit);
      run.removeAttribute("aria-busy");
      arriving = false;
      if (held && come) setTimeout(() => button("run")?.click(), 300);   // the fields change in the same moment
      held = false;
    }
    run.setAttribute("aria-busy", "true");
    watcher.observe(button("stage"), { attributes: true, attributeFilter: ["src"], subtree: true });
    watcher.observe(button("picture-notice"), { childList: true, subtree: true });
  }
  const isPicture = (files) => [...(files ?? [])].some((file) => file.type.startsWith("image/"));
  document.addEventListener("change", (event) => expectPicture(event.target.closest?.("#picture") && isPicture(event.target.files)), true);
  document.addEventListener("drop", (event) => expectPicture(event.target.closest?.("#picture") && isPicture(event.dataTransfer?.files)), true);
  const link = () => document.querySelector("#link textarea, #link input")?.value.trim();
  document.addEventListener("keydown", (event) => expectPicture(event.key === "Enter" && event.target.closest?.("#link") && link()), true);
  document.addEventListener("click", (event) => expectPicture(event.target.closest?.("#link .submit-button") && link()), true);
  document.addEventListener("click", (event) => {
    if (!arriving || !event.target.closest?.("#run")) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    held = true;
  }, true);

  // On a narrow screen the answer is below: go there when Run is pressed.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#run") || window.innerWidth > 820) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    button("answer")?.scrollIntoView({ behavior: calm ? "instant" : "smooth", block: "start" });
  });

  async function copyLink(query) {
    const link = `${location.origin}${location.pathname}?${query}`;
    const copy = button("copy-link"), words = copy.textContent;
    try {
      await navigator.clipboard.writeText(link);
      copy.textContent = "Link copied";
    } catch {
      window.prompt("The link to this setup:", link);
    }
    setTimeout(() => { copy.textContent = words; }, 2000);
  }

  // The address of the file is there a moment after the event that made it.
  function handOver() {
    setTimeout(() => button("handover")?.click(), 150);
  }

  // What somebody just chose may lie outside the window.
  function reveal(id) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    setTimeout(() => button(id)?.scrollIntoView({ behavior: calm ? "instant" : "smooth", block: "nearest" }), 100);
  }

  window.florencePage = { copyLink, handOver, reveal };
})();
