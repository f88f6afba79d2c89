// The buttons below the picture: file, camera, clipboard. Gradio takes the picture away before it asks for the new one,
// so that a refusal or a change of mind would cost it. Here the browser is asked first.
(() => {
  const INSECURE = "Browsers allow this only over HTTPS or on localhost.";
  const CHOOSE = "Choose a file instead.";
  const buttonIn = (event, label) => event.target.closest?.(`#picture [data-testid=source-select] [aria-label="${label}"]`);
  const fileInput = () => document.querySelector("#picture input[type=file]");

  function say(text, hint) {
    const line = { text, hint, tone: "error" };
    document.querySelector("#picture-notice .notice")?.dispatchEvent(new CustomEvent("notice", { bubbles: true, detail: line }));
  }

  function hold(event) {
    event.stopImmediatePropagation();
    event.preventDefault();
  }

  // Waits for one thing at a time: who clicks twice asks once.
  let asking = false;
  async function ask(question) {
    if (asking) return;
    asking = true;
    try {
      await question();
    } finally {
      asking = false;
    }
  }

  async function paste() {
    if (!navigator.clipboard?.read) return say("The clipboard cannot be read here.", `${INSECURE} ${CHOOSE}`);
    let items;
    try {
      items = await navigator.clipboard.read();
    } catch {
      return say("The browser did not allow this page to read the clipboard.", `Allow it for this page. ${CHOOSE}`);
    }
    for (const item of items) {
      const type = item.types.find((each) => each.startsWith("image/"));
      if (type) return take(new File([await item.getType(type)], `clipboard.${type.slice("image/".length)}`, { type }));
    }
    say("There is no picture in the clipboard.", "Copy one first.");
  }

  function take(file) {
    const input = fileInput(), files = new DataTransfer();
    files.items.add(file);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  let allowed = false;   // the camera: Gradio's own handling of the click goes on
  async function openCamera(button) {
    if (!navigator.mediaDevices?.getUserMedia) return say("The camera cannot be used here.", `${INSECURE} ${CHOOSE}`);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      stream.getTracks().forEach((track) => track.stop());
    } catch (error) {
      const none = error.name === "NotFoundError" || error.name === "OverconstrainedError";
      if (none) return say("No camera was found.", CHOOSE);
      return say("The browser did not allow this page to use the camera.", `Allow it for this page. ${CHOOSE}`);
    }
    allowed = true;
    button.click();
    allowed = false;
  }

  document.addEventListener("click", (event) => {
    const camera = buttonIn(event, "Capture from camera");
    if (buttonIn(event, "Paste from clipboard") && fileInput()) {
      hold(event);
      ask(paste);
    } else if (camera && !allowed) {
      hold(event);
      ask(() => openCamera(camera));
    } else if (buttonIn(event, "Upload file") && fileInput()) {
      hold(event);
      fileInput().click();
    }
  }, true);
})();
