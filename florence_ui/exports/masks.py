"""Polygons as black and white pictures."""

from collections.abc import Collection, Iterator

from PIL import Image, ImageDraw

from florence_ui.exports.names import safe_name
from florence_ui.exports.records import select_rows
from florence_ui.images.encoding import encode_image
from florence_ui.results.result import Result


def mask_pngs(result: Result, rows: Collection[int] | None = None) -> Iterator[tuple[str, bytes]]:
    """Rasterize every detection's polygon at the original's size: white on black, one bit per pixel.

    Yields:
        (file name, PNG) for each detection that has a polygon. One mask is in memory at a time.
    """
    labels = result.labels
    for row in select_rows(result, rows):
        if parts := result.polygons[row]:
            mask = Image.new("1", result.size)
            draw = ImageDraw.Draw(mask)
            for part in parts:
                draw.polygon([(float(x), float(y)) for x, y in part], fill=1)
            yield f"{row + 1:03}-{safe_name(labels[row], fallback='mask')}.png", encode_image(mask, "PNG")
