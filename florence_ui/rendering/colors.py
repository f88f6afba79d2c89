"""The colors of objects: palettes, and which label gets which of a palette's colors."""

import zlib
from collections.abc import Iterable, Mapping

import supervision as sv

from florence_ui.results.result import Result, class_of

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


def color_keys(result: Result) -> list[str]:
    """What decides each object's color: its class, or its row if it has no label; empty for lines of text."""
    if result.quads is not None:
        return []
    return [class_of(name) or f"region {row + 1}" for row, name in enumerate(result.names)]


def allot(keys: Iterable[str], count: int, allotted: Mapping[str, int] | None = None) -> dict[str, int]:
    """Allot the `count` colors of a palette to keys in order of appearance, after those that have theirs.

    Every key has a color that it prefers in all pictures, and takes another one only if that is taken.

    Returns:
        Indices of colors by key; two keys share one only after all are taken.
    """
    slots = dict(allotted or {})
    taken = [*slots.values()][len(slots) // count * count :]
    free = [slot for slot in range(count) if slot not in taken]
    for key in dict.fromkeys(keys):
        if key not in slots:
            free = free or list(range(count))
            slots[key] = _choose(key, free)
            free.remove(slots[key])
    return slots


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
