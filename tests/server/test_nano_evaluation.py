"""florence-2-nano answers rightly through the real local server: a short form of its evaluation."""

from collections.abc import Iterator

import pytest
from server_process import ServerProcess

from florence_ui.nano.evaluate import Row, deal, measure, rows

FIRST_SEED = 3_000_000
LENIENCE = 0.1
"""How much less than wanted may be reached: with so few scenes chance has a large say."""

KNOWN_SHORTFALLS: dict[tuple[str, str], float] = {
    ("<CAPTION>", "names exactly the objects that are there"): 0.5,
    ("<DETAILED_CAPTION>", "names exactly the objects that are there"): 0.5,
    ("<MORE_DETAILED_CAPTION>", "names exactly the objects that are there"): 0.6,
    ("<OCR>", "whole word right"): 0.6,
    ("<OCR_WITH_REGION>", "quad IoU of words read right"): 0.5,
    ("<CAPTION_TO_PHRASE_GROUNDING>", "recall at IoU 0.5 of what is there"): 0.4,
    ("<CAPTION_TO_PHRASE_GROUNDING>", "nothing for what is not there"): 0.5,
    ("<OPEN_VOCABULARY_DETECTION>", "nothing for what is not there"): 0.5,
    ("<REFERRING_EXPRESSION_SEGMENTATION>", "mean mask IoU"): 0.1,
    ("<REGION_TO_SEGMENTATION>", "mean mask IoU"): 0.3,
    ("<REGION_PROPOSAL>", "recall at IoU 0.5"): 0.7,
}
"""What nano does not reach, as its model card says, on about eight questions each: what it must reach at the least."""


@pytest.fixture(scope="module")
def table(offline: dict[str, str | None]) -> Iterator[list[Row]]:
    with ServerProcess(environ=offline) as server:
        yield rows(measure(server.url, deal(FIRST_SEED, scenes=60, tasks_per_scene=2)))


@pytest.mark.slow
def test_every_task_is_measured(table: list[Row]) -> None:
    assert len({row.task for row in table}) == 16  # the fifteen tasks, and "any" for the seconds
    assert [row for row in table if row.count == 0] == []


@pytest.mark.slow
def test_answers_are_about_as_right_as_wanted(table: list[Row]) -> None:
    right = [row for row in table if row.task != "any"]
    least = {row: KNOWN_SHORTFALLS.get((row.task, row.measure), row.wanted - LENIENCE) for row in right}
    assert [(row, needed) for row, needed in least.items() if row.reached < needed] == []


@pytest.mark.slow
def test_answers_do_not_take_long(table: list[Row]) -> None:
    """Generous, for a machine that does other things at the same time."""
    assert table[-1].reached < 10
