"""The buttons beside an answer that ask something more about it."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.inference.chains import in_reading_order, phrase_of
from florence_ui.inference.per_object import ACTIONS, Action, MultiCallProgress, ask_about_objects
from florence_ui.inference.request import Question
from florence_ui.ui.components.notice import error_notice
from florence_ui.ui.explore import answer_view
from florence_ui.ui.explore.next_steps import ABOUT_EACH, NextStep, next_steps, other_caption
from florence_ui.ui.layout import Page, queued
from florence_ui.ui.stoppable_run import StoppableRun, until
from florence_ui.ui.updates import Inputs, Updates, fill_form, read_question, show_run, show_stop
from florence_ui.visitors.multi_call import max_concurrency, retry_when_rate_limited, with_status
from florence_ui.visitors.runs import Recipe, Run, Unfinished
from florence_ui.visitors.session import PageSession

RECIPES = {
    Action.DESCRIBE: FollowUp.DESCRIBE_EACH,
    Action.NAME: FollowUp.NAME_EACH,
    Action.SEGMENT: FollowUp.SEGMENT_EACH,
    Action.READ: FollowUp.READ_EACH,
    Action.READ_CROP: FollowUp.READ_CROP_EACH,
}
"""The follow-up step of each action in the code snippets."""


def wire(page: Page) -> None:
    """Connect the steps that fill in another question, or need no model."""
    steps = page.side.next_steps
    fields, parts = page.answer_fields, [*page.all_parts, page.asked]
    for step in (NextStep.LONGER, NextStep.SHORTER, NextStep.GROUND):
        steps[step].click(partial(ask_next, page, step=step), fields, parts, **queued())
    steps[NextStep.ORDER].click(partial(put_in_order, page), fields, parts, **queued())


def ask_next(page: Page, inputs: Inputs, step: NextStep) -> Updates:
    """The form with the step's question, which is asked at once if the answer on the page still has that step."""
    session: PageSession = inputs[page.session]
    if session.run is None or step not in next_steps(session.run.analysis.result, visible=0):
        return {}
    result, question = session.run.analysis.result, read_question(page, inputs)
    if step is NextStep.GROUND:
        asked = replace(question, token="<CAPTION_TO_PHRASE_GROUNDING>", text=phrase_of(session.run.analysis))
    else:
        asked = replace(question, token=other_caption(result.task.token, step))
    return {**fill_form(page, session, asked), page.asked: secrets.token_hex(4)}


async def put_in_order(page: Page, inputs: Inputs) -> Updates:
    """The same lines in reading order, as a new answer; the model is not asked."""
    session: PageSession = inputs[page.session]
    if session.run is None:
        return {}
    before: Run = session.run
    try:
        ordered = in_reading_order(await session.analysis_of(before))
        run = session.add_run(before.question, ordered, before.before)
        run.recipe = Recipe(answer_view.recipe_of(before).prompts, FollowUp.READING_ORDER)
        await answer_view.make_thumbnail(session, run)
        return await answer_view.answer_updates(page, inputs, run.question)
    except FlorenceUIError as error:
        return {page.picture_notice: error_notice(error)}


def stoppable_step(page: Page, step: NextStep) -> StoppableRun:
    """The run that a click on a step about every visible object starts."""

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        session, question = inputs[page.session], read_question(page, inputs)
        standing = answer_view.standing(page, session, question)
        return {**show_run(page), **standing, page.picture_notice: error_notice(error)}

    def stream(inputs: Inputs) -> AsyncGenerator[Updates]:
        return until(inputs[page.session].left, stream_step(page, ABOUT_EACH[step], inputs))

    return StoppableRun(stream, lambda: show_stop(page), failed)


async def stream_step(page: Page, action: Action, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Show the questions about every visible object, from the first to the merged answer."""
    session, services, run = inputs[page.session], page.services, inputs[page.session].run
    if run is None:
        raise InputError("There is no answer to ask about.", "Run a task first.")
    rows, doing = answer_view.visible_rows(run), ACTIONS[action].doing
    found = await session.analysis_of(run)
    same_model = Question("<CAPTION>", model_id=found.model_id, backend=found.backend)
    request = services.template(same_model, key=inputs[page.header.key], nano_stands_in=True).about(found.picture)
    yield answer_view.busy(page, session, f"{doing} 0 of {len(rows)}")
    calls = max_concurrency(services, request)

    def start(say: OnStatus) -> AsyncGenerator[MultiCallProgress]:
        analyze = retry_when_rate_limited(services, say)
        return ask_about_objects(analyze, request, found.result, rows, action, max_concurrency=calls)

    async with aclosing(with_status(start)) as going:
        async for progress in going:
            if not isinstance(progress, str):
                merged = replace(
                    found.then(RECIPES[action], progress.result), seconds=progress.seconds, remembered=False
                )
                session.unfinished = Unfinished(run, merged, action)
                progress = f"{doing} {progress.done} of {progress.total}"
            if session.run is run:
                yield {page.stage: answer_view.busy(page, session, progress)[page.stage]}
    yield await finish_step(page, inputs)


async def finish_step(page: Page, inputs: Inputs) -> Updates:
    """Show the merged answer, complete or, after Stop, partial.

    Raises:
        FlorenceUIError: If the picture is gone or the drawing cannot be written.
    """
    session: PageSession = inputs[page.session]
    if session.unfinished is None:
        return show_run(page)
    (run, merged, action), session.unfinished = session.unfinished, None
    new = session.add_run(run.question, merged, run.before)
    new.recipe = Recipe(answer_view.recipe_of(run).prompts, RECIPES[action])
    if action is not Action.READ_CROP:  # the same objects: hidden ones stay hidden
        new.hidden, new.filtered = run.hidden, run.filtered
    await answer_view.make_thumbnail(session, new)
    return {**show_run(page), **await answer_view.answer_updates(page, inputs, read_question(page, inputs))}
