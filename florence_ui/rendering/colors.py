"""The colors of objects: palettes, and which label gets which of a palette's colors."""

import zlib

import numpy as np
import supervision as sv

from florence_ui.results.arrays import IntArray
from florence_ui.results.result import Result

PALETTES: dict[str, sv.ColorPalette] = {
    "default": sv.ColorPalette.from_hex(
        [
            *("#FF7A6B", "#3FB7FF", "#FFC23D", "#4FD98B", "#C79BFF", "#FF8FCF", "#2FD6C8", "#CFE04A"),
            *("#FFA45C", "#8FB0FF", "#E3C7A0", "#B4E4FF", "#F2A2A2", "#A8D8A0"),
        ]
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
    "classic": sv.ColorPalette.DEFAULT,
}
"""Palettes by name, the most distinct colors first."""

DISTINCT = 8
"""Colors that labels choose from first: they are told apart at a glance."""
TEXT_SLOT = 1
"""The color of everything that was read: a page of text in many colors could not be read."""


def color_slots(result: Result, count: int) -> IntArray:
    """Allot the `count` colors of a palette to an answer's objects.

    Every label has a color that it prefers in all pictures, and takes another one only if that is taken. Objects
    without a label have a color each, lines of text one together.

    Returns:
        (n,) indices of colors; equal names have equal ones, and different names share one only after all are taken.
    """
    if result.quads is not None:
        return np.full(len(result.detections), TEXT_SLOT % count)
    keys = [name or f"region {row + 1}" for row, name in enumerate(result.names)]
    slots: dict[str, int] = {}
    free: list[int] = []
    for key in dict.fromkeys(keys):
        free = free or list(range(count))
        slots[key] = _choose(key, free)
        free.remove(slots[key])
    return np.array([slots[key] for key in keys], dtype=int)


def row_colors(result: Result, palette: str) -> list[str]:
    """The color of each object, as `#rrggbb`, in a drawing with a palette of `PALETTES`; the first one if unknown."""
    colors = PALETTES.get(palette, PALETTES["default"]).colors
    return [colors[slot].as_hex() for slot in color_slots(result, len(colors))]


def contrasting_text_color(color: sv.Color) -> sv.Color:
    """Black or white, whichever has the higher contrast (WCAG 2.2) with a color."""
    return sv.Color.BLACK if relative_luminance(color) > 0.179 else sv.Color.WHITE


def relative_luminance(color: sv.Color) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    parts = [c / 255 for c in color.as_rgb()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _choose(key: str, free: list[int]) -> int:
    """The free color that a label prefers: a distinct one as long as there is any."""
    distinct = [slot for slot in free if slot < DISTINCT] or free[:1]
    first = zlib.crc32(key.encode("utf-8", "replace")) % DISTINCT
    return next((slot for slot in distinct if slot >= first), distinct[0])
