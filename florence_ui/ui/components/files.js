// Files from this device: chosen with `input`, or dropped on or pasted into the window while `element` is in sight.
(() => {
  const { isShown, onDocument } = window.florencePage;

  const isPicture = (file) => file.type.startsWith("image/") || file.type === "";
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

  // Returns what opens the browser's dialog. `paste` gets pasted files and words.
  function listenForFiles(element, { input, overlay, isOpen, take, paste }) {
    let depth = 0;
    function setOver(next) {
      depth = next;
      overlay.hidden = depth <= 0;
    }
    function on(type, heard) {
      onDocument(element, type, (event) => { if (isOpen() && isShown(element)) heard(event); });
    }
    const onDrag = (type, heard) => on(type, (event) => { if (hasFiles(event)) heard(event); });
    input.addEventListener("change", () => take(input.files));
    onDrag("dragenter", (event) => {
      event.preventDefault();
      setOver(depth + 1);
    });
    onDrag("dragleave", () => setOver(Math.max(0, depth - 1)));
    onDrag("dragover", (event) => event.preventDefault());
    on("drop", (event) => {
      setOver(0);
      if (!hasFiles(event)) return;
      event.preventDefault();
      take(event.dataTransfer.files);
    });
    on("paste", ({ target, clipboardData }) => {
      if (target.closest?.("input, textarea, [contenteditable]")) return;
      paste([...(clipboardData?.files ?? [])], clipboardData?.getData("text").trim() ?? "");
    });
    return () => {
      input.value = "";
      input.click();
    };
  }

  Object.assign(window.florencePage, { isPicture, listenForFiles });
})();
