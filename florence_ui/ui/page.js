// What every tab shares: Ctrl+Enter presses the open tab's run button, the focus stays in the row of Run and Stop, and a
// finished file is handed over.
(() => {
  const isOffered = (button) => !button.disabled && button.offsetParent;

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const run = [...document.querySelectorAll("button.runs-tab")].find(isOffered);
    if (!run) return;
    event.preventDefault();
    event.target.blur?.();   // a field that reports its value only when it loses focus reports it now
    setTimeout(() => run.click(), 50);
  }, true);

  // Run and Stop replace each other: whoever pressed one by keyboard keeps the focus there.
  const watched = new WeakSet();
  let byKeyboard = false;
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.(".run-stop-row");
    if (!row) return;
    byKeyboard = event.detail === 0;
    if (watched.has(row)) return;
    watched.add(row);
    new MutationObserver(() => {
      if (!byKeyboard || document.activeElement !== document.body) return;
      [...row.querySelectorAll("button")].find(isOffered)?.focus({ preventScroll: true });
    }).observe(row, { attributes: true, childList: true, subtree: true });
  });

  // The file's address arrives a moment after the event that made the file.
  function handOver() {
    setTimeout(() => document.querySelector("#handover")?.click(), 150);
  }

  function scrollTo(query, block) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.querySelector(query)?.scrollIntoView({ behavior: calm ? "instant" : "smooth", block });
  }

  window.florencePage = { handOver, scrollTo };
})();
