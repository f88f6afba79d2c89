// Stand-ins for what a browser may deny: Gradio's page uses both without asking. This runs before it.
(() => {
  // Storage throws in a private window or in another site's frame, and then the page would not start.
  function memoryStorage() {
    const kept = new Map();
    return {
      get length() { return kept.size; },
      key: (index) => [...kept.keys()][index] ?? null,
      getItem: (name) => kept.get(String(name)) ?? null,
      setItem: (name, value) => { kept.set(String(name), String(value)); },
      removeItem: (name) => { kept.delete(String(name)); },
      clear: () => kept.clear(),
    };
  }
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      window[name].getItem("");
    } catch {
      Object.defineProperty(window, name, { configurable: true, value: memoryStorage() });
    }
  }

  // The old way to copy: over plain http from another machine there is no clipboard, and a frame may be refused it.
  function copyText(text) {
    const field = document.createElement("textarea"), focused = document.activeElement;
    field.value = text;
    field.style.cssText = "position: fixed; opacity: 0";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused?.focus?.({ preventScroll: true });
    if (!copied) throw new DOMException("Copying is not allowed.", "NotAllowedError");
  }
  const clipboard = navigator.clipboard, write = clipboard?.writeText.bind(clipboard);
  const writeText = (text) => (write ? write(text).catch(() => copyText(text)) : Promise.resolve(text).then(copyText));
  if (clipboard) Object.defineProperty(clipboard, "writeText", { configurable: true, value: writeText });
  else Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText } });
})();
