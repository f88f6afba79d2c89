"""Where labels stand: beside their objects, inside the view, never on each other.

Each object tries its name at the places around it, then its number, which the list explains; smaller objects choose
first, because they have less room. A place is out where the label would leave the view or touch another label or a
reserved area; of the others the cheapest is taken, by what the label would cover. All lengths are device pixels.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import supervision as sv

from florence_ui.rendering.spots import COSTS, PLACES, Boxes, Spots
from florence_ui.rendering.view import Box
from florence_ui.results.arrays import BoolArray, IntArray

MAX_NAME = 0.42
"""Widest name, as a part of the view's width; see `MAX_NAME_RANGE`."""
MAX_NAME_RANGE = (120, 320)
"""Least and greatest value of that, in CSS pixels."""
MAX_REPEATS = 5
"""A label that occurs more often is shown by numbers."""
NAME_COST, NUMBER_COST, LINE_COST = 0.95, 9.0, 0.8
"""A label that would cost more than this is left out: a name, a number, the number of a line of text."""
OWN_COST, OTHER_COST = 1.5, 1.6
"""Cost of covering the whole of its own object, and of another one."""
FEW_LABELS = 12
"""An object larger than so many labels costs no more to cover than one of that size."""
CROWD, TRIES = 60, 5
"""Among up to so many objects, names make room so often for the numbers of those that found none."""
MIN_SEEN = 4
"""An object of which less is seen, in CSS pixels, has no label."""


@dataclass(frozen=True)
class Subject:
    """An object that wants a label.

    Attributes:
        row: Its row in the answer.
        box: Its box, which may extend beyond the view.
        name: Its name; `""` if it has none.
        name_size: (width, height) of the name's label.
        number: Its number.
        number_size: (width, height) of the number's label.
        tip: The topmost point (x, y) of its outline, if it has one.
        is_line: Whether it is a line of text, which shows what it says by itself.
    """

    row: int
    box: Box
    name: str
    name_size: tuple[int, int]
    number: str
    number_size: tuple[int, int]
    tip: tuple[float, float] | None = None
    is_line: bool = False


Pixels = tuple[int, int, int, int]
"""(x1, y1, x2, y2)."""


@dataclass(frozen=True)
class Label:
    """A label in its place.

    Attributes:
        row: The object's row in the answer.
        text: Its name or its number.
        anchor: The (x1, y1, x2, y2) whole pixels of the box that `position` refers to.
        position: The position for supervision's annotator.
        offset: (x, y) whole pixels, the annotator's `text_offset`.
        box: The pixels that it covers.
    """

    row: int
    text: str
    anchor: Pixels
    position: sv.Position
    offset: tuple[int, int]
    box: Pixels


def place_labels(
    subjects: Sequence[Subject], size: tuple[int, int], ratio: float = 1.0, reserved: Sequence[Box] = ()
) -> list[Label]:
    """Place labels in a view; the same input gives the same labels.

    Args:
        subjects: The objects, at most one label each.
        size: (width, height) of the view.
        ratio: Device pixels per CSS pixel.
        reserved: Boxes without labels.
    """
    boxes: Boxes = np.array([subject.box for subject in subjects], dtype=np.float64).reshape(-1, 4)
    least = MIN_SEEN * ratio
    seen = np.flatnonzero((boxes[:, 2:] > least).all(axis=1) & (boxes[:, :2] < np.array(size) - least).all(axis=1))
    if not len(seen):
        return []
    subjects = [subjects[index] for index in seen]
    boxes = np.clip(boxes[seen], 0.0, np.array([*size, *size], dtype=np.float64)).round()
    layout = _Layout(subjects, boxes, size, ratio, np.array(reserved, dtype=np.float64).reshape(-1, 4))
    nameable = _nameable(subjects, size[0], ratio)
    placed = best = layout.fill(nameable)
    for _ in range(TRIES if len(subjects) <= CROWD else 0):
        crowding = layout.crowding(placed)
        if not crowding:
            break
        nameable[crowding] = False
        placed = layout.fill(nameable)
        best = max(best, placed, key=len)
    return [_label(subjects[index], layout, index, spot) for index, spot in best.items()]


def _label(subject: Subject, layout: "_Layout", index: int, spot: "_Spot") -> Label:
    spots = layout.names if spot.is_name else layout.numbers
    left, top, right, bottom = map(int, spots.boxes[index, spot.place])
    x1, y1, x2, y2 = map(int, spots.anchors[index, spot.place])
    right_by, down_by = map(int, spots.offsets[index, spot.place])
    return Label(
        subject.row,
        subject.name if spot.is_name else subject.number,
        (x1, y1, x2, y2),
        PLACES[spot.place].position,
        (right_by, down_by),
        (left, top, right, bottom),
    )


def _nameable(subjects: Sequence[Subject], width: int, ratio: float) -> BoolArray:
    """(n,) booleans: which objects may be called by their name."""
    repeats = Counter(subject.name for subject in subjects)
    low, high = MAX_NAME_RANGE
    widest = min(max(MAX_NAME * width, low * ratio), high * ratio)
    return np.array(
        [
            bool(subject.name)
            and not subject.is_line
            and repeats[subject.name] <= MAX_REPEATS
            and subject.name_size[0] <= widest
            for subject in subjects
        ]
    )


@dataclass(frozen=True)
class _Spot:
    """The chosen spot of a label: of a name or a number, and its index among `PLACES`."""

    is_name: bool
    place: int


class _Layout:
    """The objects in a view with every spot where their labels could stand."""

    def __init__(
        self, subjects: Sequence[Subject], boxes: Boxes, size: tuple[int, int], ratio: float, reserved: Boxes
    ) -> None:
        tips = np.array([subject.tip or (np.nan, np.nan) for subject in subjects], dtype=np.float64)
        self._boxes, self._areas, self._reserved = boxes, _areas(boxes), reserved
        self._is_line = np.array([subject.is_line for subject in subjects])
        self.names, self.numbers = (
            Spots.of(boxes, tips, self._is_line, np.array(label_sizes, dtype=np.float64), size, ratio)
            for label_sizes in ([one.name_size for one in subjects], [one.number_size for one in subjects])
        )

    def fill(self, nameable: BoolArray) -> dict[int, _Spot]:
        """The spots of all labels that find one, by object, smallest object first."""
        placed: dict[int, _Spot] = {}
        taken = np.concatenate([self._reserved, np.empty_like(self._boxes)])
        count = len(self._reserved)
        for index in np.argsort(self._areas, kind="stable").tolist():
            number_limit = LINE_COST if self._is_line[index] else NUMBER_COST
            for spots, limit in ((self.names, NAME_COST), (self.numbers, number_limit)):
                is_name = spots is self.names
                if is_name and not nameable[index]:
                    continue
                place = self._cheapest(spots, index, taken[:count], limit)
                if place is not None:
                    placed[index] = _Spot(is_name, place)
                    taken[count] = spots.boxes[index, place]
                    count += 1
                    break
        return placed

    def crowding(self, placed: dict[int, _Spot]) -> list[int]:
        """The objects whose names stand where the number of one without a label could stand."""
        left = [index for index in range(len(self._boxes)) if index not in placed]
        wanted = self.numbers.boxes[left][self.numbers.free[left]]
        named = [index for index, spot in placed.items() if spot.is_name]
        boxes = self.names.boxes[named, [placed[index].place for index in named]]
        return [named[k] for k in np.flatnonzero(_intersections(boxes, wanted).any(axis=1))]

    def _cheapest(self, spots: Spots, index: int, taken: Boxes, limit: float) -> int | None:
        """The place of an object's cheapest free spot, or None if there is none below the limit."""
        places = np.flatnonzero(spots.free[index])
        if not len(places):
            return None
        boxes = spots.boxes[index, places]
        untouched = ~_intersections(boxes, taken[_near(boxes, taken)]).any(axis=1)
        places, boxes = places[untouched], boxes[untouched]
        if not len(places):
            return None
        costs = COSTS[places] + self._cover(boxes, index)
        best = int(np.argmin(costs))
        return int(places[best]) if costs[best] < limit else None

    def _cover(self, boxes: Boxes, index: int) -> Boxes:
        """(k,) costs of what each box of a label would cover."""
        area = _areas(boxes)[0]
        near = _near(boxes, self._boxes)
        covered = _intersections(boxes, self._boxes[near])
        if self._is_line[index]:
            weights = np.full(len(near), 1 / area)
        else:
            weights = OTHER_COST / np.minimum(self._areas[near], area * FEW_LABELS)
            weights[near == index] = OWN_COST / self._areas[index]
        costs: Boxes = covered @ weights
        return costs


def _areas(boxes: Boxes) -> Boxes:
    """(n,) areas, at least one pixel each."""
    areas: Boxes = np.maximum(1.0, (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    return areas


def _near(boxes: Boxes, others: Boxes) -> IntArray:
    """Indices of the others that share an area with the common box of some boxes."""
    (x1, y1), (x2, y2) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    left, top, right, bottom = others.T
    return np.flatnonzero((left < x2) & (right > x1) & (top < y2) & (bottom > y1))


def _intersections(ones: Boxes, others: Boxes) -> Boxes:
    """(n, m): the areas that boxes share."""
    x1, y1, x2, y2 = ones.T[:, :, None]
    left, top, right, bottom = others.T
    width, height = np.minimum(x2, right) - np.maximum(x1, left), np.minimum(y2, bottom) - np.maximum(y1, top)
    shared: Boxes = np.maximum(width, 0) * np.maximum(height, 0)
    return shared
