// Icons on a grid of 24, drawn with one line.
(() => {
  const { makeShape } = window.florencePage;
  const ICONS = {
    alert: "M12 4l9 16H3zM12 10v4M12 17h.01",
    camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
    close: "M6 6l12 12M18 6L6 18",
    copy: "M9 9h10v11H9zM5 15V4h10",
    cut: "M8 8l12 10M8 16L20 6M6 4a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM6 15a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    describe: "M4 6h16M4 11h16M4 16h10",
    down: "M12 4v11M7 10.5l5 5 5-5M4 20h16",
    eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
    eyeOff: "M4 4l16 16M9.5 5.9A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-3 3.7M6 7.5A16 16 0 0 0 2.5 12S6 18.5 12 18.5c1.5 0 2.8-.4 4-1",
    hand: "M12 3v18M3 12h18M9 5.5L12 2.5l3 3M9 18.5l3 3 3-3M5.5 9l-3 3 3 3M18.5 9l3 3-3 3",
    link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.7 5.7l1-1",
    name: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5h.01",
    next: "M9.5 5L16 12l-6.5 7",
    paste: "M9 4h6v3H9zM9 5H6v15h12V5h-3",
    previous: "M14.5 5L8 12l6.5 7",
    read: "M4 18L8.5 6 13 18M5.5 14h6M15 14.5a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M20 11.5V18",
    segment: "M12 4c5 0 8 2.5 8 6s-3 4-4 6-2 4-5 4-7-3-7-8 3-8 8-8zM9 10.5h.01M14 9h.01",
    upload: "M12 16V5M7 9.5L12 4.5l5 5M4 20h16",
  };

  function makeIcon(name) {
    const icon = makeShape("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
    icon.append(makeShape("path", { d: ICONS[name] }));
    return icon;
  }

  Object.assign(window.florencePage, { ICONS, makeIcon });
})();
