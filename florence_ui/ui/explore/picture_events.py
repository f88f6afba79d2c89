"""A picture comes onto the page: by upload, clipboard, webcam, link, or as an example."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import gradio as gr

from florence_ui import storage
from florence_ui.errors import FlorenceUIError
from florence_ui.images.loading import Picture
from florence_ui.ui.components.notice import NoticeValue, say, say_error
from florence_ui.ui.explore import answer_view, stage_view
from florence_ui.ui.explore.examples import shelf_of
from florence_ui.ui.explore.panels import WELCOME
from florence_ui.ui.layout import Page, patient, quiet
from florence_ui.ui.updates import Given, Updates, filled, fitted, has_key, no_answer, question_in, together
from florence_ui.visitors.session import PageSession, Question


def wire(page: Page) -> None:
    """Connects every way in."""
    ask = page.ask
    fields, parts = {*page.question_fields, ask.picture, ask.link}, picture_parts(page)

    async def upload(given: Given) -> Updates:
        if is_no_upload(given[page.session], given[ask.picture]):
            return {}
        return await take(page, given, page.services.open_upload(given[ask.picture]))

    async def follow(given: Given) -> Updates:
        link = (given[ask.link] or "").strip()
        if not link:
            return {ask.picture_notice: say("Type or paste a link first.", tone="error")}
        return await take(page, given, page.services.open_link(link))

    async def choose(given: Given, event: gr.EventData) -> Updates:
        return await take_example(page, given, event._data.get("index"))

    def clear(given: Given) -> Updates:
        return take_away(page, given)

    ask.picture.input(upload, fields, parts, **patient(trigger_mode="always_last"))
    ask.link.submit(lambda: say("Fetching the picture", tone="busy"), None, ask.picture_notice, **quiet())
    ask.link.submit(follow, fields, parts, **patient())
    ask.examples.select(
        choose, fields, [*dict.fromkeys([*parts, *page.filled_parts])], **patient(trigger_mode="always_last")
    )
    ask.picture.clear(clear, fields, parts, **quiet())
    ask.picker.swap(clear, fields, parts, **quiet())


def is_no_upload(session: PageSession, value: str | None) -> bool:
    """Whether the field reports what the page itself put there: Gradio does so also when that is taken away."""
    return value is None or (session.field_value is not None and Path(value) == session.field_value)


def picture_parts(page: Page) -> list[gr.components.Component]:
    """What changes with the picture."""
    ask = page.ask
    return [*page.question_parts, ask.picture_notice, ask.link, ask.examples, *page.answer_parts]


async def take(page: Page, given: Given, opening: Awaitable[Picture]) -> Updates:
    """Puts a visitor's picture on the page; a box on the old one is gone."""
    session: PageSession = given[page.session]
    question = replace(question_in(page, given), region=None)
    try:
        await put_on(session, opening)
    except FlorenceUIError as error:
        return {page.ask.picture_notice: say_error(error), **as_before(page, session)}
    return together(fitted(page, session, question, key=has_key(page, given), fresh=True), fresh_start(page, session))


async def take_example(page: Page, given: Given, index: object) -> Updates:
    """Puts an example on the page, together with its question."""
    if not isinstance(index, int) or not 0 <= index < len(page.examples):
        return {}
    session, example, now = given[page.session], page.examples[index], question_in(page, given)
    question = Question(example.token, example.text, example.classes, example.region, now.model_id, now.backend)
    opening = page.services.open_own(example.path) if example.path else page.services.open_link(example.link)
    try:
        await put_on(session, opening)
    except FlorenceUIError as error:
        return {page.ask.picture_notice: say_error(error), **as_before(page, session)}
    return together(
        filled(page, question),
        fitted(page, session, question, key=has_key(page, given), fresh=True),
        fresh_start(page, session, example=index),
    )


async def put_on(session: PageSession, opening: Awaitable[Picture]) -> None:
    """Opens a picture and makes it the session's.

    Raises:
        FlorenceUIError: If it cannot be opened; the session keeps the one it had.
    """
    picture = await opening
    shown = await asyncio.to_thread(storage.write, picture.jpeg(), ".jpg", stem="picture")
    session.take(picture, shown)


def as_before(page: Page, session: PageSession) -> Updates:
    """The picture field as it was before somebody gave it what cannot be used."""
    return {page.ask.picture: gr.update(value=str(session.shown) if session.shown else None)}


def fresh_start(page: Page, session: PageSession, *, example: int = -1) -> Updates:
    """A new picture, and no answer about it yet."""
    return {
        **no_answer(page),
        page.answer.stage: stage_view.ready(session.shown),
        page.ask.picture_notice: NoticeValue(),
        page.ask.link: "",
        page.ask.examples: shelf_of(page.examples, example),
        page.recent: answer_view.recent(session),
    }


def take_away(page: Page, given: Given) -> Updates:
    """Takes the picture and its answer off the page; what was run before stays among the recent ones."""
    session: PageSession = given[page.session]
    session.drop()
    question = replace(question_in(page, given), region=None)
    return together(
        fitted(page, session, question, key=has_key(page, given), fresh=True),
        no_answer(page),
        {
            page.answer.stage: WELCOME,
            page.ask.picture_notice: NoticeValue(),
            page.ask.examples: shelf_of(page.examples),
            page.recent: answer_view.recent(session),
        },
    )
