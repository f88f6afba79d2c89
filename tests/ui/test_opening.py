"""How the page opens: on a recorded answer, with what a link says, or with the visit that the tab had."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from faults import refused_url
from ui.scripted_page import scripted_page
from workbench import picture_in

from florence_ui.backends.model_status import ServerState, ServerStatus
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.inference.gallery import load_examples
from florence_ui.inference.recordings import Recordings
from florence_ui.models import BASE, NANO
from florence_ui.rendering.style import Style
from florence_ui.ui import labels
from florence_ui.ui.explore import setup_events
from florence_ui.ui.explore.opening import open_page
from florence_ui.ui.explore.picture_events import take_example
from florence_ui.ui.explore.run_events import stoppable_run
from florence_ui.ui.layout import Page
from florence_ui.ui.updates import keep_visit
from florence_ui.visitors.session import PageSession

pytestmark = pytest.mark.anyio

EXAMPLES = load_examples()
KEY = "rf_SecretSecretSecret"
UNREACHABLE = {"state": "unavailable", "reason": "The Hugging Face Hub cannot be reached."}


@pytest.fixture
def scripted() -> Iterator[tuple[ScriptedBackend, Page]]:
    """A scripted server, and the page in front of it with all examples."""
    with scripted_page(EXAMPLES) as both:
        yield both


def blank(page: Page, **more: Any) -> dict:
    """What the page's first event is given."""
    values = {field: field.value for field in page.answer_fields}
    own = {page.session: PageSession(), page.remembered: None, page.visit: "", page.dock.task: "<OD>"}
    return values | own | {getattr(page, name): value for name, value in more.items()}


async def opened(page: Page, query: Mapping[str, str] = {}, **more: Any) -> tuple[PageSession, dict]:
    """A page that was just opened, and what came to it."""
    updates = await open_page(page, blank(page, **more), query)
    return updates[page.session], updates


def index_of(stem: str) -> int:
    return next(k for k, example in enumerate(EXAMPLES) if example.path and example.path.stem == stem)


async def test_a_first_visit_shows_a_recorded_answer_and_asks_nothing(page: Page, backend: ScriptedBackend) -> None:
    session, updates = await opened(page)
    assert updates[page.stage].state == "done"
    assert updates[page.stage].items
    assert updates[page.stage].inviting
    assert "recorded" in updates[page.side.answer_list].source
    assert session.run.analysis.recorded
    assert not session.recent
    assert backend.count == 0


@pytest.mark.parametrize(
    ("base", "hint"),
    [
        pytest.param({}, labels.NANO_HINT, id="not-known"),
        pytest.param(UNREACHABLE, "Florence-2-base is not downloaded yet and the Hugging Face Hub", id="not-available"),
    ],
)
async def test_base_is_advised_for_photographs_unless_it_is_not_available(
    page: Page, monkeypatch: pytest.MonkeyPatch, base: dict, hint: str
) -> None:
    async def status(backend: str) -> ServerStatus:
        return ServerStatus(ServerState.READY, "", models={BASE: base})

    monkeypatch.setattr(page.services.pipeline, "status", status)
    _, updates = await opened(page)
    assert updates[page.side.warnings].messages[-1].hint.startswith(hint)


async def test_without_recordings_the_first_picture_waits_for_its_question(page: Page) -> None:
    page.services.recordings.__init__()
    session, updates = await opened(page)
    assert updates[page.stage].state == "ready"
    assert session.source[0] == EXAMPLES[0].path


async def test_a_link_opens_its_example_with_the_recorded_answer_to_its_question(page: Page) -> None:
    session, updates = await opened(page, {"example": "farm", "task": "<CAPTION>"})
    assert session.source[0].stem == "farm"
    assert session.run.question.token == "<CAPTION>"
    assert updates[page.dock.task].token == "<CAPTION>"


async def test_a_link_with_a_question_that_was_not_recorded_shows_no_answer(page: Page) -> None:
    query = {"example": "farm", "task": "<CAPTION_TO_PHRASE_GROUNDING>", "text": "a green cow"}
    session, updates = await opened(page, query)
    assert session.run is None
    assert updates[page.stage].state == "ready"


async def test_another_model_than_the_recorded_one_does_not_get_its_answer(page: Page) -> None:
    session, _ = await opened(page, {"example": "park", "task": "<OD>", "model": "florence-2-large"})
    assert session.run is None


async def test_whoever_comes_back_gets_a_picture_for_the_task_that_is_remembered(page: Page) -> None:
    session, updates = await opened(page, remembered={"task": "<OCR_WITH_REGION>"})
    assert session.source[0].stem == "street"
    assert session.run.question.token == "<OCR_WITH_REGION>"
    assert updates[page.stage].items


@pytest.mark.parametrize("stem", ["party", "coffee"], ids=["recorded", "not-recorded"])
async def test_an_example_shows_its_recorded_answer_else_it_is_asked(page: Page, stem: str) -> None:
    session, _ = await opened(page)
    updates = await take_example(page, blank(page, session=session), index_of(stem))
    recorded = stem == "party"
    assert (session.run is not None) is recorded
    assert (updates.get(page.asked) is None) is recorded
    assert updates[page.stage].state == ("done" if recorded else "ready")


async def test_a_photograph_that_only_nano_would_answer_waits_for_run(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def choose_model(*_: object, **__: object) -> str:
        return NANO

    monkeypatch.setattr(page.services.pipeline, "choose_model", choose_model)
    session, _ = await opened(page)
    updates = await take_example(page, blank(page, session=session), index_of("coffee"))
    assert page.asked not in updates
    assert updates[page.dock.task].token == EXAMPLES[index_of("coffee")].token


async def test_a_recording_that_cannot_be_read_is_no_reason_to_fail(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = Recordings.load()
    for recording in shipped._recordings.values():
        for answer in recording.answers.values():
            answer.response.clear()
    page.services.recordings.__dict__.update(shipped.__dict__)
    session, updates = await opened(page)
    assert updates[page.stage].state == "ready"
    updates = await take_example(page, blank(page, session=session), index_of("party"))
    assert updates[page.asked]


async def test_a_page_that_is_loaded_again_is_as_it_was(page: Page, tmp_path: Path) -> None:
    session, updates = await opened(page)
    picture = picture_in(tmp_path)
    session.put_picture(picture, picture.path)
    fields = blank(page, session=session) | {
        page.dock.task: "<CAPTION_TO_PHRASE_GROUNDING>", page.dock.phrase: "the red car", page.style.thickness: 3,
    }  # fmt: skip
    keep_visit(page, fields)
    async for _ in stoppable_run(page).events(fields):
        pass
    again, shown = await opened(page, visit=updates[page.visit])
    assert again is not session
    assert again.source[0] == picture.path
    assert [run.question.text for run in again.recent] == ["the red car"]
    assert again.run is again.recent[0]
    assert shown[page.stage].state == "done"
    assert not shown[page.stage].inviting
    assert shown[page.dock.phrase]["value"] == "the red car"
    assert shown[page.style.thickness] == 3
    assert shown[page.visit] not in ("", updates[page.visit])


async def test_a_visit_whose_picture_has_aged_out_begins_anew(page: Page, tmp_path: Path) -> None:
    session, updates = await opened(page)
    picture = picture_in(tmp_path)
    session.source, session.shown = (picture.path, picture.limits), picture.path
    picture.path.unlink()
    again, shown = await opened(page, visit=updates[page.visit])
    assert again.source[0].stem == "park"
    assert shown[page.stage].state == "done"


async def test_another_link_in_the_same_tab_is_followed_and_the_same_one_is_not(page: Page) -> None:
    session, updates = await opened(page, {"example": "farm", "task": "<CAPTION>"})
    await take_example(page, blank(page, session=session), index_of("party"))
    again, _ = await opened(page, {"task": "<CAPTION>", "example": "farm"}, visit=updates[page.visit])
    assert again.source[0].stem == "party"
    other, _ = await opened(page, {"example": "beach", "task": "<CAPTION>"}, visit=updates[page.visit])
    assert other.source[0].stem == "beach"


@pytest.mark.parametrize("name", ["made-up", None, 7, ["x"]], ids=str)
async def test_a_name_that_the_server_did_not_make_begins_a_visit_of_its_own(page: Page, name: Any) -> None:
    session, updates = await opened(page, visit=name)
    assert session.run is not None
    assert updates[page.visit] != name


async def test_a_typed_key_is_nowhere_in_a_visit(page: Page, tmp_path: Path) -> None:
    session, _ = await opened(page)
    fields = blank(page, session=session) | {page.header.key: KEY, page.dock.phrase: "a dog"}
    keep_visit(page, fields)
    async for _ in stoppable_run(page).events(fields):
        pass
    assert session.recent
    kept = [visit.session for visit in page.services.visits._visits.values()]
    assert kept
    assert KEY not in repr([vars(each) for each in kept]) + repr([vars(run) for each in kept for run in each.recent])


async def test_the_style_that_was_set_comes_back_with_the_visit(page: Page) -> None:
    session, updates = await opened(page)
    session.style = Style(labels=False)
    _, shown = await opened(page, visit=updates[page.visit])
    assert shown[page.style.labels] is False


async def test_the_pill_is_green_only_after_an_answer_of_this_model(page: Page) -> None:
    async def tone(model: str) -> str:
        return (await setup_events.show_server_state(page, "local", model))[page.header.pill].tone

    assert await tone("florence-2-base") == "plain"
    session, _ = await opened(page)
    async for _ in stoppable_run(page).events(blank(page, session=session)):
        pass
    assert await tone("florence-2-base") == "good"
    assert await tone("florence-2-large") == "plain"
    page.services.pipeline.local.backend.__dict__["url"] = refused_url()
    page.services.pipeline.local.invalidate()  # it was seen a moment ago
    assert await tone("florence-2-base") == "error"


async def test_the_local_backend_is_watched_and_the_hosted_one_is_not(page: Page) -> None:
    for backend, watched in (("local", True), ("serverless", False)):
        updates = await setup_events.show_server_state(page, backend, "")
        assert updates[page.timer].active is watched
