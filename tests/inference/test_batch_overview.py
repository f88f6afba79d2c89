"""Totals by class over many pictures, and which of them are shown in which order."""

from pathlib import Path

import pytest

from florence_ui.inference.batch import Item, ItemState
from florence_ui.inference.batch_overview import Only, Order, Selection, Total, count_matches, totals
from florence_ui.inference.request import StoredAnalysis
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task


def item(name: str, *labels: str, text: str = "", state: ItemState = ItemState.DONE) -> Item:
    """A picture in which these labels were found."""
    boxes = [[0, 0, 10, 10] for _ in labels]
    result = Result(get_task("<OD>"), "<OD>", (20, 20), text, make_detections(labels, boxes))
    analysis = StoredAnalysis(result, "base", "local", "host", 1.0) if state is ItemState.DONE else None
    return Item(Path(name), name, state, analysis)


ITEMS = [
    item("picture-10.jpg", "dog", "Cat"),
    item("picture-2.jpg", "cat ", "cat", "hat"),
    item("alps.jpg"),
    item("caption.jpg", text="a dog"),
    item("broken.jpg", state=ItemState.FAILED),
    item("later.jpg", state=ItemState.WAITING),
    item("now.jpg", state=ItemState.RUNNING),
]


def test_totals_count_objects_and_pictures_the_most_frequent_first() -> None:
    assert totals(ITEMS) == [Total("cat", 3, 2), Total("dog", 1, 1), Total("hat", 1, 1)]
    assert totals([]) == []


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        pytest.param(Selection(Only.NOTHING), ["alps"], id="a-caption-is-not-nothing"),
        pytest.param(Selection(Only.FAILED), ["broken"], id="failed"),
        pytest.param(Selection(Only.WAITING), ["later", "now"], id="what-runs-is-still-waited-for"),
        pytest.param(Selection(Only.CLASS, "cat"), ["picture-10", "picture-2"], id="only-pictures-with-a-cat"),
        pytest.param(Selection(Only.CLASS, "bird"), [], id="only-pictures-with-what-is-in-none"),
        pytest.param(
            Selection(order=Order.MOST_FOUND),
            ["picture-2", "picture-10", "alps", "caption", "broken", "later", "now"], id="most-found",
        ),
        pytest.param(
            Selection(order=Order.BY_NAME),
            ["alps", "broken", "caption", "later", "now", "picture-2", "picture-10"], id="by-name-2-before-10",
        ),
        pytest.param(Selection(Only.CLASS, "cat", Order.MOST_FOUND), ["picture-2", "picture-10"], id="both"),
    ],
)  # fmt: skip
def test_pictures_are_selected_and_ordered(selection: Selection, names: list[str]) -> None:
    assert [ITEMS[index].name.removesuffix(".jpg") for index in selection.apply(ITEMS)] == names


def test_all_are_shown_as_chosen_by_default() -> None:
    assert Selection().apply(ITEMS) == list(range(len(ITEMS)))


@pytest.mark.parametrize(
    "names", [["a1", "a"], ["1", "a", "2b", "b2", ""], ["x²", "x2"]], ids=["prefix", "mixed", "superscript"]
)
def test_any_names_can_be_ordered(names: list[str]) -> None:
    items = [item(name) for name in names]
    assert sorted(Selection(order=Order.BY_NAME).apply(items)) == list(range(len(items)))


def test_kinds_are_counted() -> None:
    assert [count_matches(ITEMS, only) for only in (Only.NOTHING, Only.FAILED, Only.WAITING)] == [1, 1, 2]
