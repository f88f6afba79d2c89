"""New pictures on the page: by upload, clipboard, webcam, link, or as an example."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from florence_ui import storage
from florence_ui.errors import FlorenceUIError
from florence_ui.images.loading import Picture
from florence_ui.ui.components.notice import NoticeValue, error_notice, text_notice
from florence_ui.ui.explore import answer_view, result_view
from florence_ui.ui.explore.examples import example_thumbnails
from florence_ui.ui.explore.panels import WELCOME
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
from florence_ui.visitors.session import PageSession


def wire(page: Page) -> None:
    """Connect every source of pictures."""
    ask = page.ask
    fields, parts = {*page.question_fields, ask.picture, ask.link}, picture_parts(page)

    async def upload(inputs: Inputs) -> Updates:
        if is_own_value(inputs[page.session], inputs[ask.picture]):
            return {}
        return await take_picture(page, inputs, page.services.open_upload(inputs[ask.picture]))

    async def follow(inputs: Inputs) -> Updates:
        link = (inputs[ask.link] or "").strip()
        if not link:
            return {ask.picture_notice: text_notice("Type or paste a link first.", tone="error")}
        return await take_picture(page, inputs, page.services.open_link(link))

    async def choose(inputs: Inputs, event: gr.EventData) -> Updates:
        return await take_example(page, inputs, getattr(event, "index", None))

    def clear(inputs: Inputs) -> Updates:
        return remove_picture(page, inputs)

    ask.picture.input(upload, fields, parts, **queued(trigger_mode="always_last"))
    ask.link.submit(lambda: text_notice("Fetching the picture", tone="busy"), None, ask.picture_notice, **unqueued())
    ask.link.submit(follow, fields, parts, **queued())
    ask.examples.select(
        choose, fields, [*dict.fromkeys([*parts, *page.filled_parts])], **queued(trigger_mode="always_last")
    )
    ask.picture.clear(clear, fields, parts, **unqueued())
    ask.picker.swap(clear, fields, parts, **unqueued())


def is_own_value(session: PageSession, value: str | None) -> bool:
    """Whether the field reports the picture that the page itself put there, as Gradio also does on its removal."""
    return value is None or (session.field_value is not None and Path(value) == session.field_value)


def picture_parts(page: Page) -> list[Block]:
    """The components that change with the picture."""
    ask = page.ask
    return [*page.question_parts, ask.picture_notice, ask.link, ask.examples, *page.answer_parts]


async def take_picture(page: Page, inputs: Inputs, opening: Awaitable[Picture]) -> Updates:
    """Put a visitor's picture on the page, and drop the box on the old one."""
    session: PageSession = inputs[page.session]
    question = replace(read_question(page, inputs), region=None)
    try:
        await set_picture(session, opening)
    except FlorenceUIError as error:
        return {page.ask.picture_notice: error_notice(error), **restore_picture(page, session)}
    return merge_updates(
        fit_form_to_task(page, session, question, key=has_key(page, inputs), fresh=True),
        show_new_picture(page, session),
    )


async def take_example(page: Page, inputs: Inputs, index: object) -> Updates:
    """Put an example on the page, with its question."""
    if not isinstance(index, int) or not 0 <= index < len(page.examples):
        return {}
    session, example, now = inputs[page.session], page.examples[index], read_question(page, inputs)
    question = example.question(model_id=now.model_id, backend=now.backend)
    opening = page.services.open_own(example.path) if example.path else page.services.open_link(example.link)
    try:
        await set_picture(session, opening)
    except FlorenceUIError as error:
        return {page.ask.picture_notice: error_notice(error), **restore_picture(page, session)}
    return merge_updates(
        fill_form(page, question),
        fit_form_to_task(page, session, question, key=has_key(page, inputs), fresh=True),
        show_new_picture(page, session, example=index),
    )


async def set_picture(session: PageSession, opening: Awaitable[Picture]) -> None:
    """Open a picture and make it the session's.

    Raises:
        FlorenceUIError: If it cannot be opened; the session keeps the previous one.
    """
    picture = await opening
    shown = await asyncio.to_thread(storage.write, picture.jpeg, ".jpg", stem="picture")
    session.put_picture(picture, shown)


def restore_picture(page: Page, session: PageSession) -> Updates:
    """The picture field as it was before an unusable input."""
    return {page.ask.picture: gr.update(value=str(session.shown) if session.shown else None)}


def show_new_picture(page: Page, session: PageSession, *, example: int = -1) -> Updates:
    """The page with a new picture, and no answer yet."""
    return {
        **clear_answer(page),
        page.answer.stage: result_view.ready(session.shown),
        page.ask.picture_notice: NoticeValue(),
        page.ask.link: "",
        page.ask.examples: example_thumbnails(page.examples, example),
        page.recent: answer_view.recent_thumbnails(session),
    }


def remove_picture(page: Page, inputs: Inputs) -> Updates:
    """Remove the picture and its answer from the page; the recent runs stay."""
    session: PageSession = inputs[page.session]
    session.remove_picture()
    question = replace(read_question(page, inputs), region=None)
    return merge_updates(
        fit_form_to_task(page, session, question, key=has_key(page, inputs), fresh=True),
        clear_answer(page),
        {
            page.answer.stage: WELCOME,
            page.ask.picture_notice: NoticeValue(),
            page.ask.examples: example_thumbnails(page.examples),
            page.recent: answer_view.recent_thumbnails(session),
        },
    )
