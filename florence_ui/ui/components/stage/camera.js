// A photograph by this device's camera, seen on the stage before it is taken.
function makeCamera(root, { take, failed }) {
  let close = null;

  async function open() {
    close?.();
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      const isMissing = error.name === "NotFoundError" || error.name === "OverconstrainedError";
      return failed(isMissing ? "No camera was found. Choose a file instead."
        : "The browser did not allow this page to use the camera. Allow it, or choose a file instead.");
    }
    const video = make("video", { playsinline: true, autoplay: true, "aria-label": "What the camera sees" });
    video.muted = true;
    video.srcObject = stream;
    const shoot = makeButton({ class: "shoot", onclick: () => photograph(video) }, makeIcon("camera"), "Take picture");
    const view = make("div", { class: "stage-camera", role: "group", "aria-label": "Camera" }, video,
      make("div", {}, shoot, makeButton({ onclick: () => close() }, "Cancel")));
    view.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      event.stopPropagation();
    });
    close = () => {
      stream.getTracks().forEach((track) => track.stop());
      view.remove();
      close = null;
      root.focus({ preventScroll: true });
    };
    root.append(view);
    shoot.focus({ preventScroll: true });
  }

  function photograph(video) {
    const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
    if (!canvas.width) return;   // nothing seen yet
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => take([new File([blob], "camera.jpg", { type: "image/jpeg" })]), "image/jpeg", 0.92);
    close();
  }
  return { open };
}
