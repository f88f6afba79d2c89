"""Comparison of two answers: who found what, and where the texts differ."""

import numpy as np
import pytest

from florence_ui.results.compare import (
    BOTH,
    LEFT,
    RIGHT,
    LabelCount,
    compare,
    comparison_columns,
    comparison_record,
    comparison_table,
    count_labels,
    diff_texts,
    full_text,
    map_found_by,
    summarize,
)
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

SIZE = (400, 300)


def found(*objects: tuple[str, tuple[float, float, float, float]], **more) -> Result:
    detections = make_detections([label for label, _ in objects], [box for _, box in objects], **more)
    return Result(get_task("<OD>"), "<OD>", SIZE, detections=detections)


DOG = ("dog", (0.0, 0.0, 100.0, 100.0))
HALF_DOG = ("dog", (0.0, 0.0, 100.0, 50.0))
LESS_THAN_HALF = ("dog", (0.0, 0.0, 100.0, 49.0))
CAT = ("cat", (0.0, 0.0, 100.0, 100.0))
TREE = ("tree", (200.0, 100.0, 300.0, 250.0))


@pytest.mark.parametrize(
    ("left", "right", "both", "left_only", "right_only"),
    [
        pytest.param([DOG, TREE], [TREE, DOG], [(0, 1), (1, 0)], [], [], id="another-order"),
        pytest.param([DOG], [HALF_DOG], [(0, 0)], [], [], id="iou-of-exactly-a-half"),
        pytest.param([DOG], [LESS_THAN_HALF], [], [0], [0], id="iou-under-a-half"),
        pytest.param([DOG], [CAT], [], [0], [0], id="another-label"),
        pytest.param([DOG], [(" DOG", DOG[1])], [(0, 0)], [], [], id="label-in-capitals"),
        pytest.param([DOG, DOG], [DOG], [(0, 0)], [1], [], id="one-partner-each"),
        pytest.param([], [DOG], [], [], [0], id="nothing-on-the-left"),
        pytest.param([DOG], [], [], [0], [], id="nothing-on-the-right"),
        pytest.param([], [], [], [], [], id="nothing-at-all"),
        pytest.param([("", DOG[1])], [("", DOG[1])], [(0, 0)], [], [], id="regions-without-names"),
    ],
)
def test_objects_are_paired(left, right, both, left_only, right_only):
    comparison = compare(found(*left), found(*right))
    assert [(m.left, m.right) for m in comparison.both] == both
    assert comparison.left_only == tuple(left_only)
    assert comparison.right_only == tuple(right_only)


def test_no_object_loses_its_only_partner_to_one_that_has_another():
    """Taking the largest overlap first would pair b with A and leave a alone."""
    a, b = ("x", (0.0, 0.0, 100.0, 100.0)), ("x", (20.0, 0.0, 120.0, 100.0))
    big_a, big_b = ("x", (22.0, 0.0, 122.0, 100.0)), ("x", (52.0, 0.0, 152.0, 100.0))
    comparison = compare(found(a, b), found(big_a, big_b))
    assert [(m.left, m.right) for m in comparison.both] == [(0, 0), (1, 1)]


def test_text_lines_are_paired_by_their_quads():
    rising = [[0, 90], [90, 0], [100, 10], [10, 100]]
    falling = [[0, 10], [10, 0], [100, 90], [90, 100]]
    line = ("hello", (0.0, 0.0, 100.0, 100.0))
    assert compare(found(line, quads=[rising]), found(line, quads=[falling])).both == ()
    assert len(compare(found(line, quads=[rising]), found(line, quads=[rising])).both) == 1


def test_what_overlaps_under_another_name_is_the_same_object() -> None:
    comparison = compare(found(DOG, TREE, HALF_DOG), found(CAT, TREE, ("hat", (300.0, 0.0, 350.0, 50.0))))
    assert [(m.left, m.right) for m in comparison.renamed] == [(0, 0)]
    assert comparison.left_only == (0, 2)
    assert comparison.right_only == (0, 2)


def test_labels_of_different_tasks_are_not_compared() -> None:
    described = found(("a brown dog", DOG[1]))
    other = Result(get_task("<DENSE_REGION_CAPTION>"), "", SIZE, detections=described.detections)
    assert compare(found(DOG), described).both == ()
    assert [(m.left, m.right) for m in compare(found(DOG), other).both] == [(0, 0)]


def test_the_table_has_the_differences_on_top() -> None:
    left, right = found(DOG, CAT), found(TREE, HALF_DOG)
    comparison = compare(left, right)
    rows = comparison_table(left, right, comparison, ("base", "large"))
    assert comparison_columns(("base", "large")) == ["found by", "label", "overlap", "base box", "large box"]
    assert rows == [
        ["only base", "cat", "", "0, 0, 100, 100", ""],
        ["only large", "tree", "", "", "200, 100, 300, 250"],
        ["both", "dog", "0.50", "0, 0, 100, 100", "0, 0, 100, 50"],
    ]
    assert summarize(comparison) == "Found by both: 1, only on the left: 1, only on the right: 1."
    assert summarize(comparison, ("base", "large")) == "Found by both: 1, only base: 1, only large: 1."


def test_labels_are_counted_with_the_largest_difference_on_top() -> None:
    far = (300.0, 0.0, 350.0, 50.0)
    left = found(TREE, DOG, ("hat", DOG[1]), ("Cat", DOG[1]))
    right = found(TREE, HALF_DOG, ("hat", far), ("cat ", DOG[1]), ("cat", far), ("cat", (0.0, 200.0, 50.0, 300.0)))
    assert count_labels(left, right, compare(left, right)) == [
        LabelCount("Cat", 1, 3, differs=True),
        LabelCount("hat", 1, 1, differs=True),
        LabelCount("tree", 1, 1, differs=False),
        LabelCount("dog", 1, 1, differs=False),
    ]


def test_the_map_has_every_object_once_and_none_around_the_whole_picture() -> None:
    room = ("room", (0.0, 0.0, 400.0, 300.0))
    left, right = found(room, DOG, CAT), found(TREE, HALF_DOG, room)
    found_by = map_found_by(left, right, compare(left, right))
    assert list(zip(found_by.result.labels, found_by.found_by, strict=True)) == [
        ("cat", LEFT),
        ("tree", RIGHT),
        ("dog", BOTH),
    ]
    assert found_by.result.xyxy.tolist() == [list(CAT[1]), list(TREE[1]), list(DOG[1])]
    assert found_by.left_numbers == {2: 1, 1: 3, 0: 4}, "the room, which is left out, comes last"
    assert found_by.right_numbers == {0: 2, 1: 3, 2: 4}


def test_the_map_of_two_empty_answers_is_empty() -> None:
    found_by = map_found_by(found(), found(), compare(found(), found()))
    assert len(found_by.result.detections) == 0
    assert (found_by.found_by, found_by.left_numbers, found_by.right_numbers) == ((), {}, {})


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param("a b c", "a b c", ([("a b c", None)], [("a b c", None)]), id="same"),
        pytest.param(
            "a green car",
            "a blue old car",
            ([("a ", None), ("green ", LEFT), ("car", None)], [("a ", None), ("blue old ", RIGHT), ("car", None)]),
            id="words-replaced",
        ),
        pytest.param("a car", "", ([("a car", LEFT)], []), id="one-side-silent"),
        pytest.param("a\nb", "a b", ([("a\nb", None)], [("a b", None)]), id="blanks-are-no-difference"),
        pytest.param("", "", ([], []), id="both-silent"),
    ],
)
def test_texts_are_marked_where_they_differ(left, right, expected):
    assert diff_texts(left, right) == expected


@pytest.mark.parametrize("seed", range(10))
def test_the_pieces_of_a_text_are_the_whole_text(seed):
    rng = np.random.default_rng(seed)
    left, right = ("".join(rng.choice(list("ab \n<*"), size=60)) for _ in range(2))
    pieces = diff_texts(left, right)
    if left.strip() and right.strip():
        assert ["".join(text for text, _ in side) for side in pieces] == [left, right]


@pytest.mark.parametrize(
    ("left", "right", "summary"),
    [
        pytest.param([], [DOG], "Found by both: 0, only on the left: 0, only on the right: 1.", id="nothing-left"),
        pytest.param([DOG], [], "Found by both: 0, only on the left: 1, only on the right: 0.", id="nothing-right"),
    ],
)
def test_one_side_may_have_found_nothing(left, right, summary):
    assert summarize(compare(found(*left), found(*right))) == summary


@pytest.mark.parametrize(("count", "pairs"), [pytest.param(100, 0, id="quads"), pytest.param(101, 101, id="boxes")])
def test_of_very_many_lines_the_upright_boxes_are_compared(count: int, pairs: int):
    """Hundreds of quads in one place, as of a model that repeats itself, would take seconds."""
    line = ("word", (0, 0, 100, 100))
    rising, falling = [[0, 90], [90, 0], [100, 10], [10, 100]], [[0, 10], [10, 0], [100, 90], [90, 100]]
    left, right = (found(*[line] * count, quads=[quad] * count) for quad in (rising, falling))
    assert len(compare(left, right).both) == pairs


def test_quads_are_compared_with_boxes_by_their_boxes():
    quads = [[[0, 50], [50, 0], [100, 50], [50, 100]]]  # half of its box
    for left, right in ((found(DOG, quads=quads), found(DOG)), (found(DOG), found(DOG, quads=quads))):
        assert compare(left, right).both[0].iou == 1


def test_the_record_tells_who_found_what_and_where_the_texts_differ():
    left = Result(get_task("<OD>"), "<OD>", SIZE, "a red dog", found(DOG, TREE).detections)
    right = Result(get_task("<OD>"), "<OD>", SIZE, "a dog", found(("DOG ", (0.0, 0.0, 100.0, 66.666)), CAT).detections)
    assert comparison_record(left, right) == {
        "summary": "Found by both: 1, only on the left: 1, only on the right: 1.",
        "objects": [
            {
                "found_by": "both",
                "label": "dog",
                "overlap": 0.6667,
                "left_box": [0.0, 0.0, 100.0, 100.0],
                "right_box": [0.0, 0.0, 100.0, 66.67],
            },
            {
                "found_by": "left",
                "label": "tree",
                "overlap": None,
                "left_box": [200.0, 100.0, 300.0, 250.0],
                "right_box": None,
            },
            {
                "found_by": "right",
                "label": "cat",
                "overlap": None,
                "left_box": None,
                "right_box": [0.0, 0.0, 100.0, 100.0],
            },
        ],
        "texts": {
            "left": [
                {"text": "a ", "only_here": False},
                {"text": "red ", "only_here": True},
                {"text": "dog", "only_here": False},
            ],
            "right": [{"text": "a ", "only_here": False}, {"text": "dog", "only_here": False}],
        },
    }


def test_the_text_of_lines_is_in_reading_order_and_other_text_as_it_is():
    lower, upper = [[0, 40], [60, 40], [60, 60], [0, 60]], [[0, 0], [60, 0], [60, 20], [0, 20]]
    lines = found(("two", (0, 40, 60, 60)), ("one", (0, 0, 60, 20)), quads=[lower, upper])
    assert full_text(lines) == "one\ntwo"
    assert full_text(found(DOG)) == ""
    assert full_text(Result(get_task("<CAPTION>"), "<CAPTION>", SIZE, "a dog")) == "a dog"


def test_a_word_that_is_everywhere_is_compared_like_any_other():
    left, right = "red " + "the cat " * 150, "blue " + "the cat " * 150
    assert diff_texts(left, right) == (
        [("red ", "left"), ("the cat " * 150, None)],
        [("blue ", "right"), ("the cat " * 150, None)],
    )
