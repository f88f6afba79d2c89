// The stage without a picture: the ways to bring one. A browser that cannot paste or has no camera gets no such button.
function makeEmpty(root, { choose, paste, openCamera }) {
  const node = root.querySelector(".stage-empty");
  const title = make("h2", { dir: "auto" }), hint = make("p", { dir: "auto" });
  const way = (how, icon, label, onclick) => makeButton({ "data-how": how, onclick }, makeIcon(icon), label);
  const address = make("input", {
    type: "text", inputmode: "url", autocomplete: "off", spellcheck: "false", maxlength: "2000",
    "aria-label": "Link to a picture", placeholder: "or a link to a picture",
  });
  const form = make("form", {
    onsubmit(event) {
      event.preventDefault();
      if (address.value.trim()) trigger("link", { address: address.value.trim() });
    },
  }, address, make("button", {}, "Open"));
  const ways = make("div", { class: "ways" }, way("file", "upload", "Upload", choose),
    way("camera", "camera", "Camera", openCamera), way("paste", "paste", "Paste", paste));
  node.append(title, hint, ways, form);

  async function isAllowed(name) {
    try {
      return (await navigator.permissions.query({ name })).state !== "denied";
    } catch {
      return true;   // a browser that does not say
    }
  }
  // For every such button on the page: the styles hide those that would not work.
  async function findWays() {
    const ability = document.documentElement.dataset;
    ability.camera = navigator.mediaDevices?.getUserMedia && (await isAllowed("camera")) ? "yes" : "no";
    ability.paste = navigator.clipboard?.read && (await isAllowed("clipboard-read")) ? "yes" : "no";
  }

  const invitation = () => (matchMedia("(hover: none)").matches ? "Choose a picture" : "Drop a picture here");

  return {
    set({ title: words, hint: more, opens, state }, isEmpty) {
      if (opens) findWays();
      node.hidden = !isEmpty;
      if (!isEmpty) return;
      const isPlain = state === "empty";
      title.textContent = (isPlain && words) || (opens ? invitation() : "No picture yet");
      hint.textContent = (isPlain && more) || (opens ? "or begin with one of the examples" : "");
      ways.hidden = form.hidden = !opens;
    },
  };
}
