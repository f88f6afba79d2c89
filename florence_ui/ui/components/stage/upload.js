// New pictures from this device: dropped, pasted, chosen. They are uploaded, and the server is told where they are.
function makeUpload(root, { began, failed, isOpen }) {
  const overlay = root.querySelector(".stage-drop");
  const input = make("input", { type: "file", accept: "image/*", multiple: true, hidden: true });
  root.append(input);
  overlay.append(make("div", {}, makeIcon("down"), make("strong", {}, "Drop to open"),
    make("span", {}, "Several pictures go to Many pictures")));

  async function take(files) {
    if (!files.length) return;
    const pictures = [...files].filter(isPicture);
    if (!pictures.length) {
      const what = files.length > 1 ? "None of these files is" : `${files[0].name} is not`;
      return failed(`${what} a picture. Choose a JPEG, PNG or WebP file.`);
    }
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

  const choose = listenForFiles(element, {
    input, overlay, isOpen, take,
    paste(files, words) {
      if (files.length) take(files);
      else if (/^https?:\/\/\S+$/.test(words)) trigger("link", { address: words });
    },
  });
  return { choose, paste, take };
}
