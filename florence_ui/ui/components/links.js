// How the page's components speak to each other without the server: events of the document, each for one group.
window.florencePage.makeLinks = (element) => ({
  send(name, group, detail) {
    document.dispatchEvent(new CustomEvent(`florence:${name}`, { detail: { ...detail, group, from: element } }));
  },
  // Calls `heard` with the event's detail for every event of that name in this component's group by others.
  hear(name, group, heard) {
    window.florencePage.onDocument(element, `florence:${name}`, (event) => {
      const detail = event.detail ?? {};
      if (detail.from !== element && (detail.group === undefined || detail.group === group())) heard(detail);
    });
  },
});
