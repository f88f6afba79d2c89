// A sentence in pieces; those that name objects light and select them.
(() => {
  const { makeButton } = window.florencePage;

  function makePhrases(phrases, { colorAt, light, select }) {
    return phrases.map(({ text, items = [] }) => {
      const color = items.length ? colorAt(items[0]) : "";
      if (!color) return document.createTextNode(text);
      return makeButton({
        class: "phrase",
        style: `--tint: ${color}`,
        "data-items": JSON.stringify(items),
        onpointerenter: () => light(items),
        onpointerleave: () => light([]),
        onfocus: () => light(items),
        onblur: () => light([]),
        onclick: () => select(items[0]),
      }, text);
    });
  }

  // Lights the pieces of a text that name one of these objects.
  function lightPhrases(node, indices) {
    for (const piece of node.querySelectorAll(".phrase")) {
      piece.classList.toggle("on", JSON.parse(piece.dataset.items).some((index) => indices.includes(index)));
    }
  }

  Object.assign(window.florencePage, { makePhrases, lightPhrases });
})();
