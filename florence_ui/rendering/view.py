"""What a screen shows of a picture, and where the picture's pixels lie on a canvas to draw on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2), corners sorted."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
MAX_VIEW_PIXELS = 8_000_000
"""Maximum width times height of a drawing for a screen; a larger one is scaled by the browser."""
MAX_VIEW_SIDE = 8192
PIXEL_RATIOS = (0.25, 4.0)
"""Least and greatest number of device pixels per CSS pixel, in each direction."""
MIN_PART = 1 / 64
"""Least part of a side that can be seen; the stage zooms in up to 16 times."""
MAX_RESERVED = 8
MARGIN = 12
"""CSS pixels around the seen part that are drawn on and cut off, so that no outline ends at the edge of the view."""


@dataclass(frozen=True)
class View:
    """The part of a picture that a screen shows, and at what size.

    Attributes:
        size: (width, height) of that part in device pixels.
        pixel_ratio: Device pixels per CSS pixel, in each direction.
        box: The part, as fractions of the picture's sides.
        reserved: Areas without labels, such as under a button, as fractions of the part's sides.

    The browser's numbers are not trusted: those out of range are clamped, anything but numbers becomes the default, and
    a view with more than `MAX_VIEW_PIXELS` is scaled down as a whole.
    """

    size: tuple[int, int] = (1024, 768)
    pixel_ratio: float = 1.0
    box: Box = WHOLE
    reserved: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        width, height = (_clamp(side, 1, MAX_VIEW_SIDE) for side in _numbers(self.size, 2) or View.size)
        (ratio,) = _numbers([self.pixel_ratio], 1) or [1.0]
        shrink = min(1.0, math.sqrt(MAX_VIEW_PIXELS / (width * height)))
        areas = self.reserved if isinstance(self.reserved, Sequence) else ()
        reserved = (_fractions(area) for area in areas[:MAX_RESERVED])
        object.__setattr__(self, "size", (max(1, int(width * shrink)), max(1, int(height * shrink))))
        object.__setattr__(self, "pixel_ratio", _clamp(ratio * shrink, *PIXEL_RATIOS))
        object.__setattr__(self, "box", _at_least_a_part(_fractions(self.box) or WHOLE))
        object.__setattr__(self, "reserved", tuple(area for area in reserved if area))

    def fit(self, picture_size: tuple[int, int]) -> "View":
        """The view in the proportions that its part has in a picture of (width, height)."""
        x1, y1, x2, y2 = self.box
        width, height = (x2 - x1) * picture_size[0], (y2 - y1) * picture_size[1]
        scale = min(self.size[0] / width, self.size[1] / height)
        return replace(self, size=(max(1, round(width * scale)), max(1, round(height * scale))))

    @property
    def margin(self) -> int:
        """`MARGIN` in device pixels."""
        return math.ceil(MARGIN * self.pixel_ratio)


@dataclass(frozen=True)
class Frame:
    """Where a picture lies on a canvas.

    Attributes:
        size: (width, height) of the canvas in pixels.
        origin: The picture's upper left corner on the canvas, in pixels; outside of it if only a part is seen.
        picture_size: (width, height) of the whole picture, in pixels of the canvas.
    """

    size: tuple[int, int]
    origin: tuple[float, float]
    picture_size: tuple[float, float]

    @classmethod
    def whole(cls, size: tuple[int, int]) -> "Frame":
        """The canvas is the picture itself."""
        return cls(size, (0.0, 0.0), size)

    @classmethod
    def of(cls, view: View) -> "Frame":
        """The canvas is what a view shows, with its margin on every side."""
        x1, y1, x2, y2 = view.box
        width, height = view.size[0] / (x2 - x1), view.size[1] / (y2 - y1)
        size = (view.size[0] + 2 * view.margin, view.size[1] + 2 * view.margin)
        return cls(size, (view.margin - x1 * width, view.margin - y1 * height), (width, height))


def _numbers(values: Any, count: int) -> list[float] | None:
    """`count` finite numbers, or None."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _fractions(values: Any) -> Box | None:
    """A box within 0 to 1 with sorted corners, or None if there are no four numbers."""
    numbers = _numbers(values, 4)
    if numbers is None:
        return None
    x1, y1, x2, y2 = (_clamp(value, 0, 1) for value in numbers)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _at_least_a_part(box: Box) -> Box:
    """The box, enlarged within the picture where a side is shorter than `MIN_PART`."""
    x1, y1, x2, y2 = box
    x1, y1 = min(x1, 1 - MIN_PART), min(y1, 1 - MIN_PART)
    return x1, y1, max(x2, x1 + MIN_PART), max(y2, y1 + MIN_PART)


def _clamp(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))
