// Explore: an error at a field takes the focus there, Run waits for what is on its way, the sheet of a phone.
(() => {
  const find = (query) => document.querySelector(query);
  const root = document.documentElement;

  // The key is asked for where it is typed.
  function askKey() {
    if (!find("#where-pop:popover-open")) find("#where")?.click();
    setTimeout(() => find("#key input")?.focus(), 100);
  }

  // So is a link that was not opened, which stays there to be corrected.
  function askLink() {
    if (!find("#open-pop:popover-open")) find("#open")?.click();
    setTimeout(() => find("#link input")?.focus(), 100);
  }

  // What a field needs is said above the dock; who pressed Run goes on typing there, or gets a box to move.
  document.addEventListener("notified", (event) => {
    if (event.target.closest?.("#key-notice")) return askKey();
    if (event.target.closest?.("#link-notice")) return askLink();
    if (!event.target.closest?.("#input-notice")) return;
    setTimeout(() => {   // Run has come back by then
      if (find("#region")?.offsetParent && !find("#region .set")) document.dispatchEvent(new CustomEvent("florence:place"));
      else window.florencePage.focusField();
    }, 50);
  });

  // Run waits for a picture that is on its way: the stage is busy then, and there is no Stop.
  const MAX_WAIT = 120_000;   // milliseconds; then Run is free again, whatever became of the picture
  let held = null;
  function hold(stage) {
    const watcher = new MutationObserver(() => settle(stage.dataset.state === "ready")), limit = setTimeout(() => settle(false), MAX_WAIT);
    function settle(arrived) {
      watcher.disconnect();
      clearTimeout(limit);
      held = null;
      if (arrived) setTimeout(() => find("#run")?.click(), 300);   // the fields change in the same moment
    }
    watcher.observe(stage, { attributes: true, attributeFilter: ["data-state"] });
    held = stage;
  }

  // It waits for the region on the stage and a task just picked, too, until the server has heard of them: what the page
  // does for them comes back late on a busy machine, and would undo what the run has said by then.
  const MAX_HEARING = 2_000;   // milliseconds
  const cornersOf = (query) => (find(query)?.dataset.region ?? "").split(",").map(Number);
  function isRegionKnown() {
    const drawn = cornersOf("#stage .stage"), heard = cornersOf("#region .region-field");
    return drawn.length === heard.length && drawn.every((corner, at) => Math.abs(corner - heard[at]) < 0.001);
  }
  function isTaskKnown() {
    const { picked, token } = find("#task .task-picker").dataset;
    return picked !== token || token === find("#region .region-field").dataset.token;
  }
  const isHeard = () => isRegionKnown() && isTaskKnown();
  let waiting = null, isReleased = false;
  function waitUntilHeard() {
    const began = performance.now();
    waiting = setInterval(() => {
      if (!isHeard() && performance.now() - began < MAX_HEARING) return;
      clearInterval(waiting);
      waiting = null;
      isReleased = true;
      find("#run")?.click();
      isReleased = false;
    }, 20);
  }
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#run")) return;
    const stage = find("#stage .stage[data-state=busy]");
    if (!stage && (isReleased || isHeard())) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    if (stage && !held) hold(stage);
    if (!stage && !waiting) waitUntilHeard();
  }, true);

  // A way to bring a picture goes from the popover to the stage. The link stays there until its picture has come.
  function pick(detail) {
    find("#open-pop").hidePopover();
    document.dispatchEvent(new CustomEvent("florence:pick", { detail }));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#pick [data-how]");
    if (button) pick({ how: button.dataset.how });
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "link") return;
    event.preventDefault();
    pick({ how: "link", address: event.target.querySelector("input").value });
  });
  document.addEventListener("florence:picture", ({ detail }) => { if (detail.group === "explore") find("#link")?.reset(); });

  // The sheet: pulled or clicked.
  function setSheet(up) {
    root.toggleAttribute("data-sheet", up);
    document.querySelectorAll(".sheet-grip").forEach((grip) => grip.setAttribute("aria-expanded", String(up)));
  }
  let from = null, pulled = false;
  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.(".sheet-grip");
    if (!grip) return;
    grip.setPointerCapture(event.pointerId);
    [from, pulled] = [event.clientY, false];
  });
  document.addEventListener("pointermove", (event) => {
    if (from === null || Math.abs(event.clientY - from) < 24) return;
    pulled = true;
    setSheet(event.clientY < from);
  });
  document.addEventListener("pointerup", () => { from = null; });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".sheet-grip") && !pulled) setSheet(!root.hasAttribute("data-sheet"));
    if (event.target.closest?.(".dock-run")) setSheet(false);
    pulled = false;
  });

  window.florencePage.copyLink = async (query) => {
    const link = `${location.origin}${location.pathname}?${query}`;
    const copy = find("#copy-link"), words = copy.textContent;
    try {
      await navigator.clipboard.writeText(link);
      copy.textContent = "Link copied";
    } catch {
      window.prompt("The link to this setup:", link);
    }
    setTimeout(() => { copy.textContent = words; }, 2000);
  };
})();
