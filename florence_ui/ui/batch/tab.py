"""Many pictures: one question about up to 200 files, with progress, Stop, continuation, and retries of failures."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.exports.formats import Options, export_batch
from florence_ui.hosting.visitor_files import upload_path
from florence_ui.inference.batch import Batch, Item, ItemState
from florence_ui.inference.batch_overview import Only, Order, Selection
from florence_ui.tasks import InputKind, get_task
from florence_ui.ui.batch.panel import BatchPanel
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.views import run_label, sheet_value, table_rows, totals_value
from florence_ui.ui.components.drawer_bar import DrawerValue
from florence_ui.ui.components.notice import NoticeValue, error_notice
from florence_ui.ui.downloads import offer, wire_download
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates, read_question, tab_state
from florence_ui.visitors.multi_call import batch_turn, max_concurrency

MODE = "many-pictures"
"""The tab's id."""
ENTER = "() => window.florencePage.enter('batch')"


class BatchTab(BatchPanel):
    """The parts of Many pictures with their events."""

    def __init__(self, page: Page, tab: gr.Tab) -> None:
        super().__init__(page)
        fields = {*page.question_fields, *page.style.controls}
        known: set[Block] = {page.session, *page.style.controls}
        tab.select(None, js=ENTER)
        tab.select(self.enter, fields, self.shown, **queued())
        self.sheet.pictures(self.add, known, self.shown, **queued())
        page.stage.pictures(self.take, known, [*self.shown, page.modes], **queued())
        self.sheet.remove(self.remove, known, self.shown, **queued())
        self.sheet.only(self.show_only, known, self.seen, **unqueued())
        self.sheet.order(self.reorder, known, self.seen, **unqueued())
        self.totals.select(self.show_class, known, self.seen, **unqueued())
        self.wire_questions(fields)
        self.timer.tick(self.show_progress, known, self.shown, **unqueued())
        self.viewer.wire(self.sheet, self.notice)
        for name, button in self.downloads.items():
            wire_download(page, button, partial(self.write, name), {*known, self.validation}, self.notice)

    def wire_questions(self, fields: set[Block]) -> None:
        """Connect Run, Stop, Retry, and what changes their words."""
        dock = self.page.dock
        asks = [dock.task.input, dock.phrase.blur, dock.prompt.blur, dock.classes.input, dock.model.input]
        asks.append(self.page.header.backend.input)
        gr.on(asks, self.ask_anew, fields, [self.run, self.retry, self.sheet], **unqueued())
        first = StoppableRun(self.stream_batch, dict, self.show_failure)
        starts = {self.run.click: first.events, self.retry.click: replace(first, stream=self.stream_again).events}
        wire_run(starts, self.stop, self.show_stopped, fields, self.shown)

    def state(self, inputs: Inputs) -> BatchState:
        """The visitor's pictures."""
        return tab_state(self.page, inputs, BatchState)

    def question_key(self, inputs: Inputs) -> tuple[str, ...]:
        """A key that is equal for equal questions, whatever is in other fields; no API key in it."""
        question = read_question(self.page, inputs)
        return question.token, question.prompt, question.model_id, question.backend

    async def enter(self, inputs: Inputs) -> AsyncGenerator[Updates]:
        """The mode as it opens."""
        self.state(inputs).asked = self.question_key(inputs)
        yield self.show_progress(inputs)
        async for updates in self.stream_thumbnails(inputs):
            yield updates

    async def add(self, inputs: Inputs, event: gr.EventData) -> AsyncGenerator[Updates]:
        """Add pictures, and show them."""
        state, files = self.state(inputs), getattr(event, "files", None)
        try:
            add_pictures(state, files if isinstance(files, list) else [])
        except FlorenceUIError as error:
            yield {**self.show_progress(inputs), self.notice: error_notice(error)}
            return
        self.page.services.visits.touch(inputs[self.page.session].visit)
        yield {**self.show_progress(inputs), self.notice: NoticeValue()}
        async for updates in self.stream_thumbnails(inputs):
            yield updates

    async def take(self, inputs: Inputs, event: gr.EventData) -> AsyncGenerator[Updates]:
        """Add pictures that came to the stage of Explore, and open this mode."""
        async for updates in self.add(inputs, event):
            yield {**updates, self.page.modes: gr.Tabs(selected=MODE)}

    async def stream_thumbnails(self, inputs: Inputs) -> AsyncGenerator[Updates]:
        """Show the missing thumbnails as they are made, and at last how many pictures can be asked about."""
        batch = self.state(inputs).batch
        if batch is None:
            return
        unreadable = batch.count(ItemState.UNREADABLE)
        async with aclosing(batch.make_thumbnails(self.page.services.image_limits)) as made:
            async for _ in made:
                yield self.show_selection(inputs)
        if batch.count(ItemState.UNREADABLE) != unreadable:
            yield self.show_progress(inputs)

    def remove(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Remove a picture, or all."""
        remove_picture(self.state(inputs), getattr(event, "index", None))
        return self.show_progress(inputs)

    def show_only(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Filter the pictures by their state."""
        name = getattr(event, "name", "")
        kind = Only(name) if name in [*Only] and name != Only.CLASS else Only.ALL
        return self.select(inputs, only=kind, label="")

    def show_class(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Filter the pictures by a class that was found."""
        label = getattr(event, "label", None)
        return self.select(inputs, only=Only.CLASS if label else Only.ALL, label=str(label or ""))

    def reorder(self, inputs: Inputs, event: gr.EventData) -> Updates:
        """Put the pictures in another order."""
        name = getattr(event, "name", "")
        return self.select(inputs, order=Order(name) if name in [*Order] else Order.AS_CHOSEN)

    def select(self, inputs: Inputs, **change: Any) -> Updates:
        """Change which pictures are shown."""
        state = self.state(inputs)
        state.selection = replace(state.selection, **change)
        return self.show_selection(inputs)

    def ask_anew(self, inputs: Inputs) -> Updates:
        """The buttons, and what the answers are to, after the question has changed."""
        self.state(inputs).asked = self.question_key(inputs)
        shown = self.show_progress(inputs)
        return {component: shown[component] for component in (self.run, self.retry, self.sheet)}

    async def stream_batch(self, inputs: Inputs) -> AsyncGenerator[Updates]:
        """Ask about every waiting picture; the timer reports the progress."""
        state, services = self.state(inputs), self.page.services
        if state.batch is None or not state.batch.count_asked:
            raise InputError("There are no pictures yet.", "Choose some first.", field="pictures")
        question = read_question(self.page, inputs)
        if get_task(question.token).input_kind is InputKind.REGION:
            raise InputError("A region belongs to one picture.", "Choose another task for many.", field="task")
        template = services.template(question, key=inputs[self.page.header.key] or "", nano_stands_in=True)
        state.asked = self.question_key(inputs)
        state.batch.ask(state.asked)
        state.question = question
        state.going, state.waits_for = True, ""
        yield {**self.show_progress(inputs), self.notice: NoticeValue()}
        going = state.batch.run(
            services.pipeline.analyze,
            template,
            max_concurrency=max_concurrency(services, template),
            limits=services.image_limits,
            style=self.page.style.read(inputs),
            turn=batch_turn(services, state.batch, template, lambda words: setattr(state, "waits_for", words)),
        )
        async with aclosing(going):
            async for _ in going:
                state.waits_for = ""
                services.visits.touch(inputs[self.page.session].visit)
        state.going = False
        yield self.show_progress(inputs)

    def stream_again(self, inputs: Inputs) -> AsyncGenerator[Updates]:
        """Ask about the failed pictures, too."""
        if batch := self.state(inputs).batch:
            batch.retry_failed()
        return self.stream_batch(inputs)

    def show_stopped(self, inputs: Inputs) -> Updates:
        """The mode after Stop."""
        self.state(inputs).going = False
        return self.show_progress(inputs)

    def show_failure(self, inputs: Inputs, error: FlorenceUIError) -> Updates:
        """The mode after a run that failed."""
        return {**self.show_stopped(inputs), self.notice: error_notice(error)}

    def show_selection(self, inputs: Inputs) -> Updates:
        """The pictures that are shown, and the totals."""
        state, style = self.state(inputs), self.page.style.read(inputs)
        return {
            self.sheet: sheet_value(state),
            self.totals: totals_value(state, style),
            self.table: gr.update(value=table_rows(state)),
        }

    def show_progress(self, inputs: Inputs) -> Updates:
        """The progress of the run."""
        state = self.state(inputs)
        batch = state.batch
        has_failures = any(item.state is ItemState.FAILED for item in state.items)
        can_retry = batch is not None and has_failures and not state.going and batch.question == state.asked
        return {
            **self.show_selection(inputs),
            self.drawers: DrawerValue(answered=bool(batch and batch.ended)),
            **offer(self.downloads, [item.result for item in state.items if item.result]),
            self.run: gr.update(value=run_label(state), visible=not state.going),
            self.stop: gr.update(visible=state.going),
            self.retry: gr.update(visible=can_retry),
            self.timer: gr.Timer(active=state.going),
        }

    async def write(self, name: str, inputs: Inputs) -> tuple[Path, Sequence[str]]:
        """Write the answers to a file of that format; return it with what it leaves out.

        Raises:
            FlorenceUIError: If there is no answer, or the file cannot be written.
        """
        page, share = self.page, (inputs[self.validation] or 0) / 100
        options = Options(page.services.image_limits, page.style.read(inputs), share)
        export = await draw_pool.run(export_batch, name, self.state(inputs).batch, options)
        return export.path, export.notes


def add_pictures(state: BatchState, files: Sequence[object]) -> None:
    """Add uploads to the pictures; those that are there keep their answers.

    Raises:
        InputError: If there are too many, or one is no upload of this app.
    """
    if state.going:
        return
    paths = [upload_path(file.get("path") if isinstance(file, dict) else None) for file in files]
    if not paths:
        return
    added = Batch.of([*(item.path for item in state.items if item.path), *paths])
    state.batch = replace(state.batch or added, items=[*state.items, *(Item(path, path.name) for path in paths)])


def remove_picture(state: BatchState, index: object) -> None:
    """Remove a picture, or all with the index -1."""
    if state.going or state.batch is None or not isinstance(index, int) or not -1 <= index < len(state.items):
        return
    if index < 0 or len(state.items) == 1:
        state.batch, state.selection = None, Selection()
        return
    del state.batch.items[index]
