// Pictures from this device: each is shown at once, and sent one after the other.
function makeAdding({ isOpen, started, failed }) {
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
  return listenForFiles(element, { input: find("input"), overlay: find(".sheet-drop"), isOpen, take, paste: take });
}
