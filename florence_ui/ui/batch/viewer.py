"""One picture of many in large, over the page."""

import asyncio
from pathlib import Path

import gradio as gr
from PIL import Image

from florence_ui import storage
from florence_ui.errors import FlorenceUIError
from florence_ui.inference.batch import Item, reopen
from florence_ui.inference.drawing import draw
from florence_ui.rendering.view import WHOLE
from florence_ui.ui.batch.panel import BatchPanel
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.views import answer_note
from florence_ui.ui.components.drawing import DrawingValue
from florence_ui.ui.components.notice import error_notice
from florence_ui.ui.components.stage import StageValue
from florence_ui.ui.components.viewer_bar import ViewerValue
from florence_ui.ui.explore import answer_view, stage_view
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import EXPLORE, Page, queued
from florence_ui.ui.updates import Inputs, Updates, fill_form, merge_updates, read_view, tab_state

GROUP = "viewer"


def wire_viewer(page: Page, panel: BatchPanel) -> None:
    """Connect the viewer's events."""
    known = {page.session, *page.style.controls}

    async def open_one(inputs: Inputs, event: gr.EventData) -> Updates:
        state, index = tab_state(page, inputs, BatchState), getattr(event, "index", None)
        if not isinstance(index, int) or not 0 <= index < len(state.items):
            return {}
        state.viewed, state.opened, state.view = state.items[index], state.opened + 1, None
        return await view_updates(page, panel, inputs)

    async def step(inputs: Inputs, event: gr.EventData) -> Updates:
        state, by = tab_state(page, inputs, BatchState), getattr(event, "by", 1)
        shown = state.shown
        if not shown:
            return {}
        at = shown.index(state.viewed) if state.viewed in shown else 0
        state.viewed, state.view = shown[(at + (by if by in (1, -1) else 0)) % len(shown)], None
        return await view_updates(page, panel, inputs)

    async def see(inputs: Inputs, event: gr.EventData) -> Updates:
        tab_state(page, inputs, BatchState).view = read_view(event)
        return {panel.drawing: await drawing_value(page, panel, inputs)}

    async def explore(inputs: Inputs) -> Updates:
        return await open_in_explore(page, panel, inputs)

    panel.viewer.explore(explore, page.answer_fields, [*page.all_parts, page.modes, panel.notice], **queued())
    panel.sheet.open(open_one, known, panel.viewed, **queued())
    panel.viewer.step(step, known, panel.viewed, **queued())
    panel.stage.view(see, known, panel.drawing, **queued(trigger_mode="always_last"))


async def view_updates(page: Page, panel: BatchPanel, inputs: Inputs) -> Updates:
    """The picture that is open, with its answer, or with the reason that it has none."""
    state = tab_state(page, inputs, BatchState)
    item = state.viewed
    if item is None:
        return {}
    place = f"{state.shown.index(item) + 1} of {len(state.shown)}" if item in state.shown else ""
    words = ", ".join(part for part in (answer_note(item), place) if part)
    bar = ViewerValue(opened=state.opened, title=item.name, words=words, explores=item.analysis is not None)
    return {panel.viewer: bar, panel.stage: await stage_value(page, state, item, page.style.read(inputs).palette)}


async def stage_value(page: Page, state: BatchState, item: Item, palette: str) -> StageValue:
    """A picture on the stage of the viewer."""
    own = {"group": GROUP, "actions": []}
    if item.result is None:
        reason = FlorenceUIError(item.reason or "This picture has no answer yet.")
        size = await asyncio.to_thread(size_of, item.thumbnail)
        value = stage_view.failed(item.thumbnail, size, reason)
    else:
        shown = item.thumbnail or (await reopen(item, page.services.image_limits)).picture.path
        value = stage_view.answered(item.result, shown, (), palette, answer_name(state, item))
    return value.model_copy(update=own)


def size_of(path: Path | None) -> tuple[int, int]:
    """(width, height) of one of our pictures; blocks."""
    try:
        with Image.open(path or "") as image:
            return image.size
    except OSError:
        return 4, 3


def answer_name(state: BatchState, item: Item) -> str:
    """The name that a picture's answer and its drawing share."""
    return f"picture-{state.items.index(item)}" if item in state.items else ""


async def drawing_value(page: Page, panel: BatchPanel, inputs: Inputs) -> DrawingValue:
    """The answer drawn for what the viewer shows now."""
    state = tab_state(page, inputs, BatchState)
    item, none = state.viewed, DrawingValue(group=GROUP)
    if item is None or item.result is None:
        return none
    try:
        analysis = await reopen(item, page.services.image_limits)
        path = await draw(analysis, page.style.read(inputs), view=state.view)
    except FlorenceUIError:
        return none
    view = state.view.box if state.view else WHOLE
    return DrawingValue(image=as_file_data(path), view=view, answer=answer_name(state, item), group=GROUP)


async def open_in_explore(page: Page, panel: BatchPanel, inputs: Inputs) -> Updates:
    """Explore with the picture that is open, and its answer; the model is not asked again."""
    state, session = tab_state(page, inputs, BatchState), inputs[page.session]
    item, question = state.viewed, state.question
    if item is None or question is None:
        return {}
    try:
        analysis = await reopen(item, page.services.image_limits)
        shown = await asyncio.to_thread(storage.write, analysis.picture.jpeg, ".jpg", stem="picture")
        session.put_picture(analysis.picture, shown)
        await answer_view.make_thumbnail(session, session.add_run(question, analysis, shown))
        updates = await answer_view.answer_updates(page, inputs, question)
    except FlorenceUIError as error:
        return {panel.notice: error_notice(error)}
    explore: Updates = {page.modes: gr.Tabs(selected=EXPLORE)}
    return merge_updates(fill_form(page, session, question), updates, explore)
