"""Many pictures: what is said about all of them."""

from pathlib import Path

import pytest

from florence_ui.backends.model_status import NANO_WARNING
from florence_ui.inference.batch import Batch, Item, ItemState
from florence_ui.inference.batch_overview import Only, Order, Selection
from florence_ui.inference.request import Question, StoredAnalysis
from florence_ui.models import NANO
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.views import progress_text, run_label, sheet_value, table_rows, totals_value


def answered(labels: tuple[str, ...], *warnings: str, text: str = "", name: str = "picture.png") -> Item:
    boxes = [[k, 20, k + 30, 40] for k in range(len(labels))]
    result = Result(get_task("<OD>"), "<OD>", (90, 60), text, make_detections(labels, boxes), warnings=warnings)
    analysis = StoredAnalysis(result, NANO, "local", "localhost:9001", 0.1)
    return Item(Path(name), name, ItemState.DONE, analysis)


@pytest.mark.parametrize(
    ("items", "hint"),
    [
        pytest.param([answered(("dog",), NANO_WARNING)] * 2, NANO_WARNING, id="said-once"),
        pytest.param([answered((), NANO_WARNING)], f"Nothing was found. {NANO_WARNING}", id="also-of-nothing"),
        pytest.param([answered(("dog",))], "", id="not-of-other-answers"),
    ],
)
def test_what_nano_says_about_pictures_that_it_may_not_know_is_put_in_doubt(items: list[Item], hint: str) -> None:
    assert totals_value(BatchState(Batch(items)), Style()).hint == hint


ASKED = ("<OD>", "<OD>", NANO, "local")
TWO = [answered(("dog",), name="one.png"), answered(("dog", "cat"), name="two.png")]


def state(items: list[Item], asked: tuple[str, ...] = ASKED, **selection: object) -> BatchState:
    return BatchState(
        Batch(items, ASKED), Selection(**selection), question=Question("<OD>", model_id=NANO), asked=asked
    )


@pytest.mark.parametrize(
    ("now", "words"),
    [
        pytest.param(state(TWO), "2 of 2 answered", id="all"),
        pytest.param(state(TWO, only=Only.CLASS, label="cat"), "2 of 2 answered, 1 shown", id="filtered"),
        pytest.param(state([Item(Path("one.png"), "one.png")]), "0 of 1 answered, stopped", id="stopped-at-once"),
        pytest.param(BatchState(Batch([Item(Path("one.png"), "one.png")])), "1 picture", id="not-asked"),
        pytest.param(state(TWO, ("<CAPTION>",)), "2 of 2 answered “Find objects”", id="another-task"),
        pytest.param(state(TWO, ("<OD>", "<OD>", "my/1")), "2 of 2 answered an earlier question", id="another-model"),
    ],
)
def test_the_heading_says_what_was_answered_and_how_much_of_it_is_seen(now: BatchState, words: str) -> None:
    assert progress_text(now, now.batch) == words


def test_a_class_has_the_color_of_its_objects_in_all_pictures() -> None:
    now = state([*TWO, answered(("", ""), name="three.png")])
    now.batch.color_order = ("cat", "dog", "region 1", "region 2")
    colors = {row.label: row.color for row in totals_value(now, Style()).rows}
    for item in now.items:
        drawn = dict(zip(item.result.labels, now.styled(Style()).colors_of(item.result), strict=True))
        assert all(color == colors[label] for label, color in drawn.items() if label)
    assert colors[""] == now.styled(Style()).colors_of(now.items[2].result)[0]


def test_run_says_on_how_many() -> None:
    assert run_label(state(TWO)) == "Run 2 again"
    assert run_label(state(TWO, ("<CAPTION>",))) == "Run on 2"


def test_the_table_has_the_pictures_that_are_shown_in_their_order() -> None:
    assert table_rows(state(TWO, order=Order.MOST_FOUND)) == [["two.png", 2, "done"], ["one.png", 1, "done"]]
    assert table_rows(state(TWO, only=Only.CLASS, label="cat")) == [["two.png", 2, "done"]]


def test_a_text_stands_below_the_name_and_is_not_counted() -> None:
    value = sheet_value(state([answered((), text="A dog on a lawn.")]))
    assert [(frame.note, frame.text) for frame in value.frames] == [("", "A dog on a lawn.")]
    assert Order.MOST_FOUND not in value.orders
    assert Order.MOST_FOUND in sheet_value(state(TWO)).orders
