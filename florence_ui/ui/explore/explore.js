// Explore: Run waits for a picture that is still loading, the answer comes into view, a link to the setup is copied.
(() => {
  const find = (query) => document.querySelector(query);
  const MAX_WAIT = 120_000;   // milliseconds; then Run is free again, whatever became of the picture
  let arriving = false, held = false;

  // The picture has arrived when the stage shows it, and will not arrive when an error stands at its field.
  function expectPicture(isComing) {
    if (!isComing || arriving) return;
    arriving = true;
    const run = find("#run"), watcher = new MutationObserver((changes) => {
      const notice = find("#picture-notice");
      const arrived = changes.some((change) => change.attributeName === "src");
      if (arrived || !notice.querySelector(".busy") && notice.querySelector(".error")) settle(arrived);
    });
    const limit = setTimeout(() => settle(false), MAX_WAIT);
    function settle(arrived) {
      watcher.disconnect();
      clearTimeout(limit);
      run.removeAttribute("aria-busy");
      arriving = false;
      if (held && arrived) setTimeout(() => find("#run")?.click(), 300);   // the fields change in the same moment
      held = false;
    }
    run.setAttribute("aria-busy", "true");
    watcher.observe(find("#stage"), { attributes: true, attributeFilter: ["src"], subtree: true });
    watcher.observe(find("#picture-notice"), { childList: true, subtree: true });
  }

  const isPicture = (files) => [...(files ?? [])].some((file) => file.type.startsWith("image/"));
  const link = () => find("#link textarea, #link input")?.value.trim();
  const on = (type, isComing) => document.addEventListener(type, (event) => expectPicture(isComing(event, event.target)), true);
  on("change", (event, target) => target.closest?.("#picture") && isPicture(target.files));
  on("drop", (event, target) => target.closest?.("#picture") && isPicture(event.dataTransfer?.files));
  on("keydown", (event, target) => event.key === "Enter" && target.closest?.("#link") && link());
  on("click", (event, target) => target.closest?.("#link .submit-button") && link());
  document.addEventListener("click", (event) => {
    if (!arriving || !event.target.closest?.("#run")) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    held = true;
  }, true);

  // On a narrow screen the answer is below the question.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#run") && window.innerWidth <= 820) window.florencePage.scrollTo("#answer", "start");
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
