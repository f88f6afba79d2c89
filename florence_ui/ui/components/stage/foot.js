// The foot of the stage: the one place where the machine speaks about the state of the answer.
const CLOCK = 100;   // milliseconds between two readings

function makeFoot(root, { press, dismiss }) {
  const notice = root.querySelector(".stage-notice");
  const words = make("p", { dir: "auto" }), clock = make("span", { class: "clock", "aria-hidden": "true" });
  const buttons = make("span", { class: "actions" });
  const close = makeButton({ class: "close", "aria-label": "Dismiss", onclick: dismiss }, makeIcon("close"));
  const pulse = make("i", { class: "pulse", "aria-hidden": "true" }), alarm = makeIcon("alert");
  let ticking = null, began = 0;
  notice.append(pulse, alarm, words, clock, buttons, close);

  function tick() {
    if (!element.isConnected) return setClock(false);
    clock.textContent = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  }
  function setClock(isRunning) {
    if (isRunning === (ticking !== null)) return;
    clearInterval(ticking);
    ticking = null;
    clock.textContent = "";
    if (!isRunning) return;
    began = performance.now();
    ticking = setInterval(tick, CLOCK);
    tick();
  }
  const invitation = () => (matchMedia("(hover: none)").matches
    ? "Tap anything, or drag a box."
    : "Click anything to ask about it, or drag a box.");

  return {
    set({ state, title = "", hint = "", actions = [], inviting }) {
      const says = [title, hint].filter(Boolean).join(" ") || (state === "done" && inviting ? invitation() : "");
      write(words, says);
      const names = JSON.stringify(actions);
      if (buttons.dataset.names !== names) {
        buttons.dataset.names = names;
        buttons.replaceChildren(...actions.map(({ name, label }) => makeButton({ onclick: () => press(name) }, label)));
      }
      notice.classList.toggle("silent", !says);
      notice.dataset.state = state;
      setClock(state === "busy");
    },
  };
}
