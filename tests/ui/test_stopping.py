"""Stop is visible for as long as a run lasts: every update includes it, as a browser may skip some."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import gradio as gr
import pytest
from workbench import picture_in, workbench

from florence_ui.inference.per_object import Action
from florence_ui.ui.explore import chains_panel, object_panel
from florence_ui.ui.explore.run_events import stoppable_run
from florence_ui.ui.layout import Page, lay_out
from florence_ui.visitors.service import Services
from florence_ui.visitors.session import PageSession

pytestmark = pytest.mark.anyio


@pytest.fixture
def page() -> Iterator[Page]:
    """The page's parts, in front of a scripted server."""
    with workbench() as (_, pipeline), gr.Blocks():
        yield lay_out(Services.of(pipeline.settings), [])


def given_to(page: Page, folder: Path) -> dict:
    """What an event is given when a picture is on the page and nothing else was touched."""
    picture = picture_in(folder)
    session = PageSession()
    session.put_picture(picture, picture.path)
    fields = [*page.question_fields, *page.style.controls]
    return {field: field.value for field in fields} | {page.session: session, page.ask.model: "florence-2-base"}


async def stops_while(events: AsyncIterator[dict], stage: gr.HTML, stop: gr.Button) -> list[bool]:
    """For every busy look of the stage, whether Stop came with it."""
    return [
        event.get(stop, {}).get("visible") is True
        async for event in events
        if getattr(event.get(stage), "state", "") == "busy"
    ]


async def test_every_word_of_a_run_brings_stop(page, tmp_path):
    events = stoppable_run(page).events(given_to(page, tmp_path))
    came = await stops_while(events, page.answer.stage, page.ask.stop)
    assert len(came) >= 2
    assert all(came)


async def test_every_word_about_objects_brings_stop(page, tmp_path):
    inputs, panel = given_to(page, tmp_path), object_panel.lay_out()
    async for _ in stoppable_run(page).events(inputs):
        pass
    inputs[panel.choice] = object_panel.ObjectSelection()
    events = object_panel.stoppable_action(page, panel, Action.DESCRIBE).events(inputs)
    came = await stops_while(events, page.answer.stage, panel.stop)
    assert len(came) == 4, "before the first of three objects, and after each"
    assert all(came)


async def test_every_word_of_a_chain_brings_stop(page, tmp_path):
    inputs, panel = given_to(page, tmp_path), chains_panel.lay_out()
    inputs |= {panel.going: chains_panel.ChainProgress(), panel.chain: "caption-ground"}
    events = chains_panel.stoppable_chain(page, panel).events(inputs)
    came = await stops_while(events, page.answer.stage, panel.stop)
    assert len(came) >= 2
    assert all(came)
