"""Filters remove only matching objects, and report them."""

import numpy as np
import pytest

from florence_ui.results.filters import Filters, filter_result, find_duplicates, find_whole_image
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

SIZE = (200, 100)


def found(*objects: tuple[str, tuple[float, float, float, float]], **more) -> Result:
    detections = make_detections([label for label, _ in objects], [box for _, box in objects], **more)
    return Result(get_task("<OD>"), "<OD>", SIZE, detections=detections)


DOG = ("dog", (10.0, 10.0, 60.0, 60.0))
SAME_DOG = ("dog", (11.0, 10.0, 61.0, 60.0))
CAT_THERE = ("cat", (10.0, 11.0, 60.0, 61.0))
FAR_DOG = ("dog", (120.0, 10.0, 180.0, 60.0))
EVERYTHING = ("tree", (0.0, 1.0, 199.0, 100.0))


def test_without_a_filter_the_very_same_result_comes_back():
    result = found(DOG, SAME_DOG, EVERYTHING)
    assert filter_result(result, Filters()) == (result, ())
    assert filter_result(result, Filters())[0] is result


@pytest.mark.parametrize(
    ("filters", "objects", "left"),
    [
        pytest.param(Filters(whole_image=True), [DOG, EVERYTHING], [0], id="whole-image"),
        pytest.param(Filters(duplicates=True), [DOG, SAME_DOG, FAR_DOG], [0, 2], id="duplicate"),
        pytest.param(Filters(duplicates=True), [DOG, CAT_THERE], [0, 1], id="another-label-is-no-duplicate"),
        pytest.param(Filters(overlapping=True), [DOG, CAT_THERE, FAR_DOG], [0, 2], id="any-label"),
        pytest.param(Filters(overlapping=True), [CAT_THERE, DOG], [0], id="the-first-said-stays"),
        pytest.param(Filters(duplicates=True, whole_image=True), [EVERYTHING, SAME_DOG, DOG], [1], id="two-filters"),
        pytest.param(Filters(whole_image=True), [EVERYTHING], [], id="nothing-left"),
        pytest.param(Filters(whole_image=True, duplicates=True), [], [], id="nothing-found"),
    ],
)
def test_a_filter_leaves(filters, objects, left):
    result = found(*objects)
    filtered, removals = filter_result(result, filters)
    assert filtered.labels == [objects[i][0] for i in left]
    gone = {index for removal in removals for index in removal.indices}
    assert [i for i in range(len(objects)) if i not in gone] == left
    assert len(result.detections) == len(objects), "the unfiltered answer must stay"
    if left:
        assert filtered.detections.confidence is None, "no confidence may appear"


def test_inverted_boxes_are_known_by_the_mark_on_the_detections():
    filtered, removals = filter_result(found(DOG, FAR_DOG, inverted=[False, True]), Filters(inverted=True))
    assert filtered.labels == ["dog"]
    assert removals[0].indices == (1,)
    assert removals[0].reason == "Left out 1 box with corners in the wrong order: dog."
    assert filter_result(found(DOG, FAR_DOG), Filters(inverted=True))[1] == ()


def test_what_was_left_out_is_said_with_its_count_and_labels():
    _, removals = filter_result(found(DOG, SAME_DOG, SAME_DOG, EVERYTHING), Filters(duplicates=True, whole_image=True))
    assert [r.reason for r in removals] == [
        "Left out 1 box around the whole picture: tree.",
        "Left out 2 boxes around an object already found: dog.",
    ]


def test_outlines_and_quads_stay_with_their_objects():
    triangle = np.array([[0, 0], [9, 0], [0, 9]])
    quads = [[[0, 0], [9, 0], [9, 9], [0, 9]], [[50, 50], [90, 50], [90, 90], [50, 90]]]
    both = found(EVERYTHING, DOG, quads=quads, polygons=[[triangle], [triangle + 5]])
    filtered, _ = filter_result(both, Filters(whole_image=True))
    assert np.array_equal(filtered.quads, [quads[1]])
    assert np.array_equal(filtered.polygons[0][0], triangle + 5)


def test_text_lines_are_duplicates_by_their_quads_not_by_their_upright_boxes():
    """Two crossing slanted lines share an upright box without being the same text."""
    down = [[0, 0], [10, 0], [100, 90], [90, 90]]
    up = [[0, 90], [10, 90], [100, 0], [90, 0]]
    crossing = found(("a", (0, 0, 100, 90)), ("a", (0, 0, 100, 90)), quads=[down, up])
    assert find_duplicates(crossing.detections).tolist() == [False, False]


def test_whole_image_needs_both_sides():
    flat = found(("road", (0, 60, 200, 100)), EVERYTHING)
    assert find_whole_image(flat.detections, SIZE).tolist() == [False, True]


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        pytest.param([""], "Left out 1 box around the whole picture.", id="without-a-label"),
        pytest.param(["a", "b", "c", "d"], "Left out 4 boxes around the whole picture: a, b, c, d.", id="four-labels"),
        pytest.param(list("abcde"), "Left out 5 boxes around the whole picture: a, b, c, d, ….", id="five-labels"),
    ],
)
def test_a_reason_names_four_labels_at_most(labels, reason):
    _, (removal,) = filter_result(found(*((label, EVERYTHING[1]) for label in labels)), Filters(whole_image=True))
    assert removal.reason == reason


@pytest.mark.parametrize(("width", "are_same"), [(69, False), (71, True)], ids=str)
def test_boxes_are_duplicates_above_an_overlap_of_seven_tenths(width, are_same):
    boxes = found(("dog", (0.0, 0.0, 100.0, 50.0)), ("dog", (0.0, 0.0, float(width), 50.0)))
    assert find_duplicates(boxes.detections).tolist() == [False, are_same]


@pytest.mark.parametrize(("count", "by_quads"), [(100, True), (101, False)], ids=str)
def test_a_hundred_lines_are_compared_by_their_quads_more_by_their_boxes(count, by_quads):
    slanted = [np.array([[0, 0], [10, 0], [100, 90], [90, 90]]), np.array([[90, 0], [100, 0], [10, 90], [0, 90]])]
    lines = found(
        *[("a", (0.0, 0.0, 100.0, 90.0))] * 2,
        *[("b", (0.0, 0.0, 1.0, 1.0))] * (count - 2),
        quads=[*slanted, *[[[0, 0], [1, 0], [1, 1], [0, 1]]] * (count - 2)],
    )
    assert find_duplicates(lines.detections)[1] != by_quads


@pytest.mark.parametrize(("box", "is_whole"), [((0, 0, 190, 95), True), ((0, 0, 189.9, 95), False)], ids=str)
def test_a_box_is_the_whole_picture_from_95_percent_of_both_sides_on(box, is_whole):
    assert find_whole_image(found(("a", box)).detections, SIZE).tolist() == [is_whole]
