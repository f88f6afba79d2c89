// Answers as paper notes beside the places that they are about, with a line to them.
const NOTE_GAP = 14, NOTE_EDGE = 8, BAR_HEIGHT = 72;   // CSS pixels

function keyOf({ action, index, region }) {
  return JSON.stringify([action, index ?? region]);
}

// The nearest points of two boxes, for the line between them; null if they touch.
function lineBetween(place, note) {
  const near = (axis) => {
    const [a1, a2, b1, b2] = [place[axis], place[axis + 2], note[axis], note[axis + 2]];
    if (b1 > a2) return [a2, b1];
    if (b2 < a1) return [a1, b2];
    const shared = (Math.max(a1, b1) + Math.min(a2, b2)) / 2;
    return [shared, shared];
  };
  const [x1, x2] = near(0), [y1, y2] = near(1);
  return distanceOf([x1, y1], [x2, y2]) > 3 ? [x1, y1, x2, y2] : null;
}

function makeNotes(root, viewport, objects, { dismiss, redraw }) {
  const container = root.querySelector(".stage-notes"), leaders = root.querySelector(".stage-leaders");
  let notes = [];   // { note, node }

  function fill(node, note) {
    const isBusy = note.state === "busy", image = addressOf(note.image), file = addressOf(note.file);
    node.className = `stage-note ${note.state ?? "done"}`;
    node.replaceChildren(
      make("b", {}, note.title || labelOf(note.action)),
      make("span", { dir: "auto" }, isBusy ? note.text || "Looking…" : note.text || ""),
      ...(note.caveat ? [make("small", { dir: "auto" }, note.caveat)] : []),
      ...(image ? [make("img", { src: image, alt: "", onload: redraw })] : []),   // it makes the note larger
      ...(file ? [make("a", { href: file, download: note.file.orig_name || "" }, makeIcon("down"), "Save")] : []),
      ...(isBusy ? [] : [makeButton({ class: "close", "aria-label": "Close note", onclick: () => dismiss(note) },
        makeIcon("close"))]),
    );
  }
  const labelOf = (action) => TOOLS.find(([name]) => name === action)?.[1] ?? "";

  // Around the place, the nearest first; what it would cover makes a spot worse.
  function bestSpot([x1, y1, x2, y2], w, h, avoided) {
    const [width, height] = viewport.size, inset = 10;
    const spots = [
      [x2 + NOTE_GAP, y1], [x1 - w - NOTE_GAP, y1], [x2 - w, y1 - h - NOTE_GAP], [x1, y2 + NOTE_GAP],
      [x2 - w - inset, y1 + inset], [x1 + inset, y1 + inset], [x2 + NOTE_GAP, y2 - h], [x1, y1 - h - NOTE_GAP],
      [x1 + inset, y2 - h - inset],
    ];
    let best = null;
    spots.forEach(([left, top], rank) => {
      const x = clamp(left, NOTE_EDGE, width - w - NOTE_EDGE), y = clamp(top, NOTE_EDGE, height - h - NOTE_EDGE);
      const box = [x, y, x + w, y + h];
      let cost = rank * 0.1 + (Math.abs(x - left) + Math.abs(y - top)) / 60;
      for (const [other, weight] of avoided) if (overlapOf(other, box)) cost += weight;
      if (!best || cost < best.cost) best = { cost, box };
    });
    return best.box;
  }
  function drawLeader(place, box) {
    const line = lineBetween(place, box);
    if (!line) return;
    const d = `M${line[0]} ${line[1]}L${line[2]} ${line[3]}`;
    leaders.append(makeShape("path", { class: "casing", d }), makeShape("path", { d }));
  }

  return {
    set(next) {
      const known = new Map(notes.map((each) => [keyOf(each.note), each]));
      notes = next.map((note) => {
        const before = known.get(keyOf(note));
        known.delete(keyOf(note));
        const node = before?.node ?? make("div", { role: "note" });
        if (JSON.stringify(before?.note) !== JSON.stringify(note)) fill(node, note);
        if (!before) container.append(node);
        return { note, node };
      });
      for (const { node } of known.values()) node.remove();
    },
    // `selected`: the box of the selected object, or null; `toolbar`: what the toolbar covers, or null.
    draw(selected, toolbar, isToolbarAtFoot) {
      const [width, height] = viewport.size, avoided = [];
      if (toolbar) avoided.push([toolbar, 4]);
      if (isToolbarAtFoot) avoided.push([[0, height - BAR_HEIGHT, width, height], 4]);
      if (selected) avoided.push([viewport.boxToStage(selected), 3]);
      leaders.replaceChildren();
      for (const { note, node } of notes) {
        const box = note.region ?? objects.box(note.index);
        node.hidden = !box || (!note.region && !objects.isVisible(note.index));
        if (node.hidden) continue;
        const place = viewport.boxToStage(box);
        const spot = bestSpot(place, node.offsetWidth, node.offsetHeight, avoided);
        node.style.transform = `translate(${Math.round(spot[0])}px, ${Math.round(spot[1])}px)`;
        avoided.push([spot, 5]);
        drawLeader(place, spot);
      }
    },
  };
}
