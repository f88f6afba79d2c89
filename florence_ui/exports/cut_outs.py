"""Objects and regions cut out of their picture."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from florence_ui import storage
from florence_ui.exports.names import safe_name
from florence_ui.images.encoding import encode_image
from florence_ui.images.loading import Picture
from florence_ui.inference.per_object import crop_box
from florence_ui.prompts import Region
from florence_ui.results.arrays import FloatArray

PREVIEW_SIZE = (400, 400)


def cut_out(picture: Picture, region: Region, polygons: Sequence[FloatArray] = ()) -> tuple[Path, Path]:
    """Cut out a place in full detail, transparent outside of its polygons; blocks.

    Args:
        picture: The picture.
        region: The place in fractions of the picture.
        polygons: The outline's parts, each (n, 2) in pixels; empty for the whole box.

    Returns:
        A PNG of the original's size, named after the picture, and a small one.

    Raises:
        ImageError: If the original is gone.
        FlorenceUIError: If the files cannot be written.
    """
    width, height = picture.size
    x1, y1, x2, y2 = region
    left, top, right, bottom = crop_box((x1 * width, y1 * height, x2 * width, y2 * height), picture.size, margin=0)
    part = picture.full().crop((left, top, right, bottom))
    if polygons:
        mask = Image.new("L", part.size)
        draw = ImageDraw.Draw(mask)
        for ring in polygons:
            draw.polygon([(float(x) - left, float(y) - top) for x, y in ring], fill=255)
        part.putalpha(mask)
    stem = f"{safe_name(picture.path.stem)}-cut-out"
    file = storage.write(encode_image(part, "PNG"), ".png", stem=stem)
    part.thumbnail(PREVIEW_SIZE)
    return file, storage.write(encode_image(part, "PNG"), ".png", stem=f"{stem}-small")
