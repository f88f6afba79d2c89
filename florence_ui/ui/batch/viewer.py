"""One picture of many in large, over the page."""

import asyncio
from pathlib import Path

import gradio as gr
from PIL import Image

from florence_ui import storage
from florence_ui.errors import FlorenceUIError
from florence_ui.inference.batch import Item, reopen
from florence_ui.inference.drawing import draw
from florence_ui.rendering.style import Style
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.views import answer_note
from florence_ui.ui.components.contact_sheet import ContactSheet
from florence_ui.ui.components.drawing import Drawing, DrawingValue
from florence_ui.ui.components.notice import Notice, error_notice
from florence_ui.ui.components.stage import Stage, StageValue
from florence_ui.ui.components.viewer_bar import ViewerBar, ViewerValue
from florence_ui.ui.explore import answer_view, stage_view
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import EXPLORE, Page, queued
from florence_ui.ui.updates import Inputs, Updates, fill_form, merge_updates, read_view, tab_state

GROUP = "viewer"


class Viewer:
    """The viewer's parts, with their events."""

    def __init__(self, page: Page) -> None:
        self.page = page
        with gr.Column(elem_id="viewer"):
            self.bar = ViewerBar(elem_id="viewer-bar", label="Picture in large")
            with gr.Column(elem_id="viewer-canvas"):
                self.stage = Stage(elem_id="batch-stage", label="Picture in large")
            self.drawing = Drawing(elem_id="batch-drawing", label="Drawing")

    def wire(self, sheet: ContactSheet, notice: Notice) -> None:
        """Connect the viewer with the sheet from which it is opened; its failures go to the notice."""
        page, known, parts = self.page, {self.page.session, *self.page.style.controls}, [self.bar, self.stage]

        async def explore(inputs: Inputs) -> Updates:
            try:
                return await self.open_in_explore(inputs)
            except FlorenceUIError as error:
                return {notice: error_notice(error)}

        self.bar.explore(explore, page.answer_fields, [*page.all_parts, page.modes, notice], **queued())
        sheet.open(self.open_one, known, parts, **queued())
        self.bar.step(self.step, known, parts, **queued())
        self.stage.view(self.look, known, self.drawing, **queued(trigger_mode="always_last"))

    async def open_one(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Open a picture of the sheet."""
        state, index = tab_state(self.page, inputs, BatchState), getattr(event, "index", None)
        if not isinstance(index, int) or not 0 <= index < len(state.items):
            return {}
        state.opened += 1
        return await self.show(inputs, state.items[index])

    async def step(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Open the previous or the next picture of those that are shown."""
        state, by = tab_state(self.page, inputs, BatchState), getattr(event, "by", 1)
        shown = state.shown
        if not shown:
            return {}
        at = shown.index(state.viewed) if state.viewed in shown else 0
        return await self.show(inputs, shown[(at + (by if by in (1, -1) else 0)) % len(shown)])

    async def show(self, inputs: Inputs, item: Item) -> Updates:
        """Show a picture with its answer, or with the reason that it has none."""
        state, style = tab_state(self.page, inputs, BatchState), self.page.style.read(inputs)
        state.viewed, state.view = item, None
        place = f"{state.shown.index(item) + 1} of {len(state.shown)}" if item in state.shown else ""
        words = ", ".join(part for part in (answer_note(item), place) if part)
        bar = ViewerValue(opened=state.opened, title=item.name, words=words, explores=item.analysis is not None)
        return {self.bar: bar, self.stage: await stage_value(self.page, state, item, style)}

    async def look(self, inputs: Inputs, event: gr.EventData) -> DrawingValue:
        """The answer drawn for what the viewer shows now."""
        state, limits = tab_state(self.page, inputs, BatchState), self.page.services.image_limits
        state.view = read_view(event)
        item, none = state.viewed, DrawingValue(group=GROUP)
        if item is None or item.result is None:
            return none
        style = state.styled(self.page.style.read(inputs))
        try:
            path = await draw(await reopen(item, limits), style, view=state.view)
        except FlorenceUIError:
            return none
        name = answer_name(state, item)
        return DrawingValue(image=as_file_data(path), view=state.view.box, answer=name, group=GROUP)

    async def open_in_explore(self, inputs: Inputs) -> Updates:
        """Explore with the picture that is open, and its answer; the model is not asked again.

        Raises:
            FlorenceUIError: If the picture is gone, or a file cannot be written.
        """
        page, state, session = self.page, tab_state(self.page, inputs, BatchState), inputs[self.page.session]
        item, question = state.viewed, state.question
        if item is None or question is None:
            return {}
        analysis = await reopen(item, page.services.image_limits)
        shown = await asyncio.to_thread(storage.write, analysis.picture.jpeg, ".jpg", stem="picture")
        session.put_picture(analysis.picture, shown)
        await answer_view.make_thumbnail(session, session.add_run(question, analysis, shown))
        updates = await answer_view.answer_updates(page, inputs, question)
        return merge_updates(fill_form(page, session, question), updates, {page.modes: gr.Tabs(selected=EXPLORE)})


async def stage_value(page: Page, state: BatchState, item: Item, style: Style) -> StageValue:
    """A picture on the stage of the viewer."""
    if item.result is None:
        reason = FlorenceUIError(item.reason or "This picture has no answer yet.")
        size = await asyncio.to_thread(size_of, item.thumbnail)
        return stage_view.failed(item.thumbnail, size, reason, group=GROUP)
    shown = item.thumbnail or (await reopen(item, page.services.image_limits)).picture.path
    value = stage_view.answered(item.result, shown, (), state.styled(style), answer_name(state, item))
    return value.model_copy(update={"group": GROUP, "actions": []})


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
