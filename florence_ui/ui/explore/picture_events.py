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
from florence_ui.visitors.session import Question, Visit


def wire(page: Page) -> None:
    """Connects every way in."""
    ask = page.ask
    fields, parts = {*page.question_fields, ask.picture, ask.link}, picture_parts(page)

    async def upload(given: Given) -> Updates:
        if is_no_upload(given[page.visit], given[ask.picture]):
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


def is_no_upload(visit: Visit, value: str | None) -> bool:
    """Whether the field reports what the page itself put there: Gradio does so also when that is taken away."""
    return value is None or (visit.put_up is not None and Path(value) == visit.put_up)


def picture_parts(page: Page) -> list[gr.components.Component]:
    """What changes with the picture."""
    ask = page.ask
    return [*page.question_parts, ask.picture_notice, ask.link, ask.examples, *page.answer_parts]


async def take(page: Page, given: Given, opening: Awaitable[Picture]) -> Updates:
    """Puts a visitor's picture on the page; a box on the old one is gone."""
    visit: Visit = given[page.visit]
    question = replace(question_in(page, given), region=None)
    try:
        await put_on(visit, opening)
    except FlorenceUIError as error:
        return {page.ask.picture_notice: say_error(error), **as_before(page, visit)}
    return together(fitted(page, visit, question, key=has_key(page, given), fresh=True), fresh_start(page, visit))


async def take_example(page: Page, given: Given, index: object) -> Updates:
    """Puts an example on the page, together with its question."""
    if not isinstance(index, int) or not 0 <= index < len(page.examples):
        return {}
    visit, example, now = given[page.visit], page.examples[index], question_in(page, given)
    question = Question(example.token, example.text, example.classes, example.region, now.model_id, now.backend)
    opening = page.services.open_own(example.path) if example.path else page.services.open_link(example.link)
    try:
        await put_on(visit, opening)
    except FlorenceUIError as error:
        return {page.ask.picture_notice: say_error(error), **as_before(page, visit)}
    return together(
        filled(page, question),
        fitted(page, visit, question, key=has_key(page, given), fresh=True),
        fresh_start(page, visit, example=index),
    )


async def put_on(visit: Visit, opening: Awaitable[Picture]) -> None:
    """Opens a picture and makes it the visit's.

    Raises:
        FlorenceUIError: If it cannot be opened; the visit keeps the one it had.
    """
    picture = await opening
    shown = await asyncio.to_thread(storage.write, picture.jpeg(), ".jpg", stem="picture")
    visit.take(picture, shown)


def as_before(page: Page, visit: Visit) -> Updates:
    """The picture field as it was before somebody gave it what cannot be used."""
    return {page.ask.picture: gr.update(value=str(visit.shown) if visit.shown else None)}


def fresh_start(page: Page, visit: Visit, *, example: int = -1) -> Updates:
    """A new picture, and no answer about it yet."""
    return {
        **no_answer(page),
        page.answer.stage: stage_view.ready(visit.shown),
        page.ask.picture_notice: NoticeValue(),
        page.ask.link: "",
        page.ask.examples: shelf_of(page.examples, example),
        page.recent: answer_view.recent(visit),
    }


def take_away(page: Page, given: Given) -> Updates:
    """Takes the picture and its answer off the page; what was run before stays among the recent ones."""
    visit: Visit = given[page.visit]
    visit.drop()
    question = replace(question_in(page, given), region=None)
    return together(
        fitted(page, visit, question, key=has_key(page, given), fresh=True),
        no_answer(page),
        {
            page.answer.stage: WELCOME,
            page.ask.picture_notice: NoticeValue(),
            page.ask.examples: shelf_of(page.examples),
            page.recent: answer_view.recent(visit),
        },
    )
