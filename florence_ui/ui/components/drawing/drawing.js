// Hands the drawing to the stage of its group, now and whenever a stage of it begins.
const value = () => props.value || {};

function hand() {
  const { view, answer, group, side, number, image } = value();
  links.send("drawing", group, { url: addressOf(image), view, answer, side, number });
}

links.hear("stage", () => value().group, hand);
watch("value", hand);
hand();
