"""New pictures on the page: uploads of any kind, links, examples, and recent answers."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable

import gradio as gr

from florence_ui import storage
from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.images.loading import Picture
from florence_ui.inference.gallery import Example
from florence_ui.inference.request import Question
from florence_ui.models import NANO
from florence_ui.ui.components.notice import Notice, NoticeValue, error_notice
from florence_ui.ui.explore import answer_view
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.updates import Inputs, Updates, fill_form, fit_form_to_task, merge_updates, read_question, show_run
from florence_ui.visitors.runs import OpenedPicture
from florence_ui.visitors.session import PageSession

log = logging.getLogger(__name__)


def wire(page: Page) -> None:
    """Connect every source of pictures; a new picture ends what runs about the old one."""
    stage, fields, parts = page.stage, page.answer_fields, [*page.all_parts, page.asked]
    latest = queued(trigger_mode="always_last")

    async def upload(inputs: Inputs, event: gr.EventData) -> Updates:
        return await take_picture(page, inputs, page.services.open_upload(getattr(event, "path", None)))

    async def follow(inputs: Inputs, event: gr.EventData) -> Updates:
        return await take_link(page, inputs, getattr(event, "address", None))

    async def choose(inputs: Inputs, event: gr.EventData) -> Updates:
        index = getattr(event, "index", None)
        if getattr(event, "group", None) == "recent":
            return await reopen_run(page, inputs, index)
        return await take_example(page, inputs, index)

    def fetching(inputs: Inputs) -> Updates:
        busy = answer_view.busy(page, inputs[page.session], "Fetching the picture")
        return {**busy, page.link_notice: NoticeValue()}

    stage.picture(upload, fields, parts, **latest)
    stage.link(fetching, fields, [stage, page.side.answer_list, page.link_notice], **unqueued())
    stage.link(follow, fields, parts, **latest)
    page.film.select(choose, fields, parts, **latest)


async def take_link(page: Page, inputs: Inputs, link: object) -> Updates:
    """Put the picture behind a link on the page; why that fails is said where links are typed."""
    if not isinstance(link, str) or not link.strip():
        return refuse(page, inputs, InputError("There is no link.", "Type or paste one."), page.link_notice)
    return await take_picture(page, inputs, page.services.open_link(link.strip()), page.link_notice)


async def take_picture(
    page: Page, inputs: Inputs, opening: Awaitable[Picture], notice: Notice | None = None
) -> Updates:
    """Put a visitor's picture on the page, or say in the notice (over the picture, if omitted) why that fails."""
    session: PageSession = inputs[page.session]
    try:
        await set_picture(session, opening)
    except FlorenceUIError as error:
        return refuse(page, inputs, error, notice)
    session.keep_picture()
    return show_unasked(page, inputs)


def show_unasked(page: Page, inputs: Inputs) -> Updates:
    """The page with a picture of the visitor's and the question that is in the fields."""
    session, question = inputs[page.session], read_question(page, inputs)
    return merge_updates(fit_form_to_task(page, session, question.token), show_picture(page, session, question))


async def take_example(page: Page, inputs: Inputs, index: object) -> Updates:
    """Put an example on the page with its question, and its recorded answer.

    If there is none, the question is asked at once, unless nano would be asked about a photograph.
    """
    if not isinstance(index, int) or not 0 <= index < len(page.examples):
        return {}
    session, example, services = inputs[page.session], page.examples[index], page.services
    try:
        await set_picture(
            session, services.open_own(example.path) if example.path else services.open_link(example.link)
        )
    except FlorenceUIError as error:
        return refuse(page, inputs, error)
    now = read_question(page, inputs)
    question = example.question(model_id=now.model_id, backend=now.backend)
    session.region = question.region
    filled = fill_form(page, session, question)
    try:
        if await show_recorded(page, session, example, question):
            answered = await answer_view.answer_updates(page, inputs, question)
            return merge_updates(filled, show_run(page), answered, {page.picture_notice: NoticeValue()})
    except FlorenceUIError as error:
        log.warning("The recorded answer about %s cannot be shown: %s", example.title, error)
        session.run = None
    model_id = await services.pipeline.choose_model(
        question.backend, question.model_id, example=example.is_drawn, nano_stands_in=True
    )
    asked: Updates = {page.asked: secrets.token_hex(4)} if example.is_drawn or model_id != NANO else {}
    return merge_updates(filled, show_picture(page, session, question), asked)


async def show_recorded(page: Page, session: PageSession, example: Example, question: Question) -> bool:
    """Show the recorded answer to a question about the example on the page; return False if there is none.

    Raises:
        FlorenceUIError: If the picture is gone, or the recorded response does not answer the question.
    """
    analysis = await page.services.recordings.answer(example, question, await session.picture())
    if analysis is not None:
        session.show_recorded(question, analysis)
    return analysis is not None


def refuse(page: Page, inputs: Inputs, error: FlorenceUIError, notice: Notice | None = None) -> Updates:
    """The page as it was, and in the notice (over the picture, if omitted) why it got no other picture."""
    standing = answer_view.standing(page, inputs[page.session], read_question(page, inputs))
    return {**standing, notice or page.picture_notice: error_notice(error)}


async def set_picture(session: PageSession, opening: Awaitable[Picture]) -> None:
    """Open a picture and make it the session's.

    Raises:
        FlorenceUIError: If it cannot be opened; the session keeps the previous one.
    """
    picture = await opening
    shown = await asyncio.to_thread(storage.write, picture.jpeg, ".jpg", stem="picture")
    session.put_picture(picture, shown)


def show_picture(page: Page, session: PageSession, question: Question) -> Updates:
    """The page with a new picture, and no answer yet."""
    said: Updates = {page.picture_notice: NoticeValue(), page.link_notice: NoticeValue()}
    return {**show_run(page), **answer_view.no_answer(page, session, question), **said}


async def reopen_run(page: Page, inputs: Inputs, index: object) -> Updates:
    """Show an earlier answer with its picture and question, or a picture without one; the model is not asked."""
    session: PageSession = inputs[page.session]
    try:
        run = await session.show_again(index) if isinstance(index, int) else None
        if run is None:
            return {}
        if isinstance(run, OpenedPicture):
            return show_unasked(page, inputs)
        shown = await answer_view.answer_updates(page, inputs, run.question)
    except FlorenceUIError as error:
        return {page.picture_notice: error_notice(error)}
    return merge_updates(fill_form(page, session, run.question), show_run(page), shown)
