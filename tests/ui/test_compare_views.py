"""A comparison as the values of the components that show it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from florence_ui.inference.request import StoredAnalysis
from florence_ui.models import BASE
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task
from florence_ui.ui.compare import views
from florence_ui.ui.compare.state import Answers, CompareState
from florence_ui.ui.components.verdict_bar import Layout

pytestmark = pytest.mark.anyio

ANSWER = StoredAnalysis(Result(get_task("<OD>"), "<OD>", (4, 3)), BASE, "local", "localhost:9001", 1.2)


def answering(*labels: str) -> StoredAnalysis:
    found = make_detections(labels, [[0, 0, 2, 2]] * len(labels))
    return StoredAnalysis(replace(ANSWER.result, detections=found), BASE, "local", "localhost:9001", 1.2)


def test_a_class_has_one_color_on_both_sides() -> None:
    cat = Style().colors_of(answering("cat").result)
    rival = next(name for name in map(str, range(99)) if Style().colors_of(answering(name).result) == cat)
    left, right = answering(rival, "cat"), answering("cat")
    style = Answers(None, {"left": left, "right": right}, ("base", "large")).styled(Style())
    assert style.colors_of(left.result)[1] == style.colors_of(right.result)[0] != cat[0]


async def test_a_drawing_that_ends_late_is_known_to_be_older_than_one_that_was_begun_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = CompareState(Answers(None, {"left": ANSWER, "right": ANSWER}, ("base", "large")), Layout.TWO)
    may_end = asyncio.Event()

    async def draw(*_: Any, **__: Any) -> Path:
        await may_end.wait()
        return Path("drawing.jpg")

    monkeypatch.setattr(views, "draw", draw)
    early = asyncio.create_task(views.drawings(state, None, Style()))
    await asyncio.sleep(0)
    may_end.set()
    late = await views.drawings(state, None, Style())
    assert all(old.number < new.number for old, new in zip(await early, late, strict=True))
