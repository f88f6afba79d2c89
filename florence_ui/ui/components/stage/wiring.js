// The stage's ears: pointers, keys, and what its neighbours on the page say. Then it begins.
makeGestures(root, viewport, {
  hasPicture, click, draw: drawRegion, point: pointAt,
  drawn: (isLarge) => (isLarge ? finishRegion(region.box) : dropRegion()),
  canDraw: asks,
  releaseRegion: region.release,
  pans: () => isGrabbing || isSpaceHeld,
});
makeKeys(root, viewport, {
  hasPicture, step, escape, holdSpace, canDraw: asks, enter: enterTools, place: region.place,
});
for (const type of ["pointerdown", "keydown"]) root.addEventListener(type, () => {
  if (!isComplaining && (isTouched || !value.inviting)) return;
  isTouched = true;
  isComplaining = false;
  drawFoot();
  reportView();
});

links.hear("light", group, ({ numbers }) => setLight(objects.indicesOf(numbers)));
links.hear("select", group, ({ number, isKey }) => {
  if (region.box) dropRegion();
  select(objects.indicesOf([number])[0] ?? -1, { isHeard: true });
  if (selected >= 0) viewport.reveal(objects.box(selected));
  if (isKey && selected >= 0) enterTools();
});
links.hear("hidden", group, ({ numbers }) => {
  objects.hide(objects.hidden, false);
  objects.hide(objects.indicesOf(numbers), true);
  if (!objects.isVisible(selected)) select(-1);
  draw();
});
links.hear("view", group, (view) => viewport.show(view));
links.hear("drawing", group, (heard) => {
  const latest = drawings.get(heard.side);
  if (latest?.answer === heard.answer && heard.number < latest.number) return;   // begun earlier, but finished later
  drawings.set(heard.side, heard);
  layers.showDrawing(heard);
});
links.hear("place", group, () => { if (asks() && hasPicture() && isShown()) region.place(); });
links.hear("clear-region", group, () => { if (asks() && isShown()) escape(); });
links.hear("dismiss", group, dismissFailure);
links.hear("pick", group, ({ how }) => {
  if (value.opens) ({ file: files.choose, camera: camera.open, paste: files.paste })[how]?.();
});

new ResizeObserver(() => viewport.resize(root.clientWidth, root.clientHeight)).observe(root);
watch("value", pull);
pull();
links.send("stage", group(), {});
