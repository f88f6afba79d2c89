"""Two answers about one picture compared: who found what, and where their texts differ."""

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import supervision as sv
from scipy.optimize import linear_sum_assignment

from florence_ui.results.arrays import BoolArray, FloatArray
from florence_ui.results.filters import MAX_COMPARED_QUADS, find_whole_image
from florence_ui.results.merge import concatenate
from florence_ui.results.reading_order import reading_text
from florence_ui.results.result import Result, class_of
from florence_ui.tasks import OutputKind

MATCH_IOU = 0.5
"""Minimum overlap at which two boxes count as around the same object."""
LEFT: Final = "left"
RIGHT: Final = "right"
BOTH: Final = "both"
"""Names of the two sides."""
_WORD = re.compile(r"\s*\S+\s*|\s+")


@dataclass(frozen=True)
class Match:
    """One object that both found: its row on either side, and the overlap of the boxes (0.5 to 1)."""

    left: int
    right: int
    iou: float


@dataclass(frozen=True)
class Comparison:
    """What two answers about the same picture have in common.

    Attributes:
        both: Objects that both found, by their row on the left.
        left_only: Rows of the left answer without a match, ascending.
        right_only: Rows of the right answer without a match, ascending.
        renamed: Pairs of `left_only` and `right_only` around the same object, which the answers call by other names.
    """

    both: tuple[Match, ...]
    left_only: tuple[int, ...]
    right_only: tuple[int, ...]
    renamed: tuple[Match, ...] = ()


def compare(left: Result, right: Result) -> Comparison:
    """Match the objects of two answers: same label, boxes (or quads) that overlap by `MATCH_IOU` or more.

    Every object has at most one match, and the total overlap is maximal, so the order of the answers does not matter.
    Labels are compared as `class_of` writes them; those of different tasks are not compared at all,
    because one task gives names where another one gives descriptions.
    """
    overlaps = _overlaps(left, right)
    same = _same_labels(left, right) if left.task is right.task else np.ones_like(overlaps, dtype=bool)
    both = _match(np.where(same, overlaps, 0.0))
    rows, columns = [match.left for match in both], [match.right for match in both]
    overlaps[rows], overlaps[:, columns] = 0.0, 0.0
    return Comparison(
        both,
        tuple(i for i in range(len(left.detections)) if i not in set(rows)),
        tuple(j for j in range(len(right.detections)) if j not in set(columns)),
        _match(overlaps),
    )


def _match(overlaps: FloatArray) -> tuple[Match, ...]:
    """The pairs with the largest total overlap, each of `MATCH_IOU` or more, by their row on the left."""
    enough = np.where(overlaps < MATCH_IOU, 0.0, overlaps)
    rows, columns = linear_sum_assignment(enough, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return tuple(Match(i, j, float(enough[i, j])) for i, j in pairs if enough[i, j] > 0)


def _same_labels(left: Result, right: Result) -> BoolArray:
    """(n, m) booleans."""
    names = [np.array([class_of(label) for label in side.labels], dtype=object) for side in (left, right)]
    return np.asarray(names[0][:, None] == names[1][None, :])


def _overlaps(left: Result, right: Result) -> FloatArray:
    """(n, m) intersections over unions, of the quads if both answers have them and not too many."""
    counts = len(left.detections), len(right.detections)
    if not all(counts):
        return np.zeros(counts)
    if left.quads is not None and right.quads is not None and max(counts) <= MAX_COMPARED_QUADS:
        return np.array(sv.oriented_box_iou_batch(left.quads, right.quads), dtype=float)
    return np.array(sv.box_iou_batch(left.detections.xyxy, right.detections.xyxy), dtype=float)


@dataclass(frozen=True)
class FoundByMap:
    """All objects of two answers on one picture, each once and numbered from 1.

    Attributes:
        result: Those that only the left answer has, those that only the right one has, and those that both have, each
            numbered by its row; boxes around the whole picture, which would frame everything else, are left out.
        found_by: `LEFT`, `RIGHT` or `BOTH` for each.
        left_numbers: The number of every object of the left answer, by row; those left out have the highest ones.
        right_numbers: The same for the right answer; what both found has one number.
    """

    result: Result
    found_by: tuple[str, ...]
    left_numbers: Mapping[int, int]
    right_numbers: Mapping[int, int]


def map_found_by(left: Result, right: Result, comparison: Comparison) -> FoundByMap:
    """Put the objects of both answers on one picture."""
    both = [match.left for match in comparison.both]
    parts = [left.select(comparison.left_only), right.select(comparison.right_only), left.select(both)]
    merged = replace(left, detections=concatenate(parts))
    found_by = [who for who, part in zip((LEFT, RIGHT, BOTH), parts, strict=True) for _ in part.labels]
    is_whole = find_whole_image(merged.detections, merged.size)
    order = np.argsort(is_whole, kind="stable").tolist()
    numbers = {row: number for number, row in enumerate(order, 1)}
    left_rows = [*comparison.left_only, *(None for _ in comparison.right_only), *both]
    right_rows = [*(None for _ in comparison.left_only), *comparison.right_only, *(m.right for m in comparison.both)]
    kept = order[: np.count_nonzero(~is_whole)]
    return FoundByMap(
        merged.select(kept),
        tuple(found_by[row] for row in kept),
        {row: numbers[place] for place, row in enumerate(left_rows) if row is not None},
        {row: numbers[place] for place, row in enumerate(right_rows) if row is not None},
    )


@dataclass(frozen=True)
class LabelCount:
    """How often each answer has a label, and whether an object of it was found by one answer only."""

    label: str
    left: int
    right: int
    differs: bool


def count_labels(left: Result, right: Result, comparison: Comparison) -> list[LabelCount]:
    """Both answers by label: the largest difference first, then other differences, then the most frequent.

    Labels that are the same to `compare` are counted together, under their first spelling.
    """
    counts = [Counter(class_of(label) for label in side.labels) for side in (left, right)]
    alone = [left.labels[i] for i in comparison.left_only] + [right.labels[j] for j in comparison.right_only]
    differing = {class_of(label) for label in alone}
    spelling: dict[str, str] = {}
    for label in (*left.labels, *right.labels):
        spelling.setdefault(class_of(label), label.strip())
    rows = [LabelCount(words, counts[0][bare], counts[1][bare], bare in differing) for bare, words in spelling.items()]
    return sorted(rows, key=lambda row: (-abs(row.left - row.right), not row.differs, -row.left - row.right))


def comparison_columns(names: Sequence[str] = (LEFT, RIGHT)) -> list[str]:
    """Headers of `comparison_table`."""
    return ["found by", "label", "overlap", *(f"{name} box" for name in names)]


def comparison_table(
    left: Result, right: Result, comparison: Comparison, names: Sequence[str] = (LEFT, RIGHT)
) -> list[list[str]]:
    """Rows for a table under `comparison_columns`: what only one answer has, then what both have.

    Boxes are in whole pixels of the upright original, as `x1, y1, x2, y2`.
    """
    rows = [[f"only {names[0]}", left.labels[i], "", _box(left, i), ""] for i in comparison.left_only]
    rows += [[f"only {names[1]}", right.labels[j], "", "", _box(right, j)] for j in comparison.right_only]
    return rows + [
        [BOTH, left.labels[m.left], f"{m.iou:.2f}", _box(left, m.left), _box(right, m.right)] for m in comparison.both
    ]


def _box(result: Result, index: int) -> str:
    return ", ".join(f"{value:.0f}" for value in result.detections.xyxy[index])


def summarize(comparison: Comparison, names: Sequence[str] = ("on the left", "on the right")) -> str:
    """One line about how many objects both found, and how many only one did."""
    return (
        f"Found by both: {len(comparison.both)}, only {names[0]}: {len(comparison.left_only)}, "
        f"only {names[1]}: {len(comparison.right_only)}."
    )


def comparison_record(left: Result, right: Result) -> dict[str, Any]:
    """A comparison of two answers as JSON types.

    Returns:
        `summarize`, a sentence; `objects`, each with `found_by`, `label`, `overlap` (0.5 to 1; None where only one side
        found it), `left_box` and `right_box` in pixels of the upright original; `texts`, by side a list of pieces,
        each with whether only this side has it.
    """
    comparison = compare(left, right)
    objects: list[tuple[object, ...]] = [
        (BOTH, left.labels[m.left], round(m.iou, 4), _numbers(left, m.left), _numbers(right, m.right))
        for m in comparison.both
    ]
    objects += [(LEFT, left.labels[i], None, _numbers(left, i), None) for i in comparison.left_only]
    objects += [(RIGHT, right.labels[j], None, None, _numbers(right, j)) for j in comparison.right_only]
    keys = ("found_by", "label", "overlap", "left_box", "right_box")
    pieces = diff_texts(full_text(left), full_text(right))
    return {
        "summary": summarize(comparison),
        "objects": [dict(zip(keys, values, strict=True)) for values in objects],
        "texts": {
            side: [{"text": text, "only_here": mark is not None} for text, mark in own]
            for side, own in zip((LEFT, RIGHT), pieces, strict=True)
        },
    }


def _numbers(result: Result, index: int) -> list[float]:
    return [round(float(value), 2) for value in result.detections.xyxy[index]]


def has_objects(result: Result) -> bool:
    """Whether an answer names objects; words about a region have that region's box, but no object."""
    return len(result.detections) > 0 and result.task.output_kind is not OutputKind.REGION_TEXT


def full_text(result: Result) -> str:
    """The text of an answer; lines with coordinates in reading order."""
    return result.text or (reading_text(result.quads, result.labels) if result.quads is not None else "")


Segment = tuple[str, str | None]
"""A piece of text, and the only side that has it, or None if both do."""


def diff_texts(left: str, right: str) -> tuple[list[Segment], list[Segment]]:
    """Split both texts into pieces and mark those that the other text lacks.

    The pieces of one side, joined, are its text again. Words are compared exactly, whitespace aside.
    """
    words = [_WORD.findall(text) for text in (left, right)]
    bare = [[word.strip() for word in side] for side in words]
    matcher = difflib.SequenceMatcher(None, bare[0], bare[1], autojunk=False)
    pieces: tuple[list[Segment], list[Segment]] = ([], [])
    for change, i1, i2, j1, j2 in matcher.get_opcodes():
        same = change == "equal"
        for side, chosen, mark in ((0, words[0][i1:i2], LEFT), (1, words[1][j1:j2], RIGHT)):
            if chosen:
                pieces[side].append(("".join(chosen), None if same else mark))
    return pieces
