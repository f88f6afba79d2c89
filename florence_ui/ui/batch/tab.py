"""Many pictures: one question over up to 200 files, with progress, Stop and continue, and failures tried again."""

import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import gradio as gr

from florence_ui import storage
from florence_ui.concurrency.fair_pool import drawing
from florence_ui.errors import FlorenceUIError, InputError, PromptError
from florence_ui.exports import batch_downloads
from florence_ui.exports.tables import cell
from florence_ui.hosting.uploads import uploaded
from florence_ui.identity import Visitor
from florence_ui.inference.batch import Batch, Item, ItemState, reopen
from florence_ui.inference.pipeline import Request, draw
from florence_ui.tasks import build_prompt, get_task
from florence_ui.ui import labels
from florence_ui.ui.batch.panel import NO_PICTURES, Many, ManyPanel, fitted, lay_out
from florence_ui.ui.components.contact_sheet import Frame, SheetValue
from florence_ui.ui.components.notice import Line, NoticeValue, say, say_error
from florence_ui.ui.explore import answer_view, stage_view
from florence_ui.ui.explore.run_events import UNEXPECTED
from florence_ui.ui.explore.style_events import HAND_OVER
from florence_ui.ui.file_data import handed_out
from florence_ui.ui.layout import Page, patient, quiet
from florence_ui.ui.updates import Given, Updates
from florence_ui.visitors.multi_call import batch_turn, max_concurrency
from florence_ui.visitors.quota import format_duration
from florence_ui.visitors.service import parse_key, visitor_of

log = logging.getLogger(__name__)

REVEAL = "() => window.florencePage.reveal('many-chosen')"


def build_many_tab(page: Page, tab: gr.Tab) -> None:
    """Lays the tab out and connects it."""
    panel, ask = lay_out(), page.ask
    asked = {panel.many, panel.task, panel.text, panel.classes, ask.model, ask.backend, ask.key, *page.style.controls}

    def take_files(given: Given) -> Updates:
        return {**took(given[panel.many], given[panel.files], panel), panel.chosen_panel: gr.update(visible=False)}

    def fit(given: Given) -> Updates:
        return fitted(panel, given[panel.task])

    def ask_anew(given: Given) -> Updates:
        many: Many = given[panel.many]
        many.asked = identity(page, panel, given)
        shown = progress(panel, many)
        return {component: shown[component] for component in (panel.run, panel.retry)}

    async def run(given: Given, request: gr.Request) -> AsyncIterator[Updates]:
        async for updates in work(page, panel, given, visitor_of(request, page.services.settings)):
            yield updates

    async def again(given: Given, request: gr.Request) -> AsyncIterator[Updates]:
        if given[panel.many].batch is not None:
            given[panel.many].batch.retry_failed()
        async for updates in run(given, request):
            yield updates

    def stopped(given: Given) -> Updates:
        given[panel.many].going = False
        return progress(panel, given[panel.many])

    def look(given: Given) -> Updates:
        return progress(panel, given[panel.many])

    async def open_one(given: Given, event: gr.EventData) -> Updates:
        return await opened(page, panel, given, event._data.get("index"))

    panel.files.change(take_files, {panel.many, panel.files}, [*panel.shown, panel.chosen_panel], **patient())
    panel.task.input(fit, {panel.task}, [panel.text, panel.classes], **quiet())
    words = {panel.many, panel.task, panel.text, panel.classes, ask.model, ask.backend}
    changed = [panel.task.input, panel.text.blur, panel.classes.input, ask.model.input, ask.backend.input]
    gr.on(changed, ask_anew, words, [panel.run, panel.retry], **quiet())
    running = [panel.run.click(run, asked, panel.shown, **patient())]
    running.append(panel.retry.click(again, asked, panel.shown, **patient()))
    panel.stop.click(stopped, {panel.many}, panel.shown, cancels=running, **quiet())
    panel.timer.tick(look, {panel.many}, panel.shown, **quiet())
    chosen = panel.sheet.select(open_one, {panel.many, *page.style.controls}, panel.chosen, **patient())
    chosen.then(None, js=REVEAL)
    for name, button in panel.buttons.items():
        wire_download(page, panel, name, button)


def took(many: Many, files: Sequence[str] | None, panel: ManyPanel) -> Updates:
    """A new set of pictures; those that were there already keep their answers."""
    before, known = many.batch, defaultdict(list)
    for item in before.items if before else ():
        known[item.path].append(item)
    try:
        paths = [uploaded(path) for path in files or ()]
        many.batch = Batch.of(paths) if paths else None
    except FlorenceUIError as error:
        many.batch = None
        return {**progress(panel, many), panel.notice: say_error(error)}
    if many.batch is not None and before is not None:
        many.batch.items = [known[item.path].pop(0) if known[item.path] else item for item in many.batch.items]
        many.batch.question = before.question
    many.current = -1
    return {**progress(panel, many), panel.notice: say("" if many.batch else NO_PICTURES)}


async def work(page: Page, panel: ManyPanel, given: Given, visitor: Visitor) -> AsyncIterator[Updates]:
    """Asks about every picture that waits; how far it has come is told by the timer."""
    many: Many = given[panel.many]
    try:
        template = question(page, panel, given)
        many.asked = identity(page, panel, given)
        many.batch.ask(many.asked)
        many.previews = {item: many.previews[item] for item in many.batch.items if item in many.previews}
        many.going, many.words = True, ""
        yield {**progress(panel, many), panel.notice: NoticeValue()}
        going = many.batch.run(
            page.services.pipeline.analyze,
            lambda picture: replace(template, picture=picture),
            max_concurrency=max_concurrency(page.services, template),
            limits=page.services.image_limits,
            style=page.style.read(given),
            turn=batch_turn(page.services, many.batch, template, visitor, lambda words: setattr(many, "words", words)),
        )
        async with contextlib.aclosing(going):
            async for _ in going:
                many.words = ""
        many.going = False
        yield progress(panel, many)
    except FlorenceUIError as error:
        many.going = False
        yield {**progress(panel, many), panel.notice: say_error(error)}
    except Exception:
        log.exception("The work over many pictures failed.")
        many.going = False
        yield {**progress(panel, many), panel.notice: say_error(UNEXPECTED)}


def question(page: Page, panel: ManyPanel, given: Given) -> Request:
    """What is asked about each picture; the picture itself is still to come.

    Raises:
        InputError: If something is missing.
    """
    if given[panel.many].batch is None:
        raise InputError("There are no pictures yet.", "Choose some first.", field="pictures")
    task, text, classes = get_task(given[panel.task]), given[panel.text] or "", tuple(given[panel.classes] or ())
    build_prompt(task, text=text, classes=classes)
    return Request(
        None,
        task,
        text=text,
        classes=classes,
        model_id=labels.model_id_of(given[page.ask.model]),
        backend=page.services.backend(given[page.ask.backend]).name,
        api_key=parse_key(given[page.ask.key]),
        nano_stands_in=True,
    )


def identity(page: Page, panel: ManyPanel, given: Given) -> tuple[str, ...]:
    """Equal for equal questions, whatever stands in fields that the task does not need; no key is in it."""
    task, text, classes = get_task(given[panel.task]), given[panel.text] or "", tuple(given[panel.classes] or ())
    try:
        prompt = build_prompt(task, text=text, classes=classes)
    except PromptError:
        prompt = ""
    return (task.token, prompt, labels.model_id_of(given[page.ask.model]), given[page.ask.backend])


def progress(panel: ManyPanel, many: Many) -> Updates:
    """How far the work has come."""
    batch = many.batch
    failed = [item for item in batch.items if item.state is ItemState.FAILED] if batch else []
    reasons = [[cell(item.name), cell(item.reason)] for item in failed]
    return {
        panel.run: gr.update(value=run_words(many), interactive=batch is not None, visible=not many.going),
        panel.stop: gr.update(visible=many.going),
        panel.retry: gr.update(visible=bool(failed) and not many.going and batch.question == many.asked),
        panel.sheet: sheet(many),
        panel.failures: gr.update(visible=bool(failed), value=reasons),
        panel.take: gr.update(visible=bool(batch and batch.done)),
        panel.timer: gr.Timer(active=many.going),
    }


def run_words(many: Many) -> str:
    """What Run would do; another question starts over."""
    batch = many.batch
    if batch is None or not batch.ended or batch.question != many.asked:
        return "Run all"
    left = len(batch.items) - batch.ended  # not those that wait: right after Stop some are still being let go
    return f"Continue with {left}" if left else "Run all again"


def sheet(many: Many) -> SheetValue:
    """Every picture with its state."""
    if many.batch is None:
        return SheetValue()
    batch = many.batch
    return SheetValue(
        frames=[frame(many, item) for item in batch.items],
        current=many.current,
        part=batch.ended / len(batch.items),
        words=words_about(many, batch),
    )


def frame(many: Many, item: Item) -> Frame:
    """One picture on the sheet."""
    if item.preview and item not in many.previews:
        many.previews[item] = storage.write(item.preview, ".jpg", stem="preview")
    note = said_of(item) if item.state is ItemState.DONE else item.reason
    state = ItemState.WAITING if item.state is ItemState.RUNNING and not many.going else item.state
    return Frame(name=item.name, state=state.value, note=note, image=handed_out(many.previews.get(item)))


def said_of(item: Item) -> str:
    """A finished picture in a word."""
    count = len(item.result.detections)
    return f"{count} found" if count or not item.result.text else item.result.text


def words_about(many: Many, batch: Batch) -> str:
    """The progress in a sentence."""
    done, failed, total = batch.count(ItemState.DONE), batch.count(ItemState.FAILED), len(batch.items)
    parts = [
        f"{done} of {total} done" if batch.ended or many.going else f"{total} pictures" if total > 1 else "1 picture"
    ]
    parts += [f"{failed} failed"] if failed else []
    left = batch.seconds_left()
    if many.going and left:
        parts.append(f"about {format_duration(left)} left")
    if not many.going and 0 < batch.ended < total:
        parts.append("stopped")
    return ", ".join(parts) + "." + (f" {many.words}" if many.words else "")


async def opened(page: Page, panel: ManyPanel, given: Given, index: object) -> Updates:
    """One of the pictures with its answer, or with the reason why it has none."""
    many: Many = given[panel.many]
    if many.batch is None or not isinstance(index, int) or not 0 <= index < len(many.batch.items):
        return {}
    item, many.current = many.batch.items[index], index
    updates: Updates = {
        panel.sheet: sheet(many),
        panel.meta: NoticeValue(),
        panel.chosen_panel: gr.update(visible=True),
    }
    if item.state is ItemState.FAILED or item.analysis is None:
        return updates | {panel.stage: stage_view.failed(None, FlorenceUIError(item.name, item.reason))}
    try:
        analysis, style = await reopen(item, page.services.image_limits), page.style.read(given)
        path = await draw(analysis, style)
    except FlorenceUIError as error:
        return updates | {panel.stage: stage_view.failed(None, error)}
    lines = [
        Line(text=f"{item.name} · {answer_view.meta(page, analysis)}"),
        *answer_view.warnings(analysis, analysis.picture.path),
    ]
    stage = stage_view.answered(item.result, path, (), style.palette)
    return updates | {panel.stage: stage, panel.meta: NoticeValue(lines=lines)}


def wire_download(page: Page, panel: ManyPanel, name: str, button: gr.Button) -> None:
    """Connects one download of all that is finished."""

    async def make(given: Given) -> Updates:
        options = batch_downloads.Options(
            page.services.image_limits, page.style.read(given), (given[panel.validation] or 0) / 100
        )
        try:
            export = await drawing.run(batch_downloads.make, name, given[panel.many].batch, options)
        except FlorenceUIError as error:
            return {page.take.handover: None, panel.notice: say_error(error)}
        left_out = NoticeValue(lines=[Line(text=note) for note in export.notes])
        return {page.take.handover: str(export.path), panel.notice: left_out}

    needed = {panel.many, panel.validation, *page.style.controls}
    made = button.click(make, needed, [page.take.handover, panel.notice], **patient())
    made.success(None, js=HAND_OVER)
