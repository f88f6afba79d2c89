// Elements for the page's own components. Words go through textContent and attributes, so they never become HTML.
(() => {
  const SVG = "http://www.w3.org/2000/svg";

  // make("button", { class: "tool", "aria-label": "Close", onclick: close }, icon, "Close"); false and null are left out.
  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag), isGiven = (value) => value !== null && value !== undefined && value !== false;
    for (const [name, value] of Object.entries(attributes)) {
      if (!isGiven(value)) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter(isGiven));
    return node;
  }
  const makeButton = (attributes, ...children) => make("button", { type: "button", ...attributes }, ...children);

  function makeShape(tag, attributes = {}) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  // Changes words only if they differ: the same ones are not announced again.
  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  // The address of a file that the server sent, if it is one of a picture and not a script.
  function addressOf(file) {
    const url = file?.url;
    return typeof url === "string" && /^(https?:|\/)/.test(url) ? url : "";
  }

  const colorOf = (item) => (/^#[0-9a-f]{6}$/i.test(item.color) ? item.color : "var(--accent)");

  // One tab stop for a row of buttons; the arrows move within it.
  function makeRoving(row, query = "button") {
    const buttons = () => [...row.querySelectorAll(query)].filter((button) => !button.disabled);
    function settle(current) {
      const all = buttons(), chosen = all.includes(current) ? current : all[0];
      all.forEach((button) => { button.tabIndex = button === chosen ? 0 : -1; });
    }
    row.addEventListener("focusin", (event) => settle(event.target.closest(query)));
    row.addEventListener("keydown", (event) => {
      const all = buttons(), at = all.indexOf(document.activeElement);
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = step ? at + step : { Home: 0, End: all.length - 1 }[event.key];
      if (at < 0 || next === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      all[(next + all.length) % all.length].focus();
    });
    return settle;
  }

  const isShown = (element) => element.isConnected && element.getClientRects().length > 0;

  // Hears events of the document for as long as the element is on the page.
  function onDocument(element, type, heard) {
    document.addEventListener(type, function listen(event) {
      if (element.isConnected) heard(event);
      else document.removeEventListener(type, listen);
    });
  }

  async function copyText(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return;
    }
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  }

  Object.assign(window.florencePage, {
    make, makeButton, makeShape, write, addressOf, colorOf, makeRoving, isShown, onDocument, copyText,
  });
})();
