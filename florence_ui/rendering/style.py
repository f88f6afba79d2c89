"""The style of a drawing: annotators, palette and sizes; supervision's own where it has them."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import supervision as sv

from florence_ui.rendering.annotators import ANNOTATORS, Brush
from florence_ui.rendering.colors import PALETTES, TEXT_SLOT, allot, color_keys
from florence_ui.rendering.view import View
from florence_ui.results.arrays import IntArray
from florence_ui.results.result import Result

LINE_WIDTH = 0.0035
"""Line width as a fraction of the picture's shorter side."""
TEXT_SIZE, MAX_TEXT_SIZE = 0.022, 0.25
"""Text size as a fraction of the longer side, which pages fit into their width, so that text has one size there; and
its maximum as a fraction of the shorter side."""
MIN_TEXT_SIZE = 13
"""Minimum in pixels."""
VIEW_LINE_WIDTH, VIEW_CASING = 2.0, 0.75
"""Widths of a line and of the dark rim on both sides of it on a screen, in CSS pixels."""


@dataclass(frozen=True)
class Style:
    """A style of drawing.

    Attributes:
        annotators: Names of `ANNOTATORS`; unknown ones are ignored. Empty for the best ones for the answer.
        labels: Whether to write the labels.
        palette: A name of `PALETTES`; an unknown one becomes the first.
        thickness: Line width, as a multiple of the picture's usual one, 0.25 to 8.
        opacity: Opacity of masks, filled boxes, halo and spotlight, 0 to 1.
        text_size: Text size, as a multiple of the picture's usual one, 0.5 to 4.
        color_order: `color_keys` that get their colors before the answer's own: those of a set of pictures, in which a
            class has one color.

    Out-of-range numbers are clamped; anything but a number becomes the default.
    """

    annotators: tuple[str, ...] = ()
    labels: bool = True
    palette: str = "default"
    thickness: float = 1.0
    opacity: float = 0.25
    text_size: float = 1.0
    color_order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = dict.fromkeys(str(name) for name in self.annotators if name in ANNOTATORS)
        object.__setattr__(self, "annotators", tuple(known))
        if self.palette not in PALETTES:
            object.__setattr__(self, "palette", next(iter(PALETTES)))
        for name, low, high in (("thickness", 0.25, 8), ("opacity", 0, 1), ("text_size", 0.5, 4)):
            value = getattr(self, name)
            usable = isinstance(value, int | float) and math.isfinite(value)
            object.__setattr__(self, name, min(high, max(low, value)) if usable else getattr(type(self), name))

    @property
    def color_palette(self) -> sv.ColorPalette:
        """Its colors."""
        return PALETTES[self.palette]

    @cached_property
    def _allotted(self) -> dict[str, int]:
        return allot(self.color_order, len(self.color_palette.colors))

    def color_slots(self, result: Result) -> IntArray:
        """(n,) index of each object's color; objects without a label have one each, lines of text one together."""
        keys, count = color_keys(result), len(self.color_palette.colors)
        slots = allot(keys, count, self._allotted)
        return np.array([slots[key] for key in keys] or [TEXT_SLOT % count] * len(result.detections), dtype=int)

    def colors_of(self, result: Result) -> list[str]:
        """The color of each object, as `#rrggbb`."""
        return [self.color_palette.colors[slot].as_hex() for slot in self.color_slots(result)]

    def view_brush(self, view: View) -> Brush:
        """The brush for a screen."""
        width, casing = VIEW_LINE_WIDTH * self.thickness * view.pixel_ratio, VIEW_CASING * view.pixel_ratio
        return Brush(self.color_palette, max(1, round(width)), self.opacity, max(1, round(casing)))

    def brush(self, size: tuple[int, int]) -> Brush:
        """The brush for a picture of (width, height)."""
        width = max(sv.calculate_optimal_line_thickness(size), round(min(size) * LINE_WIDTH))
        return Brush(self.color_palette, max(1, round(width * self.thickness)), self.opacity)


def font_size(size: tuple[int, int], style: Style) -> int:
    """Font size in pixels for a picture of (width, height)."""
    return round(max(MIN_TEXT_SIZE, min(TEXT_SIZE * max(size), MAX_TEXT_SIZE * min(size))) * style.text_size)
