"""Run, Stop, and going back to what was run before."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import gradio as gr
from gradio.blocks import Block

from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.identity import Visitor
from florence_ui.inference.per_class import Strategy
from florence_ui.inference.pipeline import Analysis, Request
from florence_ui.tasks import InputKind, build_prompt, get_task
from florence_ui.ui.components.notice import NoticeValue, error_notice
from florence_ui.ui.explore import answer_view, stage_view
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.updates import (
    Inputs,
    Updates,
    clear_answer,
    fill_form,
    fit_form_to_task,
    has_key,
    merge_updates,
    read_question,
)
from florence_ui.visitors.multi_call import OnStatus, find_classes_in_turn, with_status
from florence_ui.visitors.service import Services, parse_key, visitor_of
from florence_ui.visitors.session import PageSession, Question

log = logging.getLogger(__name__)

UNEXPECTED = FlorenceUIError("Something went wrong on this page.", "The error has been logged. Please try again.")
FIELDS = {"text": "input_notice", "classes": "input_notice", "region": "input_notice", "image": "picture_notice"}
"""Where an error about a field is said; the rest goes onto the stage."""


def wire(page: Page) -> None:
    """Connects Run, Stop and the recent runs."""
    ask, answer = page.ask, page.answer
    fields = {*page.question_fields, *page.style.controls}
    parts = [ask.run, ask.stop, ask.input_notice, ask.picture_notice, *page.answer_parts]

    async def run(inputs: Inputs, request: gr.Request) -> AsyncIterator[Updates]:
        async for updates in stream_run(page, inputs, request):
            yield updates

    def stopped(inputs: Inputs) -> Updates:
        return {**show_run(page), answer.stage: answer_view.stage_value(inputs[page.session], page.style.read(inputs))}

    async def go_back(inputs: Inputs, event: gr.EventData) -> Updates:
        return await reopen_run(page, inputs, getattr(event, "index", None))

    running = ask.run.click(run, fields, parts, **queued())
    ask.stop.click(stopped, fields, [ask.run, ask.stop, answer.stage], cancels=[running], **unqueued())
    page.recent.select(go_back, fields, reopen_parts(page), **queued())


def reopen_parts(page: Page) -> list[Block]:
    """What changes when an earlier run is shown again."""
    ask = page.ask
    parts = [ask.run, ask.stop, ask.input_notice, ask.picture_notice, *page.answer_parts, *page.question_parts]
    return [*dict.fromkeys([*parts, *page.filled_parts, ask.examples])]


async def stream_run(page: Page, inputs: Inputs, request: gr.Request) -> AsyncIterator[Updates]:
    """Everything that a run shows, from its first state to its answer or its failure."""
    session, style = inputs[page.session], page.style.read(inputs)
    question = read_question(page, inputs)
    picture = session.shown
    try:
        await session.make_ready()
        wanted = await asyncio.to_thread(asked, page, session, question, inputs[page.ask.key])
        working = show_stop(page)  # sent each time: of quick updates a browser may skip some, and Stop must be there
        yield {**working, page.answer.stage: stage_view.busy(picture, "Asking the model")}
        visitor = visitor_of(request, page.services.settings)
        going = states(lambda say: answer_of(page.services, question, wanted, visitor, say))
        async with contextlib.aclosing(going):
            async for state in going:
                if isinstance(state, str):
                    yield {**working, page.answer.stage: stage_view.busy(picture, state)}
                    continue
                answer = session.answered(question, state, picture)
                await answer_view.draw(session, answer, style)
                shown = answer_view.answer_updates if session.run is answer else answer_view.recent_updates
                yield merge_updates(show_run(page), shown(page, session, style))
    except FlorenceUIError as error:
        yield {**show_run(page), **show_error(page, session, error)}
    except Exception:
        log.exception("A run failed.")
        yield {**show_run(page), **show_failure(page, session, UNEXPECTED)}


async def answer_of(
    services: Services, question: Question, wanted: Request, visitor: Visitor, say: OnStatus
) -> Analysis:
    """The answer to a question: by one call, or by one a class where that was chosen."""
    if wanted.task.input_kind is InputKind.CLASSES and question.strategy is not Strategy.TOGETHER:
        return await find_classes_in_turn(services, wanted, question.strategy, visitor, say)
    return await services.run(wanted, visitor, say)


def asked(page: Page, session: PageSession, question: Question, key: str) -> Request:
    """The question as the model is asked it; blocks where the picture has to be decoded again.

    Raises:
        InputError: If something is missing.
    """
    picture = session.picture
    if picture is None:
        raise InputError("There is no picture yet.", "Add one or choose an example.", field="image")
    task = get_task(question.token)
    build_prompt(task, text=question.text, classes=question.classes, region=question.region)
    return Request(
        picture,
        task,
        text=question.text,
        classes=question.classes,
        region=question.region,
        model_id=question.model_id,
        backend=page.services.backend(question.backend).name,
        api_key=parse_key(key),
        example=session.from_examples,
        nano_stands_in=True,
    )


def states(start: Callable[[OnStatus], Awaitable[Analysis]]) -> AsyncIterator[str | Analysis]:
    """What a run says while it waits, and at last its answer; leaving the loop early ends the run."""

    async def answer(say: OnStatus) -> AsyncIterator[Analysis]:
        yield await start(say)

    return with_status(answer)


def show_stop(page: Page) -> Updates:
    """Stop in the place of Run."""
    ask = page.ask
    return {
        ask.run: gr.update(visible=False),
        ask.stop: gr.update(visible=True),
        ask.input_notice: NoticeValue(),
        ask.picture_notice: NoticeValue(),
    }


def show_run(page: Page) -> Updates:
    """Run in the place of Stop."""
    return {page.ask.run: gr.update(visible=True), page.ask.stop: gr.update(visible=False)}


def show_error(page: Page, session: PageSession, error: FlorenceUIError) -> Updates:
    """An error at its field, if it has one on the page, or in the place of the answer."""
    field = FIELDS.get(getattr(error, "field", ""))
    if field:
        return {getattr(page.ask, field): error_notice(error), page.answer.stage: answer_view.stage_value(session)}
    return show_failure(page, session, error)


def show_failure(page: Page, session: PageSession, error: FlorenceUIError) -> Updates:
    """Why there is no answer, and nothing of the one before, which stays among the recent runs."""
    session.run = None
    failed = stage_view.failed(session.shown, error)
    return {**clear_answer(page), page.answer.stage: failed, page.recent: answer_view.recent_thumbnails(session)}


async def reopen_run(page: Page, inputs: Inputs, index: object) -> Updates:
    """An earlier answer with its picture and question, as it was; nothing is asked again."""
    session: PageSession = inputs[page.session]
    try:
        if isinstance(index, int) and 0 <= index < len(session.recent):
            await session.make_ready(session.recent[index])
        run = await asyncio.to_thread(session.go_back, index) if isinstance(index, int) else None
        if run is None:
            return {}
        style = page.style.read(inputs)
        await answer_view.draw(session, run, style)
    except FlorenceUIError as error:
        return {page.answer.stage: stage_view.failed(session.shown, error)}
    return merge_updates(
        fill_form(page, run.question),
        fit_form_to_task(page, session, run.question, key=has_key(page, inputs), fresh=True),
        answer_view.answer_updates(page, session, style),
    )
