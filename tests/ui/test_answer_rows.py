"""The list beside the stage: rows, groups, places, titles."""

from pathlib import Path

import numpy as np
import pytest

from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task
from florence_ui.ui.components.answer_list import AnswerListValue
from florence_ui.ui.components.stage import StageObject
from florence_ui.ui.explore import answer_rows, stage_view

SIZE = (90, 60)


def result(token: str = "<OD>", labels: tuple[str, ...] = (), *, prompt: str = "", text: str = "", **shapes) -> Result:
    boxes = [[k, 20, k + 30, 40] for k in range(len(labels))]
    detections = make_detections(labels, boxes, **shapes)
    return Result(get_task(token), prompt or token, SIZE, text, detections)


def listed(answer: Result, hidden: tuple[int, ...] = ()) -> AnswerListValue:
    items = stage_view.stage_objects(answer, hidden, Style())
    return answer_rows.answer_list(answer, items, "base, 1.8 s")


def group_sizes(answer: Result) -> list[tuple[str, int]]:
    return [(group.name, len(group.rows)) for group in listed(answer).groups]


@pytest.mark.parametrize(
    ("box", "place"),
    [
        pytest.param((0, 0, 20, 10), "top left", id="a corner"),
        pytest.param((70, 50, 90, 60), "bottom right", id="the opposite corner"),
        pytest.param((40, 0, 50, 10), "top", id="an edge"),
        pytest.param((0, 25, 20, 35), "left", id="a side"),
        pytest.param((0, 0, 90, 60), "middle", id="the whole picture"),
        pytest.param((30, 20, 30, 20), "middle", id="on the line between two thirds"),
    ],
)
def test_a_place_is_named_by_the_third_of_the_picture_that_the_middle_is_in(
    box: tuple[int, int, int, int], place: str
) -> None:
    x1, y1, x2, y2 = box
    item = StageObject(label="dog", outline=[[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]])
    assert answer_rows.place_of(item, SIZE) == place


def test_up_to_eight_objects_are_rows_of_their_own() -> None:
    assert group_sizes(result(labels=("dog",) * 8)) == [("dog", 1)] * 8


def test_more_objects_are_grouped_by_label_in_order_of_appearance() -> None:
    labels = ("cat", "dog", "dog", "cat", "dog", "bird", "dog", "dog", "dog")
    answer = listed(result(labels=labels))
    assert [(group.name, [row.number for row in group.rows]) for group in answer.groups] == [
        ("cat", [1, 4]),
        ("dog", [2, 3, 5, 7, 8, 9]),
        ("bird", [6]),
    ]
    assert answer.groups[1].all_name == "all 6 of dog"


def test_many_objects_of_different_labels_are_not_grouped() -> None:
    labels = tuple(f"thing {k}" for k in range(12))
    assert group_sizes(result(labels=labels)) == [(label, 1) for label in labels]


def test_lines_of_text_are_never_grouped_and_can_be_copied_at_once() -> None:
    quads = np.tile([[1, 1], [5, 1], [5, 5], [1, 5]], (9, 1, 1))
    answer = listed(result("<OCR_WITH_REGION>", ("STOP",) * 9, quads=quads))
    assert (answer.title, answer.lines, len(answer.groups)) == ("9 lines", True, 9)
    assert answer.copy_text == "\n".join(["STOP"] * 9)


def test_an_object_without_a_label_is_called_by_its_place() -> None:
    row = listed(result("<REGION_PROPOSAL>", ("",))).groups[0].rows[0]
    assert (row.name, row.number) == ("Region, left", 1)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        pytest.param(("",), ["Your region"], id="one"),
        pytest.param(("", ""), ["Your region, left", "Your region, left"], id="several-have-their-places"),
        pytest.param(("dog",), ["dog"], id="named"),
    ],
)
def test_a_region_that_the_visitor_drew_is_called_theirs(labels: tuple[str, ...], names: list[str]) -> None:
    answer = listed(result("<REGION_TO_SEGMENTATION>", labels))
    assert [group.name for group in answer.groups] == names


def test_a_hidden_object_stays_in_the_list() -> None:
    rows = [group.rows[0] for group in listed(result(labels=("dog", "cat")), hidden=(1,)).groups]
    assert [(row.name, row.shown) for row in rows] == [("dog", True), ("cat", False)]


def test_a_grounded_sentence_stands_above_the_list_and_not_over_the_picture() -> None:
    token = "<CAPTION_TO_PHRASE_GROUNDING>"
    answer = result(token, ("dog",), prompt=f"{token}A dog runs.")
    assert [(p.text, p.items) for p in listed(answer).phrases] == [("A ", []), ("dog", [0]), (" runs.", [])]
    assert stage_view.answered(answer, Path("picture.jpg"), (), Style(), "answer").phrases == []


def test_a_phrase_that_is_the_only_row_is_not_said_twice() -> None:
    token = "<REFERRING_EXPRESSION_SEGMENTATION>"
    assert listed(result(token, ("the dog",), prompt=f"{token}the dog")).phrases == []


OUTLINED = result("<REGION_TO_SEGMENTATION>", ("dog",), polygons=[[np.array([[0, 0], [9, 0], [9, 9]])]])


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        pytest.param(result(labels=("dog", "cat")), "2 found", id="objects"),
        pytest.param(OUTLINED, "1 outlined", id="outlines"),
        pytest.param(result("<CAPTION>", text="A dog."), "Caption", id="a caption"),
        pytest.param(result("<OCR>", text="STOP"), "Text", id="text"),
        pytest.param(result("<REGION_TO_CATEGORY>", text="dog"), "Your region", id="a region"),
        pytest.param(result(), "Nothing found", id="nothing"),
    ],
)
def test_the_title_says_in_two_words_what_was_found(answer: Result, title: str) -> None:
    assert listed(answer).title == title
