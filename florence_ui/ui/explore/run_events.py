"""Run, Stop, and reopening recent runs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import gradio as gr
from gradio.blocks import Block

from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import FlorenceUIError
from florence_ui.inference.request import Analysis
from florence_ui.ui.components.notice import NoticeValue, error_notice
from florence_ui.ui.explore import answer_view, result_view
from florence_ui.ui.layout import Page, queued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
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
from florence_ui.visitors.multi_call import answer, with_status
from florence_ui.visitors.session import PageSession

FIELDS = {"text": "input_notice", "classes": "input_notice", "region": "input_notice", "image": "picture_notice"}
"""Fields that show their own errors; the stage shows all others."""


def wire(page: Page) -> None:
    """Connect Run, Stop and the recent runs."""
    ask, stage = page.ask, page.answer.stage
    fields = {*page.question_fields, *page.style.controls}
    parts = [ask.run, ask.stop, ask.input_notice, ask.picture_notice, *page.answer_parts]

    def stopped(inputs: Inputs) -> Updates:
        return {**show_run(page), stage: answer_view.stage_value(inputs[page.session], page.style.read(inputs))}

    async def go_back(inputs: Inputs, event: gr.EventData) -> Updates:
        return await reopen_run(page, inputs, getattr(event, "index", None))

    wire_run({ask.run: stoppable_run(page)}, [ask.stop], stopped, fields, parts)
    page.recent.select(go_back, fields, reopen_parts(page), **queued())


def reopen_parts(page: Page) -> list[Block]:
    """The components that change when a recent run is reopened."""
    ask = page.ask
    parts = [ask.run, ask.stop, ask.input_notice, ask.picture_notice, *page.answer_parts, *page.question_parts]
    return [*dict.fromkeys([*parts, *page.filled_parts, ask.examples])]


def stoppable_run(page: Page) -> StoppableRun:
    """The run that a click on Run starts."""

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        return {**show_run(page), **show_error(page, inputs[page.session], error)}

    return StoppableRun(lambda inputs: stream_run(page, inputs), lambda: show_stop(page), failed)


async def stream_run(page: Page, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Show a run, from its first state to its answer."""
    session, style, services = inputs[page.session], page.style.read(inputs), page.services
    question, shown = read_question(page, inputs), session.shown
    picture = await session.picture()
    request = services.template(question, key=inputs[page.ask.key], nano_stands_in=True).about(picture)
    yield {page.answer.stage: result_view.busy(shown, "Asking the model")}

    async def ask(on_status: OnStatus) -> AsyncGenerator[Analysis]:
        yield await answer(services, request, on_status)

    async with aclosing(with_status(ask)) as states:
        async for state in states:
            if isinstance(state, str):
                yield {page.answer.stage: result_view.busy(shown, state)}
                continue
            run = session.add_run(question, state, shown)
            await answer_view.draw(session, run, style)
            updates = answer_view.answer_updates if session.run is run else answer_view.recent_updates
            yield merge_updates(show_run(page), updates(page, session, style))


def show_stop(page: Page) -> Updates:
    """Show Stop instead of Run."""
    ask = page.ask
    return {
        ask.run: gr.update(visible=False),
        ask.stop: gr.update(visible=True),
        ask.input_notice: NoticeValue(),
        ask.picture_notice: NoticeValue(),
    }


def show_run(page: Page) -> Updates:
    """Show Run instead of Stop."""
    return {page.ask.run: gr.update(visible=True), page.ask.stop: gr.update(visible=False)}


def show_error(page: Page, session: PageSession, error: FlorenceUIError) -> Updates:
    """Show an error at its field, if that is on the page, else instead of the answer."""
    field = FIELDS.get(getattr(error, "field", ""))
    if field:
        return {getattr(page.ask, field): error_notice(error), page.answer.stage: answer_view.stage_value(session)}
    return show_failure(page, session, error)


def show_failure(page: Page, session: PageSession, error: FlorenceUIError) -> Updates:
    """Show why there is no answer, and clear the previous one, which stays among the recent runs."""
    session.run = None
    failed = result_view.failed(session.shown, error)
    return {**clear_answer(page), page.answer.stage: failed, page.recent: answer_view.recent_thumbnails(session)}


async def reopen_run(page: Page, inputs: Inputs, index: object) -> Updates:
    """Show an earlier answer with its picture and question; the model is not asked again."""
    session: PageSession = inputs[page.session]
    try:
        run = await session.show_again(index) if isinstance(index, int) else None
        if run is None:
            return {}
        style = page.style.read(inputs)
        await answer_view.draw(session, run, style)
    except FlorenceUIError as error:
        return {page.answer.stage: result_view.failed(session.shown, error)}
    return merge_updates(
        fill_form(page, run.question),
        fit_form_to_task(page, session, run.question, key=has_key(page, inputs), fresh=True),
        answer_view.answer_updates(page, session, style),
    )
