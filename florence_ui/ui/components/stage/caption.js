// The answer's text: a label beside the picture where the stage has room at its side, else over its foot.
const BESIDE = 200, BELOW = 120, CAPTION_WIDTH = 584, PHONE = 820, ROUNDING = 4;   // CSS pixels

function makeCaption(root, viewport, objects, { light, select }) {
  const node = root.querySelector(".stage-caption");
  const words = make("p", { tabindex: "0", role: "region", "aria-label": "The answer in words", dir: "auto" });
  const copy = makeButton({ class: "copy", "aria-label": "Copy text", title: "Copy text" }, makeIcon("copy"));
  const more = makeButton({ class: "more", "aria-expanded": "false" }, "More");
  let text = "";
  copy.addEventListener("click", () => copyText(text, copy));
  more.addEventListener("click", () => setOpen(!node.classList.contains("open")));
  node.append(words, copy, more);

  function setOpen(isOpen) {
    node.classList.toggle("open", isOpen);
    more.textContent = isOpen ? "Less" : "More";
    more.setAttribute("aria-expanded", String(isOpen));
  }
  function place() {
    if (!text) return;
    const [width, height] = viewport.size, [left, top, right] = viewport.pictureBox;
    const side = Math.max(0, left), isBeside = side >= BESIDE && !viewport.isZoomed;
    node.classList.toggle("beside", isBeside);
    node.style.width = isBeside ? `${width - right - 24}px` : "";
    node.style.marginInlineStart = `${isBeside ? right : Math.min(side, Math.max(0, width - CAPTION_WIDTH))}px`;
    node.classList.toggle("roomy", isBeside || top >= BELOW);
    node.classList.toggle("long", window.innerWidth <= PHONE && words.scrollHeight > words.clientHeight + ROUNDING);
  }

  return {
    place,
    light: (indices) => lightPhrases(words, indices),
    set(phrases) {
      const next = phrases.map((phrase) => phrase.text).join("");
      node.hidden = !next;
      if (next !== text) setOpen(false);
      text = next;
      words.replaceChildren(...makePhrases(phrases, { colorAt: objects.colorAt, light, select }));
      place();
    },
  };
}
