"""Compare while the fields change."""

from collections.abc import Iterator
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image
from workbench import picture_in, workbench

from florence_ui.backends.model_status import ServerStatus
from florence_ui.settings import Settings
from florence_ui.ui import labels
from florence_ui.ui.compare.downloads import ComparisonFile
from florence_ui.ui.compare.tab import CompareTab
from florence_ui.ui.components.verdict_bar import Layout
from florence_ui.ui.explore.picture_events import set_picture
from florence_ui.ui.layout import Page, Tab
from florence_ui.visitors.service import Services
from florence_ui.visitors.session import PageSession

pytestmark = pytest.mark.anyio


@cache
def laid_out() -> CompareTab:
    """The tab, made once: see `scripted_page`."""
    made: list[CompareTab] = []
    with gr.Blocks():
        services = Services.of(Settings(backend="local", start_server=False))
        Page(services, (), [Tab("Compare", lambda page, tab: made.append(CompareTab(page, tab)))])
    return made[0]


@pytest.fixture
def tab() -> Iterator[CompareTab]:
    """The tab, in front of a scripted server."""
    with workbench() as (_, pipeline):
        tab = copy(laid_out())
        tab.page = copy(tab.page)
        tab.page.services = Services.of(pipeline.settings)
        yield tab


@pytest.fixture
async def inputs(tab: CompareTab, tmp_path: Path) -> dict[Any, Any]:
    """What the fields hold: the same question to two models, about a picture."""
    page = tab.page
    given = {field: field.value for field in [*page.question_fields, *page.style.controls, *tab.choosers]}
    left, right = (side.model for side in tab.sides.values())
    given |= {page.session: PageSession(), page.dock.task: "<OD>", left: "one/1", right: "two/2"}
    await set_picture(given[page.session], page.services.open_own(picture_in(tmp_path).path))
    tab.choose(given)
    return given


async def test_an_answer_that_comes_after_the_task_has_changed_is_marked_as_one_that_was_there(
    tab: CompareTab, inputs: dict[Any, Any]
) -> None:
    changed = inputs | {tab.page.dock.task: "<CAPTION>"}
    meanwhile = [(each, tab.follow_dock(changed)) async for each in tab.stream_comparison(inputs)]
    stage = meanwhile[-1][0][tab.stages[0]]
    assert tab.stages[0] not in meanwhile[1][1], "what runs stays on the stage"
    assert (stage.state, stage.title) == ("stale", "From the last comparison: Find objects.")
    assert tab.follow_dock(inputs)[tab.stages[0]].state == "done"
    assert tab.follow_dock(changed)[tab.stages[0]] == stage


async def test_a_side_chosen_before_the_server_has_said_what_it_can_answer_stays_chosen(
    tab: CompareTab, inputs: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab.state(inputs).choice, pipeline = None, tab.page.services.pipeline
    ask_status = pipeline.status

    async def status(backend: str) -> ServerStatus:
        tab.choose(inputs)
        return await ask_status(backend)

    monkeypatch.setattr(pipeline, "status", status)
    assert await tab.open_mode(inputs) == {}


async def test_compare_pressed_while_the_mode_opens_asks_two_different_questions(
    tab: CompareTab, inputs: dict[Any, Any]
) -> None:
    state = tab.state(inputs)
    state.choice = state.asked = None
    untouched = inputs | {side.model: labels.AUTOMATIC for side in tab.sides.values()}
    shown = [each async for each in tab.stream_comparison(untouched)]
    assert state.answers
    left, right = state.answers.subject.questions
    assert left != right
    assert {*tab.choosers} & {*shown[0]}, "the page shows whom it asks"


@pytest.mark.parametrize(
    ("layout", "columns"),
    [
        pytest.param(Layout.ONE, 1, id="one-picture"),
        pytest.param(Layout.TWO, 2, id="side-by-side"),
        pytest.param(Layout.SLIDER, 2, id="slider"),
    ],
)
async def test_the_picture_to_take_away_has_what_is_on_the_page(
    tab: CompareTab, inputs: dict[Any, Any], layout: Layout, columns: int
) -> None:
    async for _ in tab.stream_comparison(inputs):
        pass
    tab.state(inputs).layout = layout
    path, _ = await tab.write(ComparisonFile.PICTURE, inputs)
    with Image.open(path) as drawn:
        assert drawn.width // 600 == columns
        assert 300 < drawn.height < 400, "the names are below"
        thick, _ = await tab.write(ComparisonFile.PICTURE, inputs | {tab.page.style.thickness: 4})
        assert (thick.read_bytes() == path.read_bytes()) == (layout is Layout.ONE), (
            "each side has the style that is set"
        )


async def test_an_answer_about_another_picture_than_the_one_on_the_page_is_not_shown(
    tab: CompareTab, inputs: dict[Any, Any], tmp_path: Path
) -> None:
    session = inputs[tab.page.session]
    other = picture_in(tmp_path, name="other.jpg").path
    coming = tab.stream_comparison(inputs)
    await anext(coming)
    await set_picture(session, tab.page.services.open_own(other))
    stage = [updates async for updates in coming][-1][tab.stages[0]]
    assert (stage.state, Path(stage.picture.path)) == ("ready", session.shown)
    assert tab.state(inputs).answers is None
