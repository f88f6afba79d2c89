"""The spots around an object where its label could stand, inside the view. All lengths are device pixels."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
import supervision as sv

from florence_ui.results.arrays import BoolArray

Boxes = npt.NDArray[np.float64]
"""(..., 4): x1, y1, x2, y2."""

EDGE = 2
"""CSS pixels between a label and the edge of the view."""
SHIFT = 24
"""CSS pixels that a label may be moved along its object to stay in the view; across it, `RISE` of its height."""
RISE = 0.6
LEADER = 3
"""CSS pixels between a line of text and its number."""
ABOVE_TIP, BELOW_TIP = 5, 6
"""CSS pixels between the topmost point of an outline and its label."""


class Around(Enum):
    """What a place refers to, and so for which objects it is."""

    BOX = "any box"
    LINE = "the box of a line of text"
    TIP = "the topmost point of an outline"


@dataclass(frozen=True)
class Place:
    """A place for a label.

    Attributes:
        position: The anchor, as supervision names it.
        shift: (x, y) from where supervision puts a label of that position, in widths and heights of the label.
        cost: Its cost; the lower, the better.
        gap: (x, y) more, in CSS pixels.
        around: What `position` refers to.
    """

    position: sv.Position
    shift: tuple[float, float] = (0.0, 0.0)
    cost: float = 0.0
    gap: tuple[float, float] = (0.0, 0.0)
    around: Around = Around.BOX


P = sv.Position
PLACES = (
    Place(P.TOP_CENTER, (0, 0), -0.5, (0, -ABOVE_TIP), Around.TIP),
    Place(P.TOP_CENTER, (0, 1), -0.2, (0, BELOW_TIP), Around.TIP),
    Place(P.CENTER_LEFT, (0, 0), -1.0, (-LEADER, 0), Around.LINE),
    Place(P.CENTER_RIGHT, (0, 0), -0.9, (LEADER, 0), Around.LINE),
    Place(P.TOP_LEFT),
    Place(P.TOP_LEFT, (0, 1), 0.35),
    Place(P.TOP_RIGHT, (0, 0), 0.3),
    Place(P.BOTTOM_LEFT, (0, 0), 0.4),
    Place(P.TOP_RIGHT, (0, 1), 0.5),
    Place(P.BOTTOM_LEFT, (0, -1), 0.55),
    Place(P.BOTTOM_RIGHT, (0, -1), 0.6),
    Place(P.BOTTOM_RIGHT, (0, 0), 0.55),
    Place(P.TOP_RIGHT, (1, 1), 0.6),
    Place(P.TOP_LEFT, (-1, 1), 0.65),
    Place(P.TOP_CENTER, (0, 0), 0.3),
    Place(P.BOTTOM_CENTER, (0, 0), 0.6),
)
"""Above and below a topmost point, before and after a line, and twelve places above, inside, below and beside a box."""
_ANCHORS = {
    P.TOP_LEFT: (0, 0, 0, -1), P.TOP_CENTER: (0.5, 0, -0.5, -1), P.TOP_RIGHT: (1, 0, -1, -1),
    P.CENTER_LEFT: (0, 0.5, -1, -0.5), P.CENTER_RIGHT: (1, 0.5, 0, -0.5),
    P.BOTTOM_LEFT: (0, 1, 0, 0), P.BOTTOM_CENTER: (0.5, 1, -0.5, 0), P.BOTTOM_RIGHT: (1, 1, -1, 0),
}  # fmt: skip
"""Position -> anchor as parts of the box, and the label's upper left corner from there in its own sizes."""
_POINTS, _HANGS = np.split(np.array([_ANCHORS[place.position] for place in PLACES]), 2, axis=1)
_SHIFTS, _GAPS = np.array([place.shift for place in PLACES]), np.array([place.gap for place in PLACES])
COSTS = np.array([place.cost for place in PLACES])
_OF_TIP, _OF_LINE = (np.array([place.around is around for place in PLACES]) for around in (Around.TIP, Around.LINE))


@dataclass(frozen=True)
class Spots:
    """Where each of n labels could stand, one spot for each of k `PLACES`.

    Attributes:
        anchors: (n, k, 4) boxes that the places refer to, whole pixels.
        boxes: (n, k, 4) pixels that a label would cover.
        offsets: (n, k, 2) from where supervision would put it.
        free: (n, k) booleans: whether the place is for this object, and the label stays in the view.
    """

    anchors: Boxes
    boxes: Boxes
    offsets: Boxes
    free: BoolArray

    @classmethod
    def of(
        cls, boxes: Boxes, tips: Boxes, is_line: BoolArray, sizes: Boxes, view_size: tuple[int, int], ratio: float
    ) -> "Spots":
        """The spots for labels, moved into the view, but never far.

        Args:
            boxes: (n, 4) the objects' boxes within the view, whole pixels.
            tips: (n, 2) the topmost points of their outlines; NaN for those without one.
            is_line: (n,) booleans: which are lines of text.
            sizes: (n, 2) width and height of the labels.
            view_size: (width, height) of the view.
            ratio: Device pixels per CSS pixel.
        """
        anchors = np.repeat(boxes[:, None], len(PLACES), axis=1)
        anchors[:, _OF_TIP] = np.round(np.tile(np.nan_to_num(tips), 2))[:, None]
        sizes = sizes[:, None]
        start = np.floor(anchors[..., :2] + _POINTS * (anchors[..., 2:] - anchors[..., :2])) + np.ceil(_HANGS * sizes)
        wanted = np.round(start + _SHIFTS * sizes + _GAPS * ratio)
        edge = np.ceil(EDGE * ratio)
        furthest = np.array(view_size) - sizes - 1 - edge
        corners = np.maximum(np.minimum(wanted, furthest), edge)
        moved = np.abs(corners - wanted)
        near = (moved[..., 0] <= np.where(_OF_LINE, 0, SHIFT * ratio)) & (moved[..., 1] <= RISE * sizes[..., 1])
        suits = (~_OF_TIP | ~np.isnan(tips[:, :1])) & (~_OF_LINE | is_line[:, None])
        fits = (furthest >= edge).all(axis=2)
        covered = np.concatenate([corners, corners + sizes + 1], axis=2)
        return cls(anchors, covered, corners - start, near & suits & fits)
