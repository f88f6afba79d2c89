"""The style of a drawing: annotators, colors and sizes; supervision's own where it has them."""

import math
from dataclasses import dataclass

import supervision as sv

from florence_ui.rendering.annotators import ANNOTATORS, Brush
from florence_ui.rendering.view import View

PALETTES: dict[str, sv.ColorPalette] = {
    "default": sv.ColorPalette.from_hex(
        ["#E5484D", "#0A84FF", "#30A46C", "#F76B15", "#8E4EC6", "#FFC53D", "#00A2C7", "#E93D82", "#7CB342", "#AD7F58"]
    ),
    "color-blind safe": sv.ColorPalette.from_hex(  # Okabe and Ito, with white, grey and indigo for their black
        ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#FFFFFF", "#999999", "#332288"]
    ),
    "vivid": sv.ColorPalette.from_hex(
        ["#FF1744", "#00E5FF", "#76FF03", "#FF9100", "#D500F9", "#FFEA00", "#2979FF", "#1DE9B6", "#FF4081", "#C6FF00"]
    ),
    "pastel": sv.ColorPalette.from_hex(
        ["#FFADAD", "#A0C4FF", "#CAFFBF", "#FFD6A5", "#BDB2FF", "#FDFFB6", "#9BF6FF", "#FFC6FF", "#D0F4DE", "#E4C1F9"]
    ),
    "one color": sv.ColorPalette.from_hex(["#A351FB"]),
    "supervision": sv.ColorPalette.DEFAULT,
}
"""Palettes by name; a label has the same color in every picture."""

LINE_WIDTH = 0.0035
"""Line width as a fraction of the picture's shorter side."""
TEXT_SIZE, MAX_TEXT_SIZE = 0.022, 0.25
"""Text size as a fraction of the longer side, which pages fit into their width, so that text has one size there; and
its maximum as a fraction of the shorter side."""
MIN_TEXT_SIZE = 13
"""Minimum in pixels."""
VIEW_LINE_WIDTH, VIEW_CASING, VIEW_TEXT_SIZE = 2.0, 0.75, 13.0
"""Sizes on a screen, in CSS pixels."""


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

    Out-of-range numbers are clamped; anything but a number becomes the default.
    """

    annotators: tuple[str, ...] = ()
    labels: bool = True
    palette: str = "default"
    thickness: float = 1.0
    opacity: float = 0.45
    text_size: float = 1.0

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
        """Colors by class id."""
        return PALETTES[self.palette]

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


def contrasting_text_color(color: sv.Color) -> sv.Color:
    """Black or white, whichever has the higher contrast (WCAG 2.2) with a color."""
    return sv.Color.BLACK if relative_luminance(color) > 0.179 else sv.Color.WHITE


def relative_luminance(color: sv.Color) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    parts = [c / 255 for c in color.as_rgb()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
