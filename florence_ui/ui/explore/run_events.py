"""Run and Stop."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import gradio as gr

from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import FlorenceUIError, KeyRefusedError
from florence_ui.inference.request import Analysis
from florence_ui.ui.components.notice import error_notice
from florence_ui.ui.explore import answer_view
from florence_ui.ui.explore.next_steps import ABOUT_EACH
from florence_ui.ui.explore.stage_events import stream_action
from florence_ui.ui.explore.then_events import finish_step, stoppable_step
from florence_ui.ui.layout import Page
from florence_ui.ui.stoppable_run import StoppableRun, until, wire_run
from florence_ui.ui.updates import Inputs, Updates, keep_visit, read_question, show_run, show_stop
from florence_ui.visitors.multi_call import answer, with_status

FIELDS = frozenset({"text", "classes", "region"})
"""Fields whose errors stand in the dock; the stage shows all others."""


def wire(page: Page) -> list[gr.events.Dependency]:
    """Connect everything that asks the model with Stop, and return it."""
    dock = page.dock
    run = stoppable_run(page).events
    starts = dict.fromkeys([dock.run.click, dock.phrase.submit, dock.prompt.submit, page.asked.change], run)
    starts |= {page.side.next_steps[step].click: stoppable_step(page, step).events for step in ABOUT_EACH}

    async def act(inputs: Inputs, event: gr.EventData) -> AsyncGenerator[Updates]:
        def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
            return {**show_idle(page, inputs), page.picture_notice: error_notice(error)}

        def stream(inputs: Inputs) -> AsyncGenerator[Updates]:
            return until(inputs[page.session].left, stream_action(page, inputs, event))

        action = StoppableRun(stream, lambda: show_stop(page), failed)
        async for updates in action.events(inputs):
            yield updates

    starts |= {page.stage.act: act}
    stopped = partial(stop_run, page)
    return wire_run(starts, dock.stop, stopped, page.answer_fields, page.answer_parts, stop_is_slow=True)


def stoppable_run(page: Page) -> StoppableRun:
    """The run that a click on Run starts."""

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        return {**show_run(page), **show_error(page, inputs, error)}

    return StoppableRun(
        lambda inputs: until(inputs[page.session].left, stream_run(page, inputs)), lambda: show_stop(page), failed
    )


async def stream_run(page: Page, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Show a run, from its first state to its answer."""
    session, services = inputs[page.session], page.services
    keep_visit(page, inputs)  # the note of what was typed last may be lost with the connection
    question, shown = read_question(page, inputs), session.shown
    picture = await session.picture()
    request = services.template(question, key=inputs[page.header.key], nano_stands_in=True).about(picture)
    yield answer_view.busy(page, session, "Asking the model")

    async def ask(on_status: OnStatus) -> AsyncGenerator[Analysis]:
        yield await answer(services, request, on_status)

    async with aclosing(with_status(ask)) as states:
        async for state in states:
            if isinstance(state, str):
                yield {page.stage: answer_view.busy(page, session, state)[page.stage]}
                continue
            run = session.add_run(question, state, shown)
            await answer_view.make_thumbnail(session, run)
            if session.run is not run:  # another picture is on the page by now
                yield {**show_run(page), page.film: answer_view.film_value(page, session)}
                continue
            yield {**show_run(page), **await answer_view.answer_updates(page, inputs, question)}


def show_error(page: Page, inputs: Inputs, error: FlorenceUIError) -> Updates:
    """Show an error at its field, if that is in the dock, else at the foot of the stage.

    One about the key also stands below its field in the header's popover, which opens then.
    """
    if getattr(error, "field", "") in FIELDS:
        return {**show_idle(page, inputs), page.dock.notice: error_notice(error)}
    failed = answer_view.failed(page, inputs[page.session], read_question(page, inputs), error)
    return failed | ({page.header.key_notice: error_notice(error)} if isinstance(error, KeyRefusedError) else {})


async def stop_run(page: Page, inputs: Inputs) -> Updates:
    """The idle page after Stop, with what was answered so far."""
    try:
        idle = await finish_step(page, inputs) if inputs[page.session].unfinished else show_idle(page, inputs)
    except FlorenceUIError as error:
        return {**show_idle(page, inputs), page.picture_notice: error_notice(error)}
    stage = idle.get(page.stage)
    if stage is None or stage.title:
        return idle
    return {**idle, page.stage: stage.model_copy(update={"title": "Stopped."})}


def show_idle(page: Page, inputs: Inputs) -> Updates:
    """The page with the answer that it had, and nothing running."""
    session = inputs[page.session]
    for place in [place for place, note in session.notes.items() if note.state == "busy"]:
        del session.notes[place]
    return {**show_run(page), **answer_view.standing(page, session, read_question(page, inputs))}
