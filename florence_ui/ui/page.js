// What the page does by itself: Ctrl+Enter runs, a finished file is handed over, a link is copied.
(() => {
  const button = (id) => document.querySelector(`#${id}`);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const run = button("run");
    if (!run || run.disabled || run.offsetParent === null) return;
    event.preventDefault();
    event.target.blur?.();   // a field that tells its value only when it is left tells it now
    setTimeout(() => run.click(), 50);
  }, true);

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

  window.florencePage = { copyLink, handOver };
})();
