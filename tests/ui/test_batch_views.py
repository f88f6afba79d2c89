"""Many pictures: what is said about all of them."""

from pathlib import Path

import pytest

from florence_ui.backends.model_status import NANO_WARNING
from florence_ui.inference.batch import Batch, Item, ItemState
from florence_ui.inference.request import StoredAnalysis
from florence_ui.models import NANO
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.views import totals_value


def answered(labels: tuple[str, ...], *warnings: str) -> Item:
    boxes = [[k, 20, k + 30, 40] for k in range(len(labels))]
    result = Result(get_task("<OD>"), "<OD>", (90, 60), "", make_detections(labels, boxes), warnings=warnings)
    analysis = StoredAnalysis(result, NANO, "local", "localhost:9001", 0.1)
    return Item(Path("picture.png"), "picture.png", ItemState.DONE, analysis)


@pytest.mark.parametrize(
    ("items", "hint"),
    [
        pytest.param([answered(("dog",), NANO_WARNING)] * 2, NANO_WARNING, id="said-once"),
        pytest.param([answered((), NANO_WARNING)], f"Nothing was found. {NANO_WARNING}", id="also-of-nothing"),
        pytest.param([answered(("dog",))], "", id="not-of-other-answers"),
    ],
)
def test_what_nano_says_about_pictures_that_it_may_not_know_is_put_in_doubt(items: list[Item], hint: str) -> None:
    assert totals_value(BatchState(Batch(items)), "default").hint == hint
