// What the scripts of every component begin with; `element`, `props`, `trigger`, `watch` and `upload` are Gradio's.
const {
  make, makeButton, makeShape, makeIcon, ICONS, makePhrases, lightPhrases, write, addressOf, colorOf, makeRoving, isShown,
  copyText, isPicture, listenForFiles,
} = window.florencePage;
const find = (query) => element.querySelector(query);
const links = window.florencePage.makeLinks(element);
