"""Stop is visible for as long as a run lasts: every update includes it, as a browser may skip some."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from workbench import picture_in

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.ui.explore.next_steps import NextStep
from florence_ui.ui.explore.run_events import stop_run, stoppable_run
from florence_ui.ui.explore.stage_events import stream_action
from florence_ui.ui.explore.then_events import stoppable_step
from florence_ui.ui.layout import Page
from florence_ui.ui.stoppable_run import until
from florence_ui.visitors.runs import Place
from florence_ui.visitors.session import PageSession

pytestmark = pytest.mark.anyio


def given_to(page: Page, folder: Path) -> dict:
    """What an event is given when a picture is on the page and nothing else was touched."""
    picture, session = picture_in(folder), PageSession()
    session.put_picture(picture, picture.path)
    values = {field: field.value for field in page.answer_fields}
    return values | {page.session: session, page.dock.task: "<OD>", page.dock.model: "florence-2-base"}


async def all_of(events: AsyncIterator[dict]) -> list[dict]:
    return [event async for event in events]


async def stops_while(events: AsyncIterator[dict], page: Page) -> list[bool]:
    """For every busy look of the stage, whether Stop came with it."""
    return [
        event.get(page.dock.stop, {}).get("visible") is True
        async for event in events
        if getattr(event.get(page.stage), "state", "") == "busy"
    ]


async def test_every_word_of_a_run_brings_stop(page: Page, tmp_path: Path) -> None:
    came = await stops_while(stoppable_run(page).events(given_to(page, tmp_path)), page)
    assert len(came) >= 2
    assert all(came)


async def test_every_word_about_objects_brings_stop(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    await all_of(stoppable_run(page).events(inputs))
    came = await stops_while(stoppable_step(page, NextStep.DESCRIBE).events(inputs), page)
    assert len(came) == 4, "before the first of three objects, and after each"
    assert all(came)


async def test_after_stop_the_objects_that_were_answered_keep_their_answers(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    await all_of(stoppable_run(page).events(inputs))
    events = stoppable_step(page, NextStep.DESCRIBE).events(inputs)
    for _ in range(2):  # before the first object, and after it
        await anext(events)
    await events.aclose()
    updates = await stop_run(page, inputs)
    names = [group.name for group in updates[page.side.answer_list].groups]
    assert sum(": " in name for name in names) == 1
    assert updates[page.stage].title == "Stopped."
    assert updates[page.dock.run]["visible"] is True


async def test_it_is_said_that_a_run_was_stopped_until_the_next_one(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    await anext(stoppable_run(page).events(inputs))
    assert (await stop_run(page, inputs))[page.stage].title == "Stopped."
    assert (await all_of(stoppable_run(page).events(inputs)))[-1][page.stage].title == ""


async def test_the_answer_about_an_object_becomes_a_note_and_never_its_label(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    await all_of(stoppable_run(page).events(inputs))
    before = inputs[page.session].run.analysis.result.labels
    updates = await all_of(stream_action(page, inputs, SimpleNamespace(action="describe", index=0)))
    notes = [[(note.index, note.state, note.text) for note in each[page.stage].notes] for each in updates]
    assert notes[0] == [(0, "busy", "")]
    assert notes[-1] == [(0, "done", "a red car")]
    assert inputs[page.session].run.analysis.result.labels == before


async def test_an_object_that_is_segmented_gets_an_outline_in_the_same_answer(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    await all_of(stoppable_run(page).events(inputs))
    name = inputs[page.session].run.name
    updates = await all_of(stream_action(page, inputs, SimpleNamespace(action="segment", index=1)))
    assert updates[-1][page.stage].answer == name
    assert [bool(parts) for parts in inputs[page.session].run.analysis.result.polygons] == [False, True, False]
    assert inputs[page.session].notes == {}


async def test_a_region_can_be_asked_about_before_there_is_an_answer(page: Page, tmp_path: Path) -> None:
    inputs, region = given_to(page, tmp_path), [0.1, 0.1, 0.5, 0.5]
    updates = await all_of(stream_action(page, inputs, SimpleNamespace(action="name", region=region)))
    assert [note.text for note in updates[-1][page.stage].notes] == ["car"]
    assert Place("name", region=tuple(region)) in inputs[page.session].notes


async def test_a_cut_out_can_be_saved_and_asks_no_model(backend: ScriptedBackend, page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    updates = await all_of(stream_action(page, inputs, SimpleNamespace(action="cut", region=[0.1, 0.1, 0.5, 0.5])))
    note = updates[-1][page.stage].notes[0]
    assert note.file.path.endswith(".png")
    assert backend.count == 0


async def test_a_run_ends_when_the_page_gets_another_picture(page: Page, tmp_path: Path) -> None:
    session = PageSession()
    ended: list[bool] = []

    async def endless() -> AsyncGenerator[dict]:
        try:
            yield {}
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    seen = []
    async for updates in until(session.left, endless()):
        seen.append(updates)
        picture = picture_in(tmp_path)
        session.put_picture(picture, picture.path)
    assert seen == [{}]
    assert ended == [True]
