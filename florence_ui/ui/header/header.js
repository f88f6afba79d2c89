// The modes are one tab stop with arrows inside, and the pill comes after them, as the eye meets them.
(() => {
  const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };

  function settle(tabs) {
    for (const tab of tabs.querySelectorAll("[role=tab]")) {
      const stop = tab.getAttribute("aria-selected") === "true" ? "0" : "-1";
      if (tab.getAttribute("tabindex") !== stop) tab.setAttribute("tabindex", stop);
    }
  }
  function move(event) {
    const all = [...event.currentTarget.querySelectorAll("[role=tab]")], at = all.indexOf(document.activeElement);
    if (at < 0 || !ARROWS[event.key]) return;
    event.preventDefault();
    const next = all[(at + ARROWS[event.key] + all.length) % all.length];
    next.focus();
    next.click();
  }
  // Called by the pill whenever it is mounted; the tabs may come a moment later.
  function arrange(pill) {
    const wrapper = document.querySelector("#modes > .tab-wrapper"), header = pill.closest("#header");
    const tabs = wrapper?.querySelector("[role=tablist]:not(.visually-hidden)");
    if (!tabs || !header) return pill.isConnected ? setTimeout(arrange, 50, pill) : undefined;
    wrapper.after(header);
    tabs.addEventListener("keydown", move);
    new MutationObserver(() => settle(tabs)).observe(tabs, { attributes: true, childList: true, subtree: true });
    settle(tabs);
  }
  window.florencePage.arrangeHeader = arrange;
})();
