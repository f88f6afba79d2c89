"""Text in reading order, rebuilt from the quads of an OCR answer: lines from top to bottom, columns one by one.

A quad's first corner is where its text starts and its second where the top edge ends (the order that Florence-2
was trained with), so quads tell which way they are read. Texts of one direction are turned level together, then cut:
where a gutter runs through several lines on both its sides, the page falls into columns, which are read one after
the other; a heading across the gutter is read before what stands below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_TURN = 25.0
"""Degrees that texts of one direction may differ by."""
MIN_GUTTER = 0.8
"""Least width of a gutter, in heights of a line; spaces between words are narrower."""
SAME_ROW = 0.5
"""Least overlap across the reading direction, in parts of the lower text, of two texts in one row."""
NARROW = 0.4
"""A side this much narrower than the other, with a text beside each of its own, is a table's column: read by rows."""


@dataclass(frozen=True)
class TextLine:
    """One line of text.

    Attributes:
        text: Its words, in reading order.
        indices: Rows of the answer that it is made of, in reading order.
        block: Number of the block (a heading, a column, texts of another direction) that it stands in, from 0.
    """

    text: str
    indices: tuple[int, ...]
    block: int = 0


def reading_lines(quads: np.ndarray | None, texts: Sequence[str]) -> list[TextLine]:
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
        for group in _blocks(boxes.turned(direction), direction.members):
            for row in group:
                words = " ".join(word for i in row if (word := str(texts[i]).strip()))
                lines.append(TextLine(words, tuple(int(i) for i in row), block))
            block += 1
    return lines


def reading_text(quads: np.ndarray | None, texts: Sequence[str]) -> str:
    """The page as text: a line each, an empty line between blocks; arguments as for `reading_lines`."""
    blocks: dict[int, list[str]] = {}
    for line in reading_lines(quads, texts):
        if line.text:
            blocks.setdefault(line.block, []).append(line.text)
    return "\n\n".join("\n".join(lines) for lines in blocks.values())


@dataclass(frozen=True)
class _Direction:
    angle: float
    members: np.ndarray


@dataclass(frozen=True)
class _OrientedBoxes:
    """Texts as centre (n, 2), width and height (n,) along and across their reading direction, and angle (n,)."""

    centre: np.ndarray
    width: np.ndarray
    height: np.ndarray
    angle: np.ndarray

    @classmethod
    def of(cls, quads: np.ndarray) -> "_OrientedBoxes":
        along = (quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]) / 2
        across = (quads[:, 3] - quads[:, 0] + quads[:, 2] - quads[:, 1]) / 2
        return cls(
            quads.mean(axis=1),
            np.hypot(*along.T),
            np.maximum(np.hypot(*across.T), 1.0),
            np.arctan2(along[:, 1], along[:, 0]),
        )

    def turned(self, direction: _Direction) -> "_Page":
        """All texts, level for those of `direction`."""
        cos, sin = np.cos(direction.angle), np.sin(direction.angle)
        x, y = (self.centre @ np.array([[cos, -sin], [sin, cos]])).T
        return _Page(x, y, self.width, self.height)


@dataclass(frozen=True)
class _Page:
    """Level texts: centres x and y, width and height, (n,) each; y grows downwards."""

    x: np.ndarray
    y: np.ndarray
    width: np.ndarray
    height: np.ndarray


_Row = np.ndarray
"""Indices of the texts of one row, in reading order."""


def _directions(boxes: _OrientedBoxes) -> list[_Direction]:
    """Groups of texts that are read the same way, the one with the most text first."""
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


def _blocks(page: _Page, members: np.ndarray) -> list[list[_Row]]:
    """Blocks of rows in reading order: columns where there is a gutter, else one block."""
    rows = _rows(page, members)
    blocks: list[list[_Row]] = []
    plain: list[_Row] = []
    start = 0
    while start < len(rows):
        end, gutter = _longest_columns(page, rows, start)
        if gutter is None:
            plain.append(rows[start])
            start += 1
            continue
        inside = np.concatenate(rows[start:end])
        on_left = page.x[inside] < gutter
        blocks += [plain] if plain else []
        plain = []
        blocks += _blocks(page, inside[on_left]) + _blocks(page, inside[~on_left])
        start = end
    return blocks + ([plain] if plain else [])


def _longest_columns(page: _Page, rows: list[_Row], start: int) -> tuple[int, float | None]:
    """Where the longest run of rows from `start` ends that a gutter runs through, and that gutter's x."""
    for end in range(len(rows), start + 1, -1):
        gutter = _gutter(page, np.concatenate(rows[start:end]))
        if gutter is not None:
            return end, gutter
    return start, None


def _gutter(page: _Page, members: np.ndarray) -> float | None:
    """The x of the widest gap between two columns; None where there is none, or where the sides make a table."""
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


def _are_columns(page: _Page, left: np.ndarray, right: np.ndarray, gap: float) -> bool:
    """Whether both sides have rows of their own: two or more, wider than the gap, and not the cells of a table."""
    sides = [(_rows(page, side), _extent(page, side), side) for side in (left, right)]
    if any(len(rows) < 2 or extent < gap for rows, extent, _ in sides):
        return False
    (_, narrow, few), (_, wide, many) = sorted(sides, key=lambda side: side[1])
    if narrow > NARROW * wide:
        return True
    beside = np.abs(page.y[few, None] - page.y[None, many]).min(axis=1) <= page.height[few] / 2
    return not beside.all()


def _extent(page: _Page, members: np.ndarray) -> float:
    left, right = page.x[members] - page.width[members] / 2, page.x[members] + page.width[members] / 2
    return float(right.max() - left.min())


def _rows(page: _Page, members: np.ndarray) -> list[_Row]:
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


def _row_overlap(page: _Page, index: int, row: list[int]) -> float:
    """How much of its height a text shares with its nearest neighbour in a row, 0 where one stands above the other."""
    near = min(row, key=lambda i: abs(page.x[i] - page.x[index]))
    across = (page.width[near] + page.width[index]) / 2 - abs(page.x[near] - page.x[index])
    if across > SAME_ROW * min(page.width[near], page.width[index]):
        return 0.0
    shared = (page.height[near] + page.height[index]) / 2 - abs(page.y[near] - page.y[index])
    return float(shared / min(page.height[near], page.height[index]))
