// Boxes are [left, top, right, bottom], points [x, y].
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
const areaOf = ([x1, y1, x2, y2]) => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
const overlapOf = (a, b) =>
  areaOf([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
const rounded = (numbers) => numbers.map((v) => Math.round(v * 1e5) / 1e5);
const distanceOf = ([x1, y1], [x2, y2]) => Math.hypot(x2 - x1, y2 - y1);
const middleOf = ([x1, y1], [x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2];

function boundsOf(points) {
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function isInside([x, y], ring) {
  let inside = false;
  ring.forEach(([x1, y1], k) => {
    const [x2, y2] = ring[(k || ring.length) - 1];
    if ((y1 > y) !== (y2 > y) && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  });
  return inside;
}

// An element's box in the coordinates of another, widened by a margin.
function boxWithin(node, frame, margin = 0) {
  const box = node.getBoundingClientRect(), origin = frame.getBoundingClientRect();
  const [x, y] = [box.left - origin.left, box.top - origin.top];
  return [x - margin, y - margin, x + box.width + margin, y + box.height + margin];
}
