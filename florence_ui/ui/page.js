// What every part of the page shares: popovers, keys, the theme, and the handing over of files.
(() => {
  const find = (query) => document.querySelector(query);
  const isOffered = (button) => !button.disabled && button.offsetParent;

  // Popovers: the browser opens and closes them; here they get their place, and the focus.
  const GAP = 8;
  function put(pop, button, where) {
    const at = button.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = pop;
    const beside = where === "right" && at.right + width + 2 * GAP < innerWidth;
    const above = where === "up" || at.bottom + height + GAP > innerHeight;
    const left = beside ? at.right + GAP : where === "end" ? at.right - width : at.left;
    const top = beside ? at.top : above ? at.top - height - 10 : at.bottom + 6;
    pop.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
    pop.style.top = `${Math.max(GAP, Math.min(top, innerHeight - height - GAP))}px`;
  }
  function prepare(pop, button, where) {
    pop.popover = "auto";
    pop.tabIndex = -1;
    pop.setAttribute("role", "dialog");
    pop.setAttribute("aria-label", pop.getAttribute("aria-label") || button.getAttribute("aria-label") || button.textContent.trim());
    pop.addEventListener("toggle", (event) => {
      const open = event.newState === "open";
      button.setAttribute("aria-expanded", String(open));
      if (!open) return;
      put(pop, button, where);
      if (pop.contains(document.activeElement)) return;
      const first = pop.querySelector("input:checked, input, button");
      (first?.getAttribute("role") === "combobox" ? pop : first)?.focus();   // a list opens when it gets the focus, over what is above it
    });
    new ResizeObserver(() => { if (pop.matches(":popover-open")) put(pop, button, where); }).observe(pop);
  }
  function popover(button, where) {
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const pop = document.getElementById(button.getAttribute("popovertarget"));
      if (pop && !pop.dataset.prepared) {
        pop.dataset.prepared = "true";
        prepare(pop, button, where);
      }
    }, true);
  }

  // The dock and the film strip belong to every mode that has a place for them: they follow the open one.
  const mode = () => document.documentElement.dataset.mode;
  function enter(name) {
    document.documentElement.dataset.mode = name;
    const center = find(`#${name} > .center`);
    center?.append(find("#dock"));
    if (name !== "batch") center?.after(find("#film"));
  }

  // Ctrl+Enter presses the open tab's run button, "/" opens the tasks, Enter in an empty field of classes runs.
  const press = (query) => [...document.querySelectorAll(query)].find(isOffered)?.click();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.target.blur?.();   // a field that reports its value only when it loses focus reports it now
      setTimeout(() => press("button.runs-tab"), 50);
    } else if (event.key === "/" && !event.target.closest?.("input, textarea, [contenteditable]") && find("#task-button")?.offsetParent) {
      event.preventDefault();
      find("#task-button").click();
    } else if (event.key === "Enter" && mode() && mode() !== "explore" && event.target.closest?.("#phrase input, #prompt input")) {
      event.preventDefault();   // in Explore the field itself runs
      press("button.runs-tab");
    } else if (event.key === "Enter" && event.target.closest?.("#classes input") && !event.target.value.trim()) {
      event.stopPropagation();   // the field would take a class without a name
      press("button.runs-tab");
    }
  }, true);

  // The key is announced with the button, which comes and goes.
  new MutationObserver(() => document.querySelectorAll(".runs-tab:not([aria-keyshortcuts])").forEach((button) => {
    button.setAttribute("aria-keyshortcuts", "Control+Enter");
    button.title = "Ctrl+Enter";
  })).observe(document, { childList: true, subtree: true });

  // Gradio's lists take Tab and Shift for letters: they would filter themselves by their own value, and open again behind
  // whoever has left.
  document.addEventListener("keydown", (event) => {
    const isList = event.target.closest?.(".block input[role=combobox]");
    if (isList && ["Tab", "Shift"].includes(event.key)) event.stopPropagation();
  }, true);

  // Gradio gives a field of several values no placeholder.
  new MutationObserver(() => {
    find("#classes input:not([placeholder])")?.setAttribute("placeholder", "For example: dog, red car");
  }).observe(document, { childList: true, subtree: true });

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
      [...row.querySelectorAll("#run, #stop, .runs-tab, button.stop")].find(isOffered)?.focus({ preventScroll: true });
    }).observe(row, { attributes: true, childList: true, subtree: true });
  });

  // The theme: the system's until somebody chooses one, which the browser keeps.
  const THEME = "florence-2-theme";
  const isDark = () => document.body.classList.contains("dark");
  function keepTheme() {
    const own = localStorage.getItem(THEME);
    if (own && !new URLSearchParams(location.search).has("__theme") && isDark() !== (own === "dark")) document.body.classList.toggle("dark");
  }
  function toggleTheme() {
    localStorage.setItem(THEME, isDark() ? "light" : "dark");
    document.body.classList.toggle("dark");
  }
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(keepTheme).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });

  // Gradio's panel opens on MCP unless the address names a language.
  function openInPython() {
    const address = new URL(location.href);
    if (address.searchParams.has("lang")) return;
    address.searchParams.set("lang", "python");
    history.replaceState(null, "", address);
  }

  const actions = {
    theme: toggleTheme,
    api: (event) => {
      event.preventDefault();
      openInPython();
      find("footer .show-api, footer button")?.click();
    },
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do]");
    if (button) actions[button.dataset.do]?.(event);
  });

  // The file's address arrives a moment after the event that made the file.
  function handOver() {
    setTimeout(() => find("#handover")?.click(), 150);
  }
  function focusField() {
    [...document.querySelectorAll("#dock .dock-field input")].find((field) => field.offsetParent)?.focus();
  }

  // The visit of this tab: a name that the server made.
  const VISIT = "florence-visit";
  const readVisit = () => sessionStorage.getItem(VISIT) ?? "";
  const keepVisit = (name) => sessionStorage.setItem(VISIT, name);

  window.florencePage = { enter, popover, focusField, keepTheme, handOver, readVisit, keepVisit };
})();
