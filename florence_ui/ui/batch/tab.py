"""Many pictures: one question about up to 200 files, with progress, Stop, continuation, and retries of failures."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.hosting.visitor_files import upload_path
from florence_ui.inference.batch import Batch, Item, ItemState
from florence_ui.inference.batch_overview import Only, Order, Selection
from florence_ui.tasks import InputKind, get_task
from florence_ui.ui.batch.downloads import wire_download
from florence_ui.ui.batch.panel import BatchPanel, lay_out
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.viewer import wire_viewer
from florence_ui.ui.batch.views import run_label, sheet_value, table_rows, totals_value
from florence_ui.ui.components.drawer_bar import DrawerValue
from florence_ui.ui.components.notice import NoticeValue, error_notice
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates, read_question, tab_state
from florence_ui.visitors.multi_call import batch_turn, max_concurrency

MODE = "many-pictures"
"""The tab's id."""
ENTER = "() => window.florencePage.enter('batch')"


def build_batch_tab(page: Page, tab: gr.Tab) -> None:
    """Lay out the mode and connect its events."""
    panel = lay_out(page)
    known = {*page.question_fields, *page.style.controls}

    async def enter(inputs: Inputs) -> AsyncGenerator[Updates]:
        tab_state(page, inputs, BatchState).asked = question_key(page, inputs)
        yield progress_updates(page, panel, inputs)
        async for updates in stream_thumbnails(page, panel, inputs):
            yield updates

    tab.select(None, js=ENTER)
    tab.select(enter, known, panel.shown, **queued())
    wire_pictures(page, panel)
    wire_selection(page, panel)
    wire_questions(page, panel)
    wire_viewer(page, panel)
    for name, button in panel.buttons.items():
        wire_download(page, panel, name, button)


def wire_pictures(page: Page, panel: BatchPanel) -> None:
    """Connect what adds and removes pictures."""
    known = {page.session, *page.style.controls}

    async def add(inputs: Inputs, event: gr.EventData) -> AsyncGenerator[Updates]:
        async for updates in stream_pictures(page, panel, inputs, getattr(event, "files", None)):
            yield updates

    def remove(inputs: Inputs, event: gr.EventData) -> Updates:
        remove_picture(tab_state(page, inputs, BatchState), getattr(event, "index", None))
        return progress_updates(page, panel, inputs)

    async def take(inputs: Inputs, event: gr.EventData) -> AsyncGenerator[Updates]:
        async for updates in stream_pictures(page, panel, inputs, getattr(event, "files", None)):
            yield {**updates, page.modes: gr.Tabs(selected=MODE)}

    panel.sheet.pictures(add, known, panel.shown, **queued())
    page.stage.pictures(take, known, [*panel.shown, page.modes], **queued())
    panel.sheet.remove(remove, known, panel.shown, **queued())


def wire_selection(page: Page, panel: BatchPanel) -> None:
    """Connect filters and order."""
    known = {page.session, *page.style.controls}

    def see(inputs: Inputs, **change: Any) -> Updates:
        state = tab_state(page, inputs, BatchState)
        state.selection = replace(state.selection, **change)
        return selection_updates(page, panel, inputs)

    def only(inputs: Inputs, event: gr.EventData) -> Updates:
        name = getattr(event, "name", "")
        kind = Only(name) if name in [*Only] and name != Only.CLASS else Only.ALL
        return see(inputs, only=kind, label="")

    def only_class(inputs: Inputs, event: gr.EventData) -> Updates:
        label = getattr(event, "label", None)
        return see(inputs, only=Only.CLASS if label else Only.ALL, label=str(label or ""))

    def order(inputs: Inputs, event: gr.EventData) -> Updates:
        name = getattr(event, "name", "")
        return see(inputs, order=Order(name) if name in [*Order] else Order.AS_CHOSEN)

    panel.sheet.only(only, known, panel.seen, **unqueued())
    panel.sheet.order(order, known, panel.seen, **unqueued())
    panel.totals.select(only_class, known, panel.seen, **unqueued())


def wire_questions(page: Page, panel: BatchPanel) -> None:
    """Connect Run, Stop, Retry, and what changes their words."""
    dock, header = page.dock, page.header
    fields = {*page.question_fields, *page.style.controls}

    def look(inputs: Inputs) -> Updates:
        return progress_updates(page, panel, inputs)

    def ask_anew(inputs: Inputs) -> Updates:
        state = tab_state(page, inputs, BatchState)
        state.asked = question_key(page, inputs)
        shown = progress_updates(page, panel, inputs)
        return {component: shown[component] for component in (panel.run, panel.retry)}

    def again(inputs: Inputs) -> AsyncGenerator[Updates]:
        if batch := tab_state(page, inputs, BatchState).batch:
            batch.retry_failed()
        return stream_batch(page, panel, inputs)

    def stopped(inputs: Inputs) -> Updates:
        tab_state(page, inputs, BatchState).going = False
        return progress_updates(page, panel, inputs)

    changed = [dock.task.input, dock.phrase.blur, dock.prompt.blur, dock.classes.input, dock.model.input]
    gr.on([*changed, header.backend.input], ask_anew, fields, [panel.run, panel.retry], **unqueued())
    first = stoppable_batch(page, panel)
    starts = {panel.run.click: first.events, panel.retry.click: replace(first, stream=again).events}
    wire_run(starts, [panel.stop], stopped, fields, panel.shown)
    panel.timer.tick(look, {page.session, *page.style.controls}, panel.shown, **unqueued())


async def stream_pictures(page: Page, panel: BatchPanel, inputs: Inputs, files: object) -> AsyncGenerator[Updates]:
    """Add pictures, and show them."""
    state = tab_state(page, inputs, BatchState)
    try:
        add_pictures(state, files if isinstance(files, list) else [])
    except FlorenceUIError as error:
        yield {**progress_updates(page, panel, inputs), panel.notice: error_notice(error)}
        return
    page.services.visits.touch(inputs[page.session].visit)
    yield {**progress_updates(page, panel, inputs), panel.notice: NoticeValue()}
    async for updates in stream_thumbnails(page, panel, inputs):
        yield updates


async def stream_thumbnails(page: Page, panel: BatchPanel, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Show the missing thumbnails as they are made."""
    batch = tab_state(page, inputs, BatchState).batch
    if batch is None:
        return
    async with aclosing(batch.make_thumbnails(page.services.image_limits)) as made:
        async for _ in made:
            yield selection_updates(page, panel, inputs)


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
    added.items = [*state.items, *(Item(path, path.name) for path in paths)]
    added.question = state.batch.question if state.batch else ()
    state.batch = added


def remove_picture(state: BatchState, index: object) -> None:
    """Remove a picture, or all with the index -1."""
    if state.going or state.batch is None or not isinstance(index, int) or not -1 <= index < len(state.items):
        return
    if index < 0 or len(state.items) == 1:
        state.batch, state.selection = None, Selection()
        return
    del state.batch.items[index]


def stoppable_batch(page: Page, panel: BatchPanel) -> StoppableRun:
    """The run that a click on Run starts."""

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        tab_state(page, inputs, BatchState).going = False
        return {**progress_updates(page, panel, inputs), panel.notice: error_notice(error)}

    return StoppableRun(lambda inputs: stream_batch(page, panel, inputs), dict, failed)


async def stream_batch(page: Page, panel: BatchPanel, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Ask about every waiting picture; the timer reports the progress."""
    state, services = tab_state(page, inputs, BatchState), page.services
    if state.batch is None:
        raise InputError("There are no pictures yet.", "Choose some first.", field="pictures")
    question = read_question(page, inputs)
    if get_task(question.token).input_kind is InputKind.REGION:
        raise InputError("A region belongs to one picture.", "Choose another task for many.", field="task")
    template = services.template(question, key=inputs[page.header.key] or "", nano_stands_in=True)
    state.asked = question_key(page, inputs)
    state.batch.ask(state.asked)
    state.question = question
    state.going, state.waits_for = True, ""
    yield {**progress_updates(page, panel, inputs), panel.notice: NoticeValue()}
    going = state.batch.run(
        services.pipeline.analyze,
        template,
        max_concurrency=max_concurrency(services, template),
        limits=services.image_limits,
        style=page.style.read(inputs),
        turn=batch_turn(services, state.batch, template, lambda words: setattr(state, "waits_for", words)),
    )
    async with aclosing(going):
        async for _ in going:
            state.waits_for = ""
    state.going = False
    services.visits.touch(inputs[page.session].visit)
    yield progress_updates(page, panel, inputs)


def question_key(page: Page, inputs: Inputs) -> tuple[str, ...]:
    """A key that is equal for equal questions, regardless of fields that the task does not need; no API key in it."""
    question = read_question(page, inputs)
    return question.token, question.prompt, question.model_id, question.backend


def selection_updates(page: Page, panel: BatchPanel, inputs: Inputs) -> Updates:
    """The pictures that are shown, and the totals."""
    state = tab_state(page, inputs, BatchState)
    return {panel.sheet: sheet_value(state), panel.totals: totals_value(state, page.style.read(inputs).palette)}


def progress_updates(page: Page, panel: BatchPanel, inputs: Inputs) -> Updates:
    """The progress of the run."""
    state = tab_state(page, inputs, BatchState)
    batch = state.batch
    has_failures = any(item.state is ItemState.FAILED for item in state.items)
    can_retry = batch is not None and has_failures and not state.going and batch.question == state.asked
    return {
        **selection_updates(page, panel, inputs),
        panel.table: gr.update(value=table_rows(state)),
        panel.drawers: DrawerValue(answered=bool(batch and batch.ended)),
        panel.run: gr.update(value=run_label(state), visible=not state.going),
        panel.stop: gr.update(visible=state.going),
        panel.retry: gr.update(visible=can_retry),
        panel.timer: gr.Timer(active=state.going),
    }
