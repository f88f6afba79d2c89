// A sentence in pieces; those that name objects light and select them.
function makePhrases(phrases, { colorAt, light, select }) {
  return phrases.map(({ text, items = [] }) => {
    const color = items.length ? colorAt(items[0]) : "";
    if (!color) return document.createTextNode(text);
    return makeButton({
      class: "phrase",
      style: `--tint: ${color}`,
      onpointerenter: () => light(items),
      onpointerleave: () => light([]),
      onfocus: () => light(items),
      onblur: () => light([]),
      onclick: () => select(items[0]),
    }, text);
  });
}
