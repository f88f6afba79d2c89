// New pictures from this device: dropped, pasted, chosen. They are uploaded, and the server is told where they are.
function makeUpload(root, { began, failed, isOpen }) {
  const overlay = root.querySelector(".stage-drop");
  const input = make("input", { type: "file", accept: "image/*", multiple: true, hidden: true });
  root.append(input);
  overlay.append(make("div", {}, makeIcon("down"), make("strong", {}, "Drop to open"),
    make("span", {}, "Several pictures go to Many pictures")));
  const isPicture = (file) => file.type.startsWith("image/") || file.type === "";
  let depth = 0;

  async function take(files) {
    const pictures = [...files].filter(isPicture);
    if (!pictures.length) return files.length && failed("That is not a picture. Choose a JPEG, PNG or WebP file.");
    began(pictures.length);
    const sent = [];
    try {
      for (const file of pictures) sent.push({ ...(await upload(file)), orig_name: file.name });
    } catch {
      return failed("The picture could not be sent. It may be too large, or the connection was lost.");
    }
    if (sent.length === 1) trigger("picture", sent[0]);
    else trigger("pictures", { files: sent });
  }
  function choose() {
    input.value = "";
    input.click();
  }
  input.addEventListener("change", () => take(input.files));

  async function paste() {
    let items;
    try {
      items = await navigator.clipboard.read();
    } catch {
      return failed("The browser did not allow this page to read the clipboard. Allow it, or press Ctrl+V.");
    }
    for (const item of items) {
      const type = item.types.find((each) => each.startsWith("image/"));
      if (!type) continue;
      return take([new File([await item.getType(type)], `clipboard.${type.slice("image/".length)}`, { type })]);
    }
    failed("There is no picture in the clipboard. Copy one first.");
  }

  // The whole window takes what is dropped or pasted, as long as this stage is in sight.
  function on(type, heard) {
    document.addEventListener(type, function listen(event) {
      if (!element.isConnected) return document.removeEventListener(type, listen);
      if (isOpen() && isShown()) heard(event);
    });
  }
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  function setOver(next) {
    depth = next;
    overlay.hidden = depth <= 0;
  }
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
    if (event.target.closest?.("input, textarea, [contenteditable]")) return;
    const files = [...(event.clipboardData?.files ?? [])], words = event.clipboardData?.getData("text").trim() ?? "";
    if (files.length) take(files);
    else if (/^https?:\/\/\S+$/.test(words)) trigger("link", { url: words });
  });

  return { choose, paste, take };
}
