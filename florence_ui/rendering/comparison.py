"""Two answers drawn on one picture by supervision: outlines only, in colors that say who found what.

What only the left answer has is dashed, what only the right one has is solid, and both kinds have labels; what both
have is thin, without labels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import supervision as sv
from PIL import Image, ImageDraw

from florence_ui.fonts import clean_label, find_font, load_font, truncate
from florence_ui.rendering.annotate import draw, draw_view
from florence_ui.rendering.annotators import ANNOTATORS, CASING, Brush, Scene
from florence_ui.rendering.shapes import Shapes
from florence_ui.rendering.style import Style, font_size
from florence_ui.rendering.view import Frame, View
from florence_ui.results.arrays import FloatArray
from florence_ui.results.compare import BOTH, LEFT, RIGHT, FoundByMap

FOUND_BY_COLORS = {LEFT: "#ffb13b", RIGHT: "#4aa8ff", BOTH: "#f2f2f0"}
"""Colors that differ in lightness and hue, so that any color vision can tell them apart."""
_SLOTS = {who: slot for slot, who in enumerate(FOUND_BY_COLORS)}
_PALETTE = sv.ColorPalette.from_hex(list(FOUND_BY_COLORS.values()))
LEGEND_PAPER = "#101113"
LEGEND_LINE = 1.6
"""Height of a line of the legend, as a multiple of the text size."""
DASH, GAP = 4, 3
"""Lengths of a dash and of the gap after it, in line widths."""


class FoundByStyle(Style):
    """The usual style in the colors of the sides."""

    @property
    def color_palette(self) -> sv.ColorPalette:
        return _PALETTE


def annotate_found_by(image: Image.Image, found: FoundByMap) -> Image.Image:
    """Draw who found what on a copy of its picture, at any size.

    Returns:
        An RGB picture of `image.size`.
    """
    shapes = _shapes(found, Frame.whole(image.size))
    return draw(image, shapes, FoundByStyle(), _paint_outlines, _differences(shapes))


def add_legend(image: Image.Image, words: Mapping[str, str]) -> Image.Image:
    """Put a strip below a picture that says what colors mean.

    Args:
        image: An RGB picture; not modified.
        words: By keys of `FOUND_BY_COLORS`, a line each.

    Returns:
        An RGB picture of the same width.
    """
    size = font_size(image.size, FoundByStyle())
    line, swatch = round(LEGEND_LINE * size), max(2, size // 6)
    whole = Image.new("RGB", (image.width, image.height + len(words) * line + size), LEGEND_PAPER)
    whole.paste(image)
    pen = ImageDraw.Draw(whole)
    for row, (who, said) in enumerate(words.items()):
        middle, text, color = image.height + size // 2 + row * line + line // 2, clean_label(said), FOUND_BY_COLORS[who]
        pen.rectangle((size, middle - size // 2, 2 * size, middle + size // 2), outline=color, width=swatch)
        font = load_font(find_font(text), size)
        pen.text((3 * size, middle), truncate(text, font, max(size, image.width - 4 * size)), color, font, anchor="lm")
    return whole


def put_side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two RGB pictures of one size beside each other."""
    gap = font_size(left.size, FoundByStyle())
    whole = Image.new("RGB", (left.width + gap + right.width, left.height), LEGEND_PAPER)
    whole.paste(left)
    whole.paste(right, (left.width + gap, 0))
    return whole


def annotate_found_by_view(scene: Scene, found: FoundByMap, view: View) -> Image.Image:
    """Draw who found what for a screen.

    Args:
        scene: What the view shows, with its margin on every side; not modified.
        found: What to draw.
        view: The part of the picture, and its size on the screen.

    Returns:
        An RGB picture of `view.size`.
    """
    shapes = _shapes(found, Frame.of(view))
    return draw_view(scene, shapes, view, FoundByStyle(), _paint_outlines, _differences(shapes))


def _shapes(found: FoundByMap, frame: Frame) -> Shapes:
    """All objects, in the colors of the sides."""
    slots = np.array([_SLOTS[who] for who in found.found_by], dtype=int)
    return Shapes.of(found.result, np.arange(len(slots)), frame, slots)


def _differences(shapes: Shapes) -> Shapes:
    """The objects that have labels."""
    return shapes.select(np.asarray(shapes.detections.class_id) != _SLOTS[BOTH])


def _paint_outlines(scene: Scene, shapes: Shapes, brush: Brush) -> None:
    """Paint what both have first, so that the differences lie on top."""
    line = "polygon" if shapes.has_polygon.any() else "oriented box" if shapes.has_quads else "box"
    thin = max(1, brush.thickness // 2)
    rim = Brush(CASING, thin + 1, brush.opacity)
    layers = ((BOTH, rim), (BOTH, replace(brush, thickness=thin)), (RIGHT, brush.of_casing), (RIGHT, brush))
    slots = np.asarray(shapes.detections.class_id)
    for who, layer in layers:
        some = shapes.select(slots == _SLOTS[who])
        if len(some.detections):
            ANNOTATORS[line].paint(scene, some, layer)
    left = shapes.select(slots == _SLOTS[LEFT])
    dash, gap = DASH * brush.thickness, GAP * brush.thickness
    for layer, color in ((brush.of_casing, CASING.by_idx(0)), (brush, _PALETTE.by_idx(_SLOTS[LEFT]))):
        for ring in (ring for parts in left.outlines for ring in parts):
            _paint_dashes(scene, ring, color, layer.thickness, dash, gap)


def _paint_dashes(scene: Scene, ring: FloatArray, color: sv.Color, thickness: int, dash: float, gap: float) -> None:
    for line in dashes(ring, dash, gap):
        for start, end in pairwise(np.rint(line).astype(int).tolist()):
            sv.draw_line(scene, sv.Point(*start), sv.Point(*end), color, thickness)


def dashes(ring: FloatArray, dash: float, gap: float) -> Iterator[FloatArray]:
    """Cut a closed line into dashes; one may bend around corners.

    Args:
        ring: (n, 2) points.
        dash: Length of a dash.
        gap: Length of the gap after it.

    Yields:
        (m, 2) points of one dash, m >= 2.
    """
    closed = np.vstack([ring, ring[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    for start in np.arange(0.0, along[-1], dash + gap):
        end = min(start + dash, along[-1])
        stops = np.concatenate([[start], along[(along > start) & (along < end)], [end]])
        yield np.column_stack([np.interp(stops, along, closed[:, axis]) for axis in (0, 1)])
