"""Who answered in Compare, in a line."""

from dataclasses import replace
from typing import Any

from florence_ui.errors import AnswerError
from florence_ui.inference.request import StoredAnalysis
from florence_ui.models import BASE
from florence_ui.results.result import Result
from florence_ui.tasks import get_task
from florence_ui.ui import labels
from florence_ui.ui.compare.found_by_view import source_line
from florence_ui.ui.compare.state import Answers

ANSWER = StoredAnalysis(Result(get_task("<OD>"), "<OD>", (4, 3)), BASE, "local", "localhost:9001", 1.234)
REMEMBERED = replace(ANSWER, remembered=True)


def line(left: Any, right: Any) -> str:
    return source_line(Answers(None, {"left": left, "right": right}, ("base", "large")))


def test_a_remembered_answer_is_called_the_same_as_in_explore() -> None:
    assert line(REMEMBERED, ANSWER) == "base answered earlier, large 1.2 s"
    assert labels.source_line(REMEMBERED).endswith("answered earlier")


def test_two_remembered_answers_are_said_to_be_so_once() -> None:
    assert line(REMEMBERED, REMEMBERED) == "Both answered earlier"
    assert line(REMEMBERED, AnswerError("It failed.")) == "base answered earlier"


def test_a_side_that_failed_has_no_time() -> None:
    assert line(AnswerError("It failed."), ANSWER) == "large 1.2 s"
