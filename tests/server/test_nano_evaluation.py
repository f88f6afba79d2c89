"""A short evaluation of florence-2-nano through the real local server."""

from collections.abc import Iterator

import pytest
from server_process import ServerProcess

from florence_ui.nano.evaluate import TableRow, draw_questions, evaluate, summarize

FIRST_SEED = 3_000_000
LENIENCE = 0.1
"""How much less than wanted may be reached: with so few scenes chance has a large say."""


@pytest.fixture(scope="module")
def table(offline: dict[str, str | None]) -> Iterator[list[TableRow]]:
    with ServerProcess(environ=offline) as server:
        yield summarize(evaluate(server.url, draw_questions(FIRST_SEED, scenes=60, tasks_per_scene=2)))


@pytest.mark.slow
def test_every_task_is_measured(table: list[TableRow]) -> None:
    assert len({row.task for row in table}) == 16  # the fifteen tasks, and "any" for the seconds
    assert [row for row in table if row.count == 0] == []


@pytest.mark.slow
def test_answers_are_about_as_right_as_wanted(table: list[TableRow]) -> None:
    right = [row for row in table if row.task != "any"]
    assert [row for row in right if row.value < row.target - LENIENCE] == []


@pytest.mark.slow
def test_answers_do_not_take_long(table: list[TableRow]) -> None:
    """Generous, for a machine that does other things at the same time."""
    assert table[-1].value < 10
