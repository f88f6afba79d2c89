// Pictures from this device: each is shown at once, and sent one after the other.
function makeAdding(root, { isOpen, started, failed }) {
  const input = root.querySelector("input"), overlay = root.querySelector(".sheet-drop");
  const isPicture = (file) => file.type.startsWith("image/") || file.type === "";
  let depth = 0;

  async function take(files) {
    const chosen = [...files];
    if (!chosen.length || !isOpen()) return;
    const progress = started(chosen.map((file) => ({ name: file.name, local: isPicture(file) ? URL.createObjectURL(file) : "" })));
    const sent = [];
    try {
      for (const file of chosen) {
        sent.push({ ...(await upload(file)), orig_name: file.name });
        progress(sent.length);
      }
    } catch {
      failed(sent.length);
    }
    if (sent.length) trigger("pictures", { files: sent });
  }
  function choose() {
    input.value = "";
    input.click();
  }
  function on(type, heard) {
    document.addEventListener(type, function listen(event) {
      if (!element.isConnected) return document.removeEventListener(type, listen);
      if (isShown() && isOpen()) heard(event);
    });
  }
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  function setOver(next) {
    depth = next;
    overlay.hidden = depth <= 0;
  }
  input.addEventListener("change", () => take(input.files));
  on("dragenter", (event) => hasFiles(event) && (event.preventDefault(), setOver(depth + 1)));
  on("dragleave", (event) => hasFiles(event) && setOver(Math.max(0, depth - 1)));
  on("dragover", (event) => hasFiles(event) && event.preventDefault());
  on("drop", (event) => {
    setOver(0);
    if (!hasFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  on("paste", (event) => {
    if (!event.target.closest?.("input, textarea, [contenteditable]")) take(event.clipboardData?.files ?? []);
  });
  return { choose };
}
