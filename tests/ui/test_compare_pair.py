"""The pair of sides that a comparison begins with, and what the sides are called."""

import pytest

from florence_ui.backends.model_status import ServerState, ServerStatus
from florence_ui.inference.request import Question
from florence_ui.models import BASE, LARGE, NANO
from florence_ui.tasks import TASKS
from florence_ui.ui.compare.pair import SideChoice, companion, default_pair, describe, side_names, tell_apart

HERE = {"state": "absent", "on_disk": True}
READY = {"state": "ready", "on_disk": True}
ELSEWHERE = {"state": "absent", "on_disk": False}
FAILED = {"state": "unavailable", "on_disk": False}
BROKEN = {"state": "unavailable", "on_disk": True}


def pair(status: ServerStatus, chosen: str = "") -> list[tuple[str, str]]:
    return [(side.model_id, side.token) for side in default_pair("<OD>", "local", status, chosen)]


def own(base: dict, large: dict, nano: dict = HERE) -> ServerStatus:
    return ServerStatus(ServerState.READY, "", models={BASE: base, LARGE: large, NANO: nano})


TWO_TASKS = "<DENSE_REGION_CAPTION>"
REMOTE, STARTING = ServerStatus(ServerState.READY, ""), ServerStatus(ServerState.STARTING, "")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(own(READY, HERE), [(BASE, ""), (LARGE, "")], id="both-are-here"),
        pytest.param(own(READY, ELSEWHERE), [(NANO, ""), (BASE, "")], id="large-would-be-downloaded"),
        pytest.param(own(FAILED, ELSEWHERE), [(NANO, ""), (NANO, TWO_TASKS)], id="offline-only-nano"),
        pytest.param(own(BROKEN, BROKEN), [(NANO, ""), (NANO, TWO_TASKS)], id="files-that-cannot-be-loaded"),
        pytest.param(own(ELSEWHERE, READY), [(NANO, ""), (LARGE, "")], id="large-without-base"),
        pytest.param(STARTING, [("", ""), ("", TWO_TASKS)], id="nothing-is-known-yet"),
        pytest.param(REMOTE, [(BASE, ""), (LARGE, "")], id="another-server"),
    ],
)
def test_a_comparison_begins_with_what_can_answer(status: ServerStatus, expected: list[tuple[str, str]]) -> None:
    assert pair(status) == expected


def test_the_operators_model_is_one_of_the_pair() -> None:
    assert pair(REMOTE, "my/1") == [(LARGE, ""), ("my/1", "")]
    assert pair(own(READY, HERE), BASE) == [(LARGE, ""), (BASE, "")]
    assert pair(own(FAILED, ELSEWHERE), BASE) == [(NANO, ""), (NANO, TWO_TASKS)], "but not if it cannot answer"


@pytest.mark.parametrize("token", TASKS)
def test_every_task_has_another_one_to_be_compared_with(token: str) -> None:
    other = companion(token)
    assert other in TASKS
    assert other != token


@pytest.mark.parametrize(
    ("token", "other"),
    [
        pytest.param("<CAPTION>", "<DETAILED_CAPTION>", id="the-next-one"),
        pytest.param("<OCR_WITH_REGION>", "<OCR>", id="from-the-last-to-the-first"),
        pytest.param("<REFERRING_EXPRESSION_SEGMENTATION>", "<CAPTION_TO_PHRASE_GROUNDING>", id="same-phrase"),
        pytest.param("<OPEN_VOCABULARY_DETECTION>", "<OD>", id="no-other-takes-classes"),
    ],
)
def test_the_other_task_takes_the_same_input(token: str, other: str) -> None:
    assert companion(token) == other


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        pytest.param(Question("<OD>", model_id=BASE), Question("<OD>", model_id=LARGE), ("base", "large"), id="models"),
        pytest.param(
            Question("<OD>", model_id=NANO), Question("<CAPTION>", model_id=NANO),
            ("Find objects", "Brief caption"), id="tasks",
        ),
        pytest.param(
            Question("<OD>", model_id=NANO), Question("<CAPTION>", model_id="my/1"),
            ("nano, Find objects", "my/1, Brief caption"), id="models-and-tasks",
        ),
        pytest.param(
            Question("<OD>", model_id=BASE), Question("<OD>", model_id=BASE, backend="serverless"),
            ("Local", "Roboflow serverless"), id="backends",
        ),
        pytest.param(Question("<OD>", model_id=BASE), Question("<OD>", model_id=BASE), ("first", "second"), id="same"),
    ],
)  # fmt: skip
def test_sides_are_called_by_what_tells_them_apart(left: Question, right: Question, names: tuple[str, str]) -> None:
    assert side_names(left, right, {"local": "Local", "serverless": "Roboflow serverless"}) == names


def test_a_side_asks_its_own_task_of_its_own_model() -> None:
    asked = Question("<OD>", text="a dog", model_id=BASE)
    assert SideChoice(LARGE, "serverless").question(asked) == Question(
        "<OD>", text="a dog", model_id=LARGE, backend="serverless"
    )
    assert SideChoice(NANO, "local", "<CAPTION>").question(asked).token == "<CAPTION>"


SAME, OBJECTS, REGIONS = SideChoice(NANO, "local"), SideChoice(NANO, "local", "<OD>"), "<DENSE_REGION_CAPTION>"
LARGE_OBJECTS = SideChoice(LARGE, "local", "<OD>")


@pytest.mark.parametrize(
    ("pair", "token", "expected"),
    [
        pytest.param((SAME, OBJECTS), "<OD>", (SAME, SideChoice(NANO, "local", REGIONS)), id="right-one-moves-on"),
        pytest.param((OBJECTS, SAME), "<OD>", (SideChoice(NANO, "local", REGIONS), SAME), id="left-one-moves-on"),
        pytest.param((SAME, OBJECTS), "<CAPTION>", (SAME, OBJECTS), id="other-task"),
        pytest.param((SAME, LARGE_OBJECTS), "<OD>", (SAME, LARGE_OBJECTS), id="other-model"),
        pytest.param((SAME, SAME), "<OD>", (SAME, SAME), id="the-same-by-choice"),
    ],
)
def test_a_task_in_the_dock_never_makes_both_sides_ask_the_same(
    pair: tuple[SideChoice, SideChoice], token: str, expected: tuple[SideChoice, SideChoice]
) -> None:
    assert tell_apart(pair, token) == expected


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        pytest.param([Question("<OD>", model_id=BASE), Question("<OD>", model_id=LARGE)], "Find objects", id="models"),
        pytest.param([Question("<OD>"), Question("<CAPTION>")], "", id="tasks-are-named-once"),
        pytest.param(
            [Question("<OPEN_VOCABULARY_DETECTION>", classes=("cow", "pig")), Question("<OD>")],
            "“cow, pig”",
            id="typed",
        ),
    ],
)
def test_the_heading_never_says_a_task_twice(questions: list[Question], words: str) -> None:
    names = side_names(*questions, {"local": "Local"})
    assert describe(questions, names) == words
