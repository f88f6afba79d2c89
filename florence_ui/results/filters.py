"""Filters over an answer, all off by default; each removal is counted and explained.

Florence-2 gives no confidence, so nothing here ranks by one: of two boxes around the same object, the one that the
model gave first stays.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import supervision as sv
from supervision.config import ORIENTED_BOX_COORDINATES

from florence_ui.results.arrays import BoolArray, IntArray, take_rows
from florence_ui.results.result import INVERTED, Result
from florence_ui.wording import count_noun

WHOLE_IMAGE_SHARE = 0.95
"""A box that covers this fraction of both the width and the height counts as around the whole picture."""
DUPLICATE_IOU = 0.7
"""Two boxes that overlap more than this count as around the same object."""
MAX_COMPARED_QUADS = 100
"""Number of lines beyond which upright boxes are compared: hundreds of quads in one place take seconds."""
_ORDER = "order"


@dataclass(frozen=True)
class Filters:
    """The objects to leave out.

    Attributes:
        whole_image: Boxes around (nearly) the whole picture.
        duplicates: Boxes around an object that already has one of the same label.
        overlapping: Boxes around an object that already has one, regardless of labels.
        inverted: Boxes that the model gave with swapped corners.
    """

    whole_image: bool = False
    duplicates: bool = False
    overlapping: bool = False
    inverted: bool = False


@dataclass(frozen=True)
class Removal:
    """The objects that one filter removed.

    Attributes:
        reason: A sentence for a person, with the count and the labels.
        indices: Rows of the unfiltered result, ascending.
    """

    reason: str
    indices: tuple[int, ...]


def filter_result(result: Result, filters: Filters) -> tuple[Result, tuple[Removal, ...]]:
    """Remove the objects that match the filters, and report them.

    The filters run one after the other, so an object counts for the first one that removes it. The given result is not
    modified; if nothing is removed, it is returned itself.
    """
    kept: IntArray = np.arange(len(result.detections))
    removals: list[Removal] = []
    for name, (description, find) in _FINDERS.items():
        if not getattr(filters, name) or not len(kept):
            continue
        matches = find(take_rows(result.detections, kept), result.size)
        if matches.any():
            removals.append(_removal(result, description, kept[matches]))
            kept = kept[~matches]
    return (result.select(kept.tolist()), tuple(removals)) if removals else (result, ())


def find_whole_image(detections: sv.Detections, size: tuple[int, int]) -> BoolArray:
    """(n,) booleans: boxes around (nearly) the whole picture of `size` (width, height) pixels."""
    sides = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    return np.asarray((sides >= WHOLE_IMAGE_SHARE * np.asarray(size)).all(axis=1))


def find_duplicates(detections: sv.Detections, *, any_label: bool = False) -> BoolArray:
    """(n,) booleans: boxes that supervision's non-maximum suppression drops in favor of an earlier one.

    Args:
        detections: What the model found, in its own order.
        any_label: Whether boxes of different labels can be around the same object.
    """
    count = len(detections)
    dropped = np.ones(count, dtype=bool)
    if count:
        order = np.arange(count)
        data: dict[str, npt.NDArray[np.generic] | list[Any]] = {_ORDER: order}
        if ORIENTED_BOX_COORDINATES in detections.data and count <= MAX_COMPARED_QUADS:
            data[ORIENTED_BOX_COORDINATES] = detections.data[ORIENTED_BOX_COORDINATES]
        ranked = replace(detections, confidence=1.0 - order / count, data=data)
        dropped[ranked.with_nms(DUPLICATE_IOU, class_agnostic=any_label).data[_ORDER]] = False
    return dropped


_FINDERS: dict[str, tuple[str, Callable[[sv.Detections, tuple[int, int]], BoolArray]]] = {
    "whole_image": ("around the whole picture", find_whole_image),
    "duplicates": ("around an object already found", lambda found, _: find_duplicates(found)),
    "overlapping": (
        "around an object found under another name",
        lambda found, _: find_duplicates(found, any_label=True),
    ),
    "inverted": ("with corners in the wrong order", lambda found, _: np.asarray(found.data[INVERTED])),
}


def _removal(result: Result, description: str, indices: IntArray) -> Removal:
    names = list(dict.fromkeys(label for i in indices if (label := result.labels[i])))
    listed = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
    count = count_noun(len(indices), "box", "boxes")
    return Removal(
        f"Left out {count} {description}" + (f": {listed}." if listed else "."), tuple(int(i) for i in indices)
    )
