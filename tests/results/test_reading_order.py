"""Quads in any order become text in human reading order."""

import random

import numpy as np
import pytest

from florence_ui.results import reading_order
from florence_ui.results.reading_order import _directions, _OrientedBoxes, reading_lines, reading_text


def quad(x: float, y: float, w: float, h: float) -> list[list[float]]:
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def turned(quads, degrees: float) -> np.ndarray:
    """All corners turned clockwise around (300, 300), as in a photograph held askew."""
    a = np.radians(degrees)
    spin = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return (np.asarray(quads, dtype=float) - 300) @ spin + 300


def page(*texts: tuple[str, float, float, float, float]) -> list[tuple[str, list[list[float]]]]:
    return [(text, quad(x, y, w, h)) for text, x, y, w, h in texts]


def read(items, degrees: float = 0.0, seed: int = 1) -> str:
    items = random.Random(seed).sample(items, len(items))
    return reading_text(turned([q for _, q in items], degrees), [t for t, _ in items])


LINES = page(("one", 10, 10, 200, 20), ("two", 10, 40, 180, 20), ("three", 10, 70, 220, 20))
WORDS = page(("The", 10, 10, 50, 20), ("quick", 68, 12, 80, 20), ("fox", 156, 9, 50, 20), ("jumps", 10, 42, 80, 20))
COLUMNS = page(
    ("left one", 10, 60, 250, 20), ("left two", 10, 90, 240, 20), ("left three", 10, 120, 250, 20),
    ("right one", 300, 60, 250, 20), ("right two", 300, 90, 250, 20), ("right three", 300, 120, 200, 20),
)  # fmt: skip
UNEVEN = page(
    ("left one", 10, 60, 250, 20), ("left two", 10, 85, 240, 20), ("left three", 10, 110, 250, 20),
    ("right one", 300, 71, 250, 24), ("right two", 300, 103, 250, 24), ("right three", 300, 135, 200, 24),
)  # fmt: skip
HEADING = page(("The heading", 100, 10, 350, 34))
FOOTER = page(("A line below both of the columns", 10, 170, 500, 20))
THREE = page(*((f"{c}{r}", 10 + 200 * i, 30 * r, 170, 20) for i, c in enumerate("abc") for r in range(3)))
RECEIPT = page(
    ("Coffee", 10, 10, 100, 20), ("3.50", 300, 10, 50, 20),
    ("Cheese cake", 10, 40, 160, 20), ("12.00", 300, 40, 50, 20),
    ("Total", 10, 70, 80, 20), ("15.50", 300, 70, 50, 20),
)  # fmt: skip
LONG_RECEIPT = page(
    *(item for r in range(4) for item in (("item", 10, 30 * r, 260, 20), (str(r), 300, 30 * r, 40, 20)))
)


@pytest.mark.parametrize("degrees", [0, 7, -12, 35, 90, 180, -90], ids=lambda d: f"turned-{d}")
@pytest.mark.parametrize("seed", range(3), ids=lambda s: f"shuffled-{s}")
@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(LINES, "one\ntwo\nthree", id="lines"),
        pytest.param(WORDS, "The quick fox\njumps", id="words-of-a-line"),
        pytest.param(COLUMNS, "left one\nleft two\nleft three\n\nright one\nright two\nright three", id="columns"),
        pytest.param(
            UNEVEN, "left one\nleft two\nleft three\n\nright one\nright two\nright three", id="uneven-columns"
        ),
        pytest.param(
            HEADING + COLUMNS + FOOTER,
            "The heading\n\nleft one\nleft two\nleft three\n\nright one\nright two\nright three\n\n"
            "A line below both of the columns",
            id="heading-and-footer-across",
        ),
        pytest.param(
            HEADING + UNEVEN,
            "The heading\n\nleft one\nleft two\nleft three\n\nright one\nright two\nright three",
            id="heading-over-uneven-columns",
        ),
        pytest.param(THREE, "a0\na1\na2\n\nb0\nb1\nb2\n\nc0\nc1\nc2", id="three-columns"),
        pytest.param(RECEIPT, "Coffee 3.50\nCheese cake 12.00\nTotal 15.50", id="receipt-by-rows"),
        pytest.param(LONG_RECEIPT, "item 0\nitem 1\nitem 2\nitem 3", id="table-with-a-narrow-column"),
    ],
)
def test_text_is_read_in_order(items, expected, seed, degrees):
    assert read(items, degrees, seed) == expected


def test_lines_that_fan_out_in_perspective_keep_their_order():
    items = [(str(i), turned([quad(50, 100 + 60 * i, 400, 24)], -8 + 4 * i)[0]) for i in range(5)]
    assert read(items) == "0\n1\n2\n3\n4"


def test_words_of_a_slanted_line_stay_together_though_their_upright_boxes_cross_the_next_line():
    rows = [(f"{r}{c}", quad(10 + 110 * c, 30 * r, 100, 20)) for r in range(3) for c in range(5)]
    assert read(rows, 11) == "00 01 02 03 04\n10 11 12 13 14\n20 21 22 23 24"


def test_a_text_up_the_side_is_read_after_the_page():
    side = ("credit", turned([quad(300, 290, 200, 20)], -90)[0])
    assert read([*LINES, side]) == "one\ntwo\nthree\n\ncredit"


def test_a_line_names_the_rows_of_the_answer_it_is_made_of():
    lines = reading_lines([quad(100, 0, 50, 20), quad(0, 40, 150, 20), quad(0, 2, 90, 20)], ["b", "c", "a"])
    assert [(line.text, line.indices, line.block) for line in lines] == [("a b", (2, 0), 0), ("c", (1,), 0)]


@pytest.mark.parametrize("seed", range(20))
def test_every_text_is_read_exactly_once_wherever_it_stands(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 40))
    quads = (
        rng.uniform(-50, 1000, size=(count, 4, 2)) if seed % 2 else np.repeat(rng.uniform(0, 9, (count, 1, 2)), 4, 1)
    )
    lines = reading_lines(quads, [str(i) for i in range(count)])
    assert sorted(i for line in lines for i in line.indices) == list(range(count))


def test_nothing_read_is_an_empty_text():
    assert reading_text(None, []) == ""
    assert reading_text(np.empty((0, 4, 2)), []) == ""
    assert reading_text([quad(0, 0, 10, 10)], ["  "]) == ""


def test_blocks_are_numbered_from_nought_in_reading_order():
    items = [*HEADING, *COLUMNS, *page(("A line below", 10, 170, 300, 20))]
    lines = reading_lines(np.array([q for _, q in items]), [t for t, _ in items])
    assert [(line.block, line.text) for line in lines][:2] == [(0, "The heading"), (1, "left one")]
    assert sorted({line.block for line in lines}) == list(range(len({line.block for line in lines})))


def test_whole_numbers_are_quads_too():
    quads = np.array([quad(0, 0, 61, 21), quad(70, 3, 61, 21)], dtype=int)
    assert reading_text(quads, ["one", "two"]) == "one two"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(
            page(("a1", 0, 0, 100, 20), ("a2", 0, 30, 100, 20), ("b1", 150, 0, 100, 20), ("b2", 150, 30, 100, 20)),
            "a1\na2\n\nb1\nb2",
            id="two-rows-a-side-are-columns",
        ),
        pytest.param(
            page(("a1", 0, 0, 100, 20), ("a2", 0, 30, 100, 20), ("b1", 150, 0, 100, 20)),
            "a1 b1\na2",
            id="one-row-on-a-side-is-none",
        ),
        pytest.param(
            page(("a1", 0, 0, 100, 20), ("a2", 0, 30, 100, 20), ("b1", 115, 0, 100, 20), ("b2", 115, 30, 100, 20)),
            "a1 b1\na2 b2",
            id="a-gap-narrower-than-a-gutter",
        ),
        pytest.param(
            page(("a1", 0, 0, 100, 20), ("a2", 0, 30, 100, 20), ("b1", 116, 0, 100, 20), ("b2", 116, 30, 100, 20)),
            "a1\na2\n\nb1\nb2",
            id="a-gap-as-wide-as-a-gutter",
        ),
        pytest.param(
            page(("a1", 0, 0, 40, 20), ("a2", 0, 30, 40, 20), ("b1", 90, 0, 400, 20), ("b2", 90, 30, 400, 20)),
            "a1 b1\na2 b2",
            id="sides-narrower-than-the-gap",
        ),
        pytest.param(
            page(("a1", 0, 0, 100, 20), ("a2", 0, 30, 100, 20), ("b1", 150, 0, 300, 20), ("b2", 150, 30, 300, 20)),
            "a1 b1\na2 b2",
            id="a-narrow-side-beside-a-wide-one-is-a-table",
        ),
        pytest.param(
            page(("a1", 0, 0, 100, 20), ("a2", 0, 45, 100, 20), ("b1", 150, 0, 300, 20), ("b2", 150, 30, 300, 20)),
            "a1\na2\n\nb1\nb2",
            id="unless-a-text-of-it-has-none-beside-it",
        ),
        pytest.param(
            page(("a1", 0, 0, 120, 20), ("a2", 0, 30, 120, 20), ("b1", 170, 0, 299, 20), ("b2", 170, 30, 299, 20)),
            "a1\na2\n\nb1\nb2",
            id="a-side-just-wide-enough-is-a-column",
        ),
    ],
)
def test_columns_are_told_from_tables_at_the_limits(items, expected):
    assert read(items) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(page(("a", 0, 0, 50, 20), ("b", 60, 10, 50, 20)), "a b", id="half-the-height-is-one-row"),
        pytest.param(page(("a", 0, 0, 50, 20), ("b", 60, 11, 50, 20)), "a\nb", id="less-is-two"),
        pytest.param(page(("a", 0, 0, 50, 40), ("b", 60, 25, 50, 20)), "a b", id="of-the-lower-text"),
        pytest.param(
            page(("a", 0, 0, 50, 20), ("b", 26, 5, 50, 20)), "a b", id="overlapping-by-less-than-half-a-width"
        ),
        pytest.param(page(("a", 0, 0, 50, 20), ("b", 24, 5, 50, 20)), "a\nb", id="by-more-one-is-above-the-other"),
        pytest.param(page(("a", 0, 0, 90, 20), ("b", 60, 5, 40, 20)), "a\nb", id="of-the-narrower-text"),
        pytest.param(
            page(("a", 0, 0, 50, 20), ("b", 60, 8, 50, 20), ("c", 120, 16, 50, 20)), "a b c", id="by-the-nearest-text"
        ),
    ],
)
def test_rows_are_told_apart_at_the_limits(items, expected):
    for seed in range(3):
        assert read(items, seed=seed) == expected


@pytest.mark.parametrize(("degrees", "blocks"), [(24.9, 1), (25.1, 2)], ids=str)
def test_texts_up_to_25_degrees_apart_have_one_direction(degrees, blocks):
    quads = np.array([quad(0, 0, 200, 20), turned([quad(300, 300, 100, 20)], degrees)[0]])
    assert len({line.block for line in reading_lines(quads, ["long", "short"])}) == blocks


def test_a_long_text_counts_more_for_the_direction_than_a_short_one():
    """Level for the long ones, the two short ones stand in one row; level for the mean of all, they do not."""
    long = [quad(0, y, 600, 20) for y in (0, 300)]
    slanted = turned([quad(300, 300, 15, 20), quad(320, 300, 15, 20)], 24)
    texts = ["top", "bottom", "s", "t"]
    assert reading_text(np.array([*long, *slanted]), texts).splitlines()[0] == "top"
    boxes = _OrientedBoxes.of(np.array([*long, *slanted]))
    (direction,) = _directions(boxes)
    assert abs(np.degrees(direction.angle)) < 1.2


def test_columns_may_begin_again_after_a_line_and_blocks_are_numbered_without_gaps():
    below = [(text.replace("t ", "t lower "), [[x, y + 150] for x, y in q]) for text, q in COLUMNS]
    side = ("up the side", [[700, 400], [700, 100], [720, 100], [720, 400]])
    items = [*COLUMNS, *page(("A line between both of the columns", 10, 160, 540, 20)), *below, side]
    lines = reading_lines(np.array([q for _, q in items]), [t for t, _ in items])
    assert [(line.block, line.text) for line in lines] == [
        (0, "left one"), (0, "left two"), (0, "left three"),
        (1, "right one"), (1, "right two"), (1, "right three"),
        (2, "A line between both of the columns"),
        (3, "left lower one"), (3, "left lower two"), (3, "left lower three"),
        (4, "right lower one"), (4, "right lower two"), (4, "right lower three"),
        (5, "up the side"),
    ]  # fmt: skip


def test_the_direction_with_the_most_text_is_read_first_wherever_it_is_in_the_answer():
    side = [[700, 400], [700, 300], [720, 300], [720, 400]]
    assert reading_text(np.array([side, *[q for _, q in LINES]]), ["side", "one", "two", "three"]) == (
        "one\ntwo\nthree\n\nside"
    )


def test_a_direction_is_the_mean_of_its_texts():
    quads = [quad(300, 300, 100, 20), *turned([quad(300, 300, 100, 20)], 20)]
    angles = [_OrientedBoxes.of(np.array([q])).angle[0] for q in quads]
    (direction,) = _directions(_OrientedBoxes.of(np.array(quads)))
    assert direction.angle == pytest.approx(sum(angles) / 2)


def test_a_gutter_is_measured_by_the_lines_beside_it_and_not_by_a_large_heading() -> None:
    near = [(text, [[x - 20 * text.startswith("right"), y] for x, y in corners]) for text, corners in COLUMNS]
    expected = "left one\nleft two\nleft three\n\nright one\nright two\nright three"
    assert read(near) == expected
    assert read([*HEADING, *near]) == f"The heading\n\n{expected}"


@pytest.mark.parametrize(
    ("items", "most"),
    [
        pytest.param(page(*(("line", 0, 13 * r, 300 + r % 7 * 40, 10) for r in range(60))), 2000, id="column"),
        pytest.param(
            page(*(item for r in range(40) for item in (("item", 0, 13 * r, 300, 10), ("9", 400, 13 * r, 60, 10)))),
            4000,
            id="receipt",
        ),
    ],
)
def test_a_full_page_takes_few_more_trials_than_it_has_pairs_of_texts(items, most: int, monkeypatch) -> None:
    """The order is found on the way of every answer; a million trials would be felt by all visitors."""
    trials = []
    for name in ("_gutter", "_row_overlap"):
        real = getattr(reading_order, name)
        monkeypatch.setattr(reading_order, name, lambda *given, real=real: (trials.append(real), real(*given))[1])
    assert len(read(items).splitlines()) == len({corners[0][1] for _, corners in items})
    assert len(trials) < most
