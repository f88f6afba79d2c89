"""What is done on the stage and with its answer; the browser's values are not trusted."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from ui.scripted_page import scripted_page
from workbench import answering, picture_in

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.errors import InputError
from florence_ui.inference.gallery import load_examples
from florence_ui.inference.request import Analysis
from florence_ui.models import BASE
from florence_ui.rendering.colors import PALETTES
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import View
from florence_ui.results.result import Result
from florence_ui.tasks import TASKS
from florence_ui.ui.explore import answer_view
from florence_ui.ui.explore.picture_events import reopen_run, set_picture, take_picture
from florence_ui.ui.explore.run_events import stoppable_run
from florence_ui.ui.explore.stage_events import MAX_NOTES, note_of, read_place, read_region, show_only, stream_action
from florence_ui.ui.explore.style_events import filter_answer, show_style
from florence_ui.ui.layout import Page
from florence_ui.ui.updates import read_question
from florence_ui.visitors import service
from florence_ui.visitors.runs import Place
from florence_ui.visitors.session import PageSession

pytestmark = pytest.mark.anyio

WHOLE = {"bboxes": [[30, 30, 240, 180], [0, 0, 600, 300]], "labels": ["car", "scene"]}


@pytest.fixture
def scripted() -> Iterator[tuple[ScriptedBackend, Page]]:
    """A server that finds a car, and the whole picture as a scene, and the page in front of it with all examples."""
    with scripted_page(load_examples(), answer=answering({"<OD>": WHOLE})) as both:
        yield both


@pytest.fixture
async def inputs(page: Page, tmp_path: Path) -> dict:
    """What an event is given once an answer is on the stage."""
    picture, session = picture_in(tmp_path), PageSession()
    session.put_picture(picture, picture.path)
    values = {field: field.value for field in page.answer_fields}
    given = values | {page.session: session, page.dock.task: "<OD>", page.dock.model: "florence-2-base"}
    async for _ in stoppable_run(page).events(given):
        pass
    return given


@pytest.mark.parametrize(
    "box",
    [
        pytest.param(None, id="none"),
        pytest.param("0,0,1,1", id="text"),
        pytest.param([0, 0, 1], id="three-numbers"),
        pytest.param([0, 0, 2, 2], id="outside"),
        pytest.param([0.5, 0.5, 0.5, 0.9], id="without-area"),
        pytest.param([float("nan")] * 4, id="no-numbers"),
        pytest.param([{}, [], "x", None], id="anything"),
    ],
)
async def test_a_region_that_is_none_is_no_region(box: object) -> None:
    assert read_region(box) is None


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(SimpleNamespace(), id="empty"),
        pytest.param(SimpleNamespace(action="describe", index=99), id="no-such-object"),
        pytest.param(SimpleNamespace(action="describe", index="0"), id="index-as-text"),
        pytest.param(SimpleNamespace(action=["describe"], index=0), id="no-action"),
        pytest.param(SimpleNamespace(action="format the disk", index=0), id="no-such-action"),
        pytest.param(SimpleNamespace(action="describe", region=[0, 0, 9, 9]), id="no-region"),
    ],
)
async def test_an_impossible_place_is_refused(page: Page, inputs: dict, event: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="nothing to ask about"):
        await anext(stream_action(page, inputs, event))
    assert inputs[page.session].notes == {}


def test_a_caveat_stands_apart_from_the_answer_in_a_note(tmp_path: Path) -> None:
    result = Result(TASKS["<CAPTION>"], "<CAPTION>", (4, 3), text="A cow.", warnings=("Perhaps not.",))
    note = note_of(Analysis(result, BASE, "local", "localhost:9001", 0.1, picture=picture_in(tmp_path)))
    assert (note.text, note.caveat) == ("A cow.", "Perhaps not.")


@pytest.mark.parametrize(
    ("task", "info"),
    [pytest.param("<OD>", "If none is ticked: box.", id="boxes"), pytest.param("<CAPTION>", "", id="nothing-to-draw")],
)
async def test_the_style_says_what_is_drawn_when_nothing_is_ticked(
    task: str, info: str, page: Page, inputs: dict
) -> None:
    inputs[page.dock.task] = task
    updates = [update async for update in stoppable_run(page).events(inputs)]
    assert updates[-1][page.side.style.annotators]["info"] == info


async def test_notes_are_bounded_and_the_oldest_go_first(page: Page, inputs: dict) -> None:
    for k in range(MAX_NOTES + 3):
        event = SimpleNamespace(action="cut", region=[0, 0, 0.5, (k + 1) / 100])
        async for _ in stream_action(page, inputs, event):
            pass
    notes = inputs[page.session].notes
    assert len(notes) == MAX_NOTES
    assert Place("cut", region=(0, 0, 0.5, 0.01)) not in notes
    assert read_place(event) in notes


@pytest.mark.parametrize(
    ("hidden", "left"),
    [
        pytest.param([0], {1}, id="one"),
        pytest.param([0, 99, -1, "1", None], {1}, id="with-others-that-are-none"),
        pytest.param([], {0, 1}, id="none"),
    ],
)
async def test_objects_are_hidden_and_shown(page: Page, inputs: dict, hidden: list, left: set) -> None:
    updates = await show_only(page, inputs, hidden)
    assert {k for k, item in enumerate(updates[page.stage].items) if item.shown} == left
    assert updates[page.drawing].answer == updates[page.stage].answer


@pytest.mark.parametrize("hidden", [None, "01", {"0": 1}, 7])
async def test_a_list_of_hidden_objects_that_is_none_changes_nothing(page: Page, inputs: dict, hidden: object) -> None:
    assert await show_only(page, inputs, hidden) == {}


async def test_a_filter_hides_what_it_removes_and_says_so_and_shows_it_again(page: Page, inputs: dict) -> None:
    run = inputs[page.session].run
    run.hidden = frozenset({0})
    updates = await filter_answer(page, inputs | {page.style.filters: ["whole_image"]})
    assert run.hidden == {0, 1}
    assert len(updates[page.style.filter_notice].messages) == 1
    assert len(updates[page.side.table]["value"]) == 1
    await filter_answer(page, inputs | {page.style.filters: []})
    assert run.hidden == {0}, "what was hidden by hand stays hidden"


async def test_a_new_answer_comes_without_what_the_filters_leave_out(page: Page, inputs: dict) -> None:
    updates = [each async for each in stoppable_run(page).events(inputs | {page.style.filters: ["whole_image"]})]
    assert [item.shown for item in updates[-1][page.stage].items] == [True, False]


async def test_a_style_without_other_colors_sends_no_outlines_again(page: Page, inputs: dict) -> None:
    thick = await show_style(page, inputs | {page.style.thickness: 3})
    assert page.stage not in thick
    assert thick[page.drawing].image
    result, other = inputs[page.session].run.analysis.result, next(name for name in PALETTES if name != Style.palette)
    recolored = await show_style(page, inputs | {page.style.palette: other})
    assert recolored[page.stage].items[0].color == Style(palette=other).colors_of(result)[0]


async def test_an_answer_is_drawn_for_what_the_browser_shows(page: Page, inputs: dict) -> None:
    session: PageSession = inputs[page.session]
    session.view = View(size=(300, 300), box=(0.25, 0.0, 0.75, 1.0))
    drawing = await answer_view.draw(session, page.style.read(inputs))
    assert drawing.view == (0.25, 0.0, 0.75, 1.0)
    session.run = None
    bare = await answer_view.draw(session, page.style.read(inputs))
    assert bare.answer == answer_view.stage_value(session, read_question(page, inputs)).answer


async def test_a_refused_picture_leaves_the_page_as_it_was(page: Page, inputs: dict) -> None:
    before = inputs[page.session].run
    updates = await take_picture(page, inputs, page.services.open_upload("/etc/passwd"))
    assert updates[page.picture_notice].messages[0].tone == "error"
    assert updates[page.stage].state == "done", "any value ends the stage's own waiting"
    assert inputs[page.session].run is before


async def test_a_file_that_is_not_a_picture_is_called_by_its_name(
    page: Page, inputs: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my notes.png").write_bytes(b"These are words.")
    monkeypatch.setattr(service, "upload_path", Path)
    updates = await take_picture(page, inputs, page.services.open_upload(str(tmp_path / "my notes.png")))
    words = updates[page.picture_notice].messages[0].text
    assert words == "my notes.png: This file is not a supported picture."


async def test_the_strip_marks_what_is_on_the_stage_also_after_going_back(page: Page, inputs: dict) -> None:
    session: PageSession = inputs[page.session]
    assert answer_view.film_value(page, session).current == "recent-0"
    example = next(k for k, each in enumerate(page.examples) if each.path)
    await set_picture(session, page.services.open_own(page.examples[example].path))
    assert answer_view.film_value(page, session).current == f"example-{example}"
    await reopen_run(page, inputs, 0)
    assert answer_view.film_value(page, session).current == "recent-0"


@pytest.mark.parametrize("index", [None, "0", 7, -1])
async def test_a_recent_answer_that_is_none_changes_nothing(page: Page, inputs: dict, index: object) -> None:
    assert await reopen_run(page, inputs, index) == {}


@pytest.mark.parametrize(
    "index", [pytest.param(True, id="true"), pytest.param("1", id="text"), pytest.param(1.0, id="number")]
)
def test_a_row_is_a_whole_number(index: object) -> None:
    """`True` would select every row."""
    event = gr.EventData(None, {"action": "describe", "index": index, "region": [0.1, 0.1, 0.9, 0.9]})
    assert read_place(event) == Place("describe", None, (0.1, 0.1, 0.9, 0.9))


async def test_a_picture_is_kept_among_the_recent_ones_before_it_is_asked_about(page: Page, tmp_path: Path) -> None:
    session = PageSession()
    given = {field: field.value for field in page.answer_fields} | {page.session: session, page.dock.task: "<OD>"}
    for name in ("mine.jpg", "other.jpg"):
        updates = await take_picture(page, given, page.services.open_own(picture_in(tmp_path, name=name).path))
    assert updates[page.film].current == "recent-0"
    shown = updates[page.film].recent[1].image
    updates = await reopen_run(page, given, 1)
    assert (session.source[0].name, updates[page.film].current) == ("mine.jpg", "recent-1")
    assert updates[page.stage].picture == shown
    async for _ in stoppable_run(page).events(given):
        pass
    assert [entry.source.name for entry in session.recent] == ["mine.jpg", "other.jpg"], "its answer takes its place"
    assert session.run is session.recent[0]
