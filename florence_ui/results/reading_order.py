"""Text in reading order, rebuilt from the quads of an OCR answer: lines from top to bottom, columns one by one.

A quad's first corner is where its text starts and its second where the top edge ends (the order that Florence-2
was trained with), so quads give the reading direction. Texts of one direction are rotated level together, then split:
where a gutter runs through several lines, the page falls into columns, which are read one after the other; a heading
across the gutter is read before what is below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from florence_ui.results.arrays import FloatArray, IntArray

MAX_TURN = 25.0
"""Maximum angle, in degrees, between texts of one direction."""
MIN_GUTTER = 0.8
"""Minimum width of a gutter, in heights of a line; spaces between words are narrower."""
SAME_ROW = 0.5
"""Minimum overlap of two texts in one row across the reading direction, as a fraction of the lower text's height."""
NARROW = 0.4
"""A side narrower than this fraction of the other, each of whose texts has one beside it, is a table's column."""


@dataclass(frozen=True)
class TextLine:
    """One line of text.

    Attributes:
        text: Its words, in reading order.
        indices: Rows of the answer it consists of, in reading order.
        block: Number, from 0, of its block: a heading, a column, or texts of another direction.
    """

    text: str
    indices: tuple[int, ...]
    block: int = 0


def reading_lines(quads: FloatArray | None, texts: Sequence[str]) -> list[TextLine]:
    """The lines of a page in reading order.

    Args:
        quads: (n, 4, 2) corners in pixels; the first two span the top edge in reading direction.
        texts: n texts.
    """
    corners = np.asarray(quads if quads is not None else [], dtype=float).reshape(-1, 4, 2)
    boxes = _OrientedBoxes.of(corners)
    lines: list[TextLine] = []
    block = 0
    for direction in _directions(boxes):
        for group in _blocks(boxes.rotate(direction), direction.members):
            for row in group:
                words = " ".join(word for i in row if (word := str(texts[i]).strip()))
                lines.append(TextLine(words, tuple(int(i) for i in row), block))
            block += 1
    return lines


def reading_text(quads: FloatArray | None, texts: Sequence[str]) -> str:
    """The page as text, with an empty line between blocks; arguments as for `reading_lines`."""
    return join_lines(reading_lines(quads, texts))


def join_lines(lines: Sequence[TextLine]) -> str:
    """The lines of a page as text, with an empty line between blocks."""
    blocks: dict[int, list[str]] = {}
    for line in lines:
        if line.text:
            blocks.setdefault(line.block, []).append(line.text)
    return "\n\n".join(map("\n".join, blocks.values()))


@dataclass(frozen=True)
class _Direction:
    angle: float
    members: IntArray


@dataclass(frozen=True)
class _OrientedBoxes:
    """Texts as center (n, 2), width and height (n,) along and across their reading direction, and angle (n,)."""

    center: FloatArray
    width: FloatArray
    height: FloatArray
    angle: FloatArray

    @classmethod
    def of(cls, quads: FloatArray) -> "_OrientedBoxes":
        along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
        across = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
        return cls(
            quads.mean(axis=1),
            np.hypot(*along.T),
            np.maximum(np.hypot(*across.T), 1.0),
            np.arctan2(along[:, 1], along[:, 0]),
        )

    def rotate(self, direction: _Direction) -> "_Page":
        """Rotate all texts so that those of `direction` are level."""
        cos, sin = np.cos(direction.angle), np.sin(direction.angle)
        x, y = (self.center @ np.array([[cos, -sin], [sin, cos]])).T
        return _Page(x, y, self.width, self.height)


@dataclass(frozen=True)
class _Page:
    """Level texts: centers x and y, width and height, (n,) each; y grows downwards."""

    x: FloatArray
    y: FloatArray
    width: FloatArray
    height: FloatArray


_Row = IntArray
"""Indices of the texts of one row, in reading order."""


def _directions(boxes: _OrientedBoxes) -> list[_Direction]:
    """Group texts by reading direction, the direction with the most text first."""
    left = np.arange(len(boxes.angle))
    weight = np.maximum(boxes.width, 1.0)
    directions = []
    while len(left):
        turns = np.angle(np.exp(1j * (boxes.angle[left, None] - boxes.angle[None, left])))
        near = np.abs(turns) <= np.radians(MAX_TURN)
        seed = int(np.argmax(near.T @ weight[left]))
        members = left[near[:, seed]]
        turn = np.average(turns[near[:, seed], seed], weights=weight[members])
        directions.append(_Direction(float(boxes.angle[left[seed]] + turn), members))
        left = left[~near[:, seed]]
    return directions


def _blocks(page: _Page, members: IntArray) -> list[list[_Row]]:
    """Split into blocks of rows in reading order: columns where there is a gutter, otherwise one block."""
    rows = _rows(page, members)
    spans = _spans(page, rows)
    blocks: list[list[_Row]] = []
    single: list[_Row] = []
    start = 0
    while start < len(rows):
        end, gutter = _longest_columns(page, rows, spans, start)
        if gutter is None:
            single.append(rows[start])
            start += 1
            continue
        inside = np.concatenate(rows[start:end])
        on_left = page.x[inside] < gutter
        blocks += [single] if single else []
        single = []
        blocks += _blocks(page, inside[on_left]) + _blocks(page, inside[~on_left])
        start = end
    return blocks + ([single] if single else [])


_Span = tuple[float, float]
"""Left and right end of a text, or of several that overlap."""


def _spans(page: _Page, rows: list[_Row]) -> list[list[_Span]]:
    """The spans of each row's texts."""
    left, right = (page.x - page.width / 2).tolist(), (page.x + page.width / 2).tolist()
    return [[(left[index], right[index]) for index in row] for row in rows]


def _longest_columns(page: _Page, rows: list[_Row], spans: list[list[_Span]], start: int) -> tuple[int, float | None]:
    """The end of the longest run of rows from `start` with a common gutter, and the gutter's x."""
    for end in reversed(_ends_with_gap(spans, start, MIN_GUTTER * float(page.height.min()))):
        gutter = _gutter(page, np.concatenate(rows[start:end]))
        if gutter is not None:
            return end, gutter
    return start, None


def _ends_with_gap(spans: list[list[_Span]], start: int, least: float) -> list[int]:
    """The ends, ascending, of the runs of rows from `start` that have a gap in common.

    Most runs have none, and to find that out is a hundred times faster than to look for the best gutter.
    """
    ends: list[int] = []
    covered: list[_Span] = []
    for end, row in enumerate(spans[start:], start + 1):
        for left, right in row:
            apart = [span for span in covered if span[1] < left or span[0] > right]
            joined = [span for span in covered if not (span[1] < left or span[0] > right)]
            covered = sorted([*apart, (min([left, *(s[0] for s in joined)]), max([right, *(s[1] for s in joined)]))])
        if any(after[0] - before[1] >= least for before, after in pairwise(covered)):
            ends.append(end)
    return ends


def _gutter(page: _Page, members: IntArray) -> float | None:
    """The x of the widest gap between two columns; None if there is none, or if the sides form a table."""
    left, right = page.x - page.width / 2, page.x + page.width / 2
    by_left = members[np.argsort(left[members], kind="stable")]
    reach = np.maximum.accumulate(right[by_left])
    gaps = left[by_left[1:]] - reach[:-1]
    least = MIN_GUTTER * np.median(page.height[members])
    for cut in np.argsort(-gaps, kind="stable"):
        if gaps[cut] < least:
            return None
        if _are_columns(page, by_left[: cut + 1], by_left[cut + 1 :], gaps[cut]):
            return float(reach[cut] + gaps[cut] / 2)
    return None


def _are_columns(page: _Page, left: IntArray, right: IntArray, gap: float) -> bool:
    """Whether each side has two or more rows, is wider than the gap, and is not a table's column."""
    sides = [(_extent(page, side), side) for side in (left, right)]
    if any(extent < gap or not _has_two_rows(page, side) for extent, side in sides):
        return False
    (narrow, few), (wide, many) = sorted(sides, key=lambda side: side[0])
    if narrow > NARROW * wide:
        return True
    beside = np.abs(page.y[few, None] - page.y[None, many]).min(axis=1) <= page.height[few] / 2
    return not beside.all()


def _extent(page: _Page, members: IntArray) -> float:
    left, right = page.x[members] - page.width[members] / 2, page.x[members] + page.width[members] / 2
    return float(right.max() - left.min())


def _rows(page: _Page, members: IntArray) -> list[_Row]:
    """Rows from top to bottom, the texts of each from left to right."""
    rows: list[list[int]] = []
    for index in members[np.argsort(page.y[members], kind="stable")]:
        shares = [_row_overlap(page, int(index), row) for row in rows]
        best = int(np.argmax(shares)) if shares else -1
        if best >= 0 and shares[best] >= SAME_ROW:
            rows[best].append(int(index))
        else:
            rows.append([int(index)])
    ordered = sorted(rows, key=lambda row: float(page.y[row].mean()))
    return [np.array(sorted(row, key=lambda i: page.x[i])) for row in ordered]


def _has_two_rows(page: _Page, members: IntArray) -> bool:
    """Whether `_rows` would find more than one row; it need not find them all."""
    row: list[int] = []
    for index in members[np.argsort(page.y[members], kind="stable")].tolist():
        if row and _row_overlap(page, index, row) < SAME_ROW:
            return True
        row.append(index)
    return False


def _row_overlap(page: _Page, index: int, row: list[int]) -> float:
    """Overlap in height of a text and the nearest text of a row; 0 if one is above the other."""
    near = min(row, key=lambda i: abs(page.x[i] - page.x[index]))
    across = (page.width[near] + page.width[index]) / 2 - abs(page.x[near] - page.x[index])
    if across > SAME_ROW * min(page.width[near], page.width[index]):
        return 0.0
    shared = (page.height[near] + page.height[index]) / 2 - abs(page.y[near] - page.y[index])
    return float(shared / min(page.height[near], page.height[index]))
