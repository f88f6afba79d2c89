"""Many pictures: one question about up to 200 files, with progress, Stop, continuation, and retries of failures."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

import gradio as gr

from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.exports.formats import Options, export_batch
from florence_ui.exports.tables import escape_cell
from florence_ui.hosting.visitor_files import upload_path
from florence_ui.inference.batch import Batch, Item, ItemState, reopen
from florence_ui.inference.drawing import draw
from florence_ui.inference.request import Question
from florence_ui.ui import labels
from florence_ui.ui.batch.panel import NO_PICTURES, BatchPanel, BatchState, fit_form_to_task, lay_out
from florence_ui.ui.components.contact_sheet import ContactSheetValue, Frame
from florence_ui.ui.components.notice import Message, NoticeValue, error_notice, text_notice
from florence_ui.ui.explore import answer_view, result_view
from florence_ui.ui.explore.style_events import HAND_OVER
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates
from florence_ui.visitors.multi_call import batch_turn, max_concurrency
from florence_ui.visitors.quota_wording import format_duration

REVEAL_CHOSEN = "window.florencePage.revealChosen"


def build_batch_tab(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and connect its events."""
    panel, dock, header = lay_out(), page.dock, page.header
    asked = {
        panel.state,
        panel.task,
        panel.text,
        panel.classes,
        dock.model,
        header.backend,
        header.key,
        *page.style.controls,
    }

    def take_files(inputs: Inputs) -> Updates:
        return {
            **set_files(inputs[panel.state], inputs[panel.files], panel),
            panel.chosen_panel: gr.update(visible=False),
        }

    def fit(inputs: Inputs) -> Updates:
        return fit_form_to_task(panel, inputs[panel.task])

    def ask_anew(inputs: Inputs) -> Updates:
        state: BatchState = inputs[panel.state]
        state.asked = question_key(page, panel, inputs)
        shown = progress_updates(panel, state)
        return {component: shown[component] for component in (panel.run, panel.retry)}

    def again(inputs: Inputs) -> AsyncGenerator[Updates]:
        if inputs[panel.state].batch is not None:
            inputs[panel.state].batch.retry_failed()
        return stream_batch(page, panel, inputs)

    def stopped(inputs: Inputs) -> Updates:
        inputs[panel.state].going = False
        return progress_updates(panel, inputs[panel.state])

    def look(inputs: Inputs) -> Updates:
        return progress_updates(panel, inputs[panel.state])

    async def open_one(inputs: Inputs, event: gr.EventData) -> Updates:
        return await open_picture(page, panel, inputs, getattr(event, "index", None))

    panel.files.change(take_files, {panel.state, panel.files}, [*panel.shown, panel.chosen_panel], **queued())
    panel.task.input(fit, {panel.task}, [panel.text, panel.classes], **unqueued())
    words = {panel.state, panel.task, panel.text, panel.classes, dock.model, header.backend}
    changed = [panel.task.input, panel.text.blur, panel.classes.input, dock.model.input, header.backend.input]
    gr.on(changed, ask_anew, words, [panel.run, panel.retry], **unqueued())
    first = stoppable_batch(page, panel)
    starts = {panel.run.click: first.events, panel.retry.click: replace(first, stream=again).events}
    wire_run(starts, [panel.stop], stopped, asked, panel.shown)
    panel.timer.tick(look, {panel.state}, panel.shown, **unqueued())
    chosen = panel.contact_sheet.select(open_one, {panel.state, *page.style.controls}, panel.chosen, **queued())
    chosen.then(None, js=REVEAL_CHOSEN)
    for name, button in panel.buttons.items():
        wire_download(page, panel, name, button)


def set_files(state: BatchState, files: Sequence[str] | None, panel: BatchPanel) -> Updates:
    """Take a new set of pictures; those present before keep their answers."""
    before, known = state.batch, defaultdict(list)
    for item in before.items if before else ():
        known[item.path].append(item)
    try:
        paths = [upload_path(path) for path in files or ()]
        state.batch = Batch.of(paths) if paths else None
    except FlorenceUIError as error:
        state.batch = None
        return {**progress_updates(panel, state), panel.notice: error_notice(error)}
    if state.batch is not None and before is not None:
        state.batch.items = [known[item.path].pop(0) if known[item.path] else item for item in state.batch.items]
        state.batch.question = before.question
    state.current = -1
    return {**progress_updates(panel, state), panel.notice: text_notice("" if state.batch else NO_PICTURES)}


def stoppable_batch(page: Page, panel: BatchPanel) -> StoppableRun:
    """The run that a click on Run all starts."""

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        inputs[panel.state].going = False
        return {**progress_updates(panel, inputs[panel.state]), panel.notice: error_notice(error)}

    return StoppableRun(lambda inputs: stream_batch(page, panel, inputs), dict, failed)


async def stream_batch(page: Page, panel: BatchPanel, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Ask about every waiting picture; the timer reports the progress."""
    state, services = inputs[panel.state], page.services
    if state.batch is None:
        raise InputError("There are no pictures yet.", "Choose some first.", field="pictures")
    question = read_batch_question(page, panel, inputs)
    template = services.template(question, key=inputs[page.header.key], nano_stands_in=True)
    state.asked = question_key(page, panel, inputs)
    state.batch.ask(state.asked)
    state.going, state.words = True, ""
    yield {**progress_updates(panel, state), panel.notice: NoticeValue()}
    going = state.batch.run(
        services.pipeline.analyze,
        template,
        max_concurrency=max_concurrency(services, template),
        limits=services.image_limits,
        style=page.style.read(inputs),
        turn=batch_turn(services, state.batch, template, lambda words: setattr(state, "words", words)),
    )
    async with aclosing(going):
        async for _ in going:
            state.words = ""
    state.going = False
    yield progress_updates(panel, state)


def read_batch_question(page: Page, panel: BatchPanel, inputs: Inputs) -> Question:
    """The question in the fields, unchecked."""
    return Question(
        token=inputs[panel.task],
        text=inputs[panel.text] or "",
        classes=tuple(inputs[panel.classes] or ()),
        model_id=labels.model_id_of(inputs[page.dock.model]),
        backend=inputs[page.header.backend],
    )


def question_key(page: Page, panel: BatchPanel, inputs: Inputs) -> tuple[str, ...]:
    """A key that is equal for equal questions, regardless of fields that the task does not need; no API key in it."""
    question = read_batch_question(page, panel, inputs)
    return question.token, question.prompt, question.model_id, question.backend


def progress_updates(panel: BatchPanel, state: BatchState) -> Updates:
    """The progress of the run."""
    batch = state.batch
    failed = [item for item in batch.items if item.state is ItemState.FAILED] if batch else []
    reasons = [[escape_cell(item.name), escape_cell(item.reason)] for item in failed]
    return {
        panel.run: gr.update(value=run_label(state), interactive=batch is not None, visible=not state.going),
        panel.stop: gr.update(visible=state.going),
        panel.retry: gr.update(
            visible=batch is not None and bool(failed) and not state.going and batch.question == state.asked
        ),
        panel.contact_sheet: contact_sheet(state),
        panel.failures: gr.update(visible=bool(failed), value=reasons),
        panel.download: gr.update(visible=bool(batch and batch.done)),
        panel.timer: gr.Timer(active=state.going),
    }


def run_label(state: BatchState) -> str:
    """A sentence about what Run would do; another question starts over."""
    batch = state.batch
    if batch is None or not batch.ended or batch.question != state.asked:
        return "Run all"
    left = len(batch.items) - batch.ended  # not the waiting ones: right after Stop some are still being requeued
    return f"Continue with {left}" if left else "Run all again"


def contact_sheet(state: BatchState) -> ContactSheetValue:
    """Every picture with its state."""
    if state.batch is None:
        return ContactSheetValue()
    batch = state.batch
    return ContactSheetValue(
        frames=[frame(state, item) for item in batch.items],
        current=state.current,
        part=batch.ended / len(batch.items),
        words=progress_text(state, batch),
    )


def frame(state: BatchState, item: Item) -> Frame:
    """One picture on the sheet."""
    note = item_note(item) if item.state is ItemState.DONE else item.reason
    shown = ItemState.WAITING if item.state is ItemState.RUNNING and not state.going else item.state
    return Frame(name=item.name, state=shown.value, note=note, image=as_file_data(item.preview or item.thumbnail))


def item_note(item: Item) -> str:
    """A finished picture's answer in a few words."""
    if item.result is None:
        return ""
    count = len(item.result.detections)
    return f"{count} found" if count or not item.result.text else item.result.text


def progress_text(state: BatchState, batch: Batch) -> str:
    """The progress in a sentence."""
    done, failed, total = batch.count(ItemState.DONE), batch.count(ItemState.FAILED), len(batch.items)
    parts = [
        f"{done} of {total} done" if batch.ended or state.going else f"{total} pictures" if total > 1 else "1 picture"
    ]
    parts += [f"{failed} failed"] if failed else []
    left = batch.seconds_left()
    if state.going and left:
        parts.append(f"about {format_duration(left)} left")
    if not state.going and 0 < batch.ended < total:
        parts.append("stopped")
    return ", ".join(parts) + "." + (f" {state.words}" if state.words else "")


async def open_picture(page: Page, panel: BatchPanel, inputs: Inputs, index: object) -> Updates:
    """One of the pictures with its answer, or with the reason that it has none."""
    state: BatchState = inputs[panel.state]
    if state.batch is None or not isinstance(index, int) or not 0 <= index < len(state.batch.items):
        return {}
    item, state.current = state.batch.items[index], index
    updates: Updates = {
        panel.contact_sheet: contact_sheet(state),
        panel.meta: NoticeValue(),
        panel.chosen_panel: gr.update(visible=True),
    }
    if item.state is ItemState.FAILED or item.analysis is None:
        return updates | {panel.stage: result_view.failed(None, FlorenceUIError(item.name, item.reason))}
    try:
        analysis, style = await reopen(item, page.services.image_limits), page.style.read(inputs)
        path = await draw(analysis, style)
    except FlorenceUIError as error:
        return updates | {panel.stage: result_view.failed(None, error)}
    lines = [
        Message(text=f"{item.name} · {answer_view.source_text(page, analysis)}"),
        *answer_view.warning_messages(analysis, analysis.picture.path),
    ]
    stage = result_view.answered(analysis.result, path, (), style.palette)
    return updates | {panel.stage: stage, panel.meta: NoticeValue(messages=lines)}


def wire_download(page: Page, panel: BatchPanel, name: str, button: gr.Button) -> None:
    """Connect one download of all finished pictures."""

    async def make(inputs: Inputs) -> Updates:
        options = Options(page.services.image_limits, page.style.read(inputs), (inputs[panel.validation] or 0) / 100)
        try:
            export = await draw_pool.run(export_batch, name, inputs[panel.state].batch, options)
        except FlorenceUIError as error:
            return {page.download.handover: None, panel.notice: error_notice(error)}
        left_out = NoticeValue(messages=[Message(text=note) for note in export.notes])
        return {page.download.handover: str(export.path), panel.notice: left_out}

    needed = {panel.state, panel.validation, *page.style.controls}
    made = button.click(make, needed, [page.download.handover, panel.notice], **queued())
    made.success(None, js=HAND_OVER)
