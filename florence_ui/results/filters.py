"""Filters over an answer: what they take out is counted and said. All are off until somebody asks for them.

Florence-2 gives no confidence, so nothing here ranks by one: of two boxes around the same thing the one that the
model said first stays.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import supervision as sv
from supervision.config import ORIENTED_BOX_COORDINATES

from florence_ui.results.result import INVERTED, Result

WHOLE_IMAGE_SHARE = 0.95
"""A box that covers this share of the picture's width and of its height is around the whole picture."""
DUPLICATE_IOU = 0.7
"""Two boxes that overlap more than this are around the same thing."""
MAX_COMPARED_QUADS = 100
"""Beyond this, repeated lines of text are found by their upright boxes: comparing quads takes seconds."""
_ORDER = "order"


@dataclass(frozen=True)
class Filters:
    """Which objects to leave out.

    Attributes:
        whole_image: Boxes around (nearly) the whole picture.
        duplicates: Boxes around something that has one of the same label already.
        overlapping: Boxes around something that has one already, whatever the labels.
        inverted: Boxes that the model gave with swapped corners.
    """

    whole_image: bool = False
    duplicates: bool = False
    overlapping: bool = False
    inverted: bool = False


@dataclass(frozen=True)
class Removal:
    """What one filter left out.

    Attributes:
        reason: A sentence for a person, with the count and the labels.
        indices: Rows of the unfiltered result, ascending.
    """

    reason: str
    indices: tuple[int, ...]


def filter_result(result: Result, filters: Filters) -> tuple[Result, tuple[Removal, ...]]:
    """An answer without what the filters take out, and what that was.

    The filters run one after the other, so an object counts for the first one that takes it out. The given
    result stays as it is; with no filter on, it is returned itself.
    """
    kept = np.arange(len(result.detections))
    removals = []
    for name, (wanted, find) in _FINDERS.items():
        if not getattr(filters, name) or not len(kept):
            continue
        gone = find(result.detections[kept], result.size)
        if gone.any():
            removals.append(_removal(result, wanted, kept[gone]))
            kept = kept[~gone]
    if not removals:
        return result, ()
    detections = result.detections[kept] if len(kept) else sv.Detections.empty()
    return replace(result, detections=detections), tuple(removals)


def find_whole_image(detections: sv.Detections, size: tuple[int, int]) -> np.ndarray:
    """(n,) booleans: boxes around (nearly) the whole picture of `size` (width, height) pixels."""
    sides = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    return (sides >= WHOLE_IMAGE_SHARE * np.asarray(size)).all(axis=1)


def find_duplicates(detections: sv.Detections, *, any_label: bool = False) -> np.ndarray:
    """(n,) booleans: boxes that supervision's non-maximum suppression drops in favour of an earlier one.

    Args:
        detections: What the model found, in the order in which it said it.
        any_label: Whether boxes of different labels can be around the same thing too.
    """
    count = len(detections)
    dropped = np.ones(count, dtype=bool)
    if count:
        order = np.arange(count)
        data = {_ORDER: order}
        if ORIENTED_BOX_COORDINATES in detections.data and count <= MAX_COMPARED_QUADS:
            data[ORIENTED_BOX_COORDINATES] = detections.data[ORIENTED_BOX_COORDINATES]
        ranked = replace(detections, confidence=1.0 - order / count, data=data)
        dropped[ranked.with_nms(DUPLICATE_IOU, class_agnostic=any_label).data[_ORDER]] = False
    return dropped


def find_inverted(detections: sv.Detections) -> np.ndarray:
    """(n,) booleans: boxes whose corners the model gave the wrong way round."""
    return np.asarray(detections.data.get(INVERTED, np.zeros(len(detections))), dtype=bool)


_FINDERS: dict[str, tuple[str, Callable[[sv.Detections, tuple[int, int]], np.ndarray]]] = {
    "whole_image": ("around the whole picture", find_whole_image),
    "duplicates": ("around something already found", lambda found, _: find_duplicates(found)),
    "overlapping": (
        "around something found under another name",
        lambda found, _: find_duplicates(found, any_label=True),
    ),
    "inverted": ("with swapped corners", lambda found, _: find_inverted(found)),
}


def _removal(result: Result, what: str, indices: np.ndarray) -> Removal:
    names = list(dict.fromkeys(label for i in indices if (label := result.labels[i])))
    listed = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
    count = f"{len(indices)} box" + ("es" if len(indices) > 1 else "")
    return Removal(f"Left out {count} {what}" + (f": {listed}." if listed else "."), tuple(int(i) for i in indices))
