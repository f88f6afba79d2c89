"""What the page opens with, what the browser remembers, the link to a setup, and what the server is doing."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import gradio as gr

from florence_ui.backends.model_status import WAITING_HELPS, State
from florence_ui.errors import FlorenceUIError
from florence_ui.ui import labels, share_link
from florence_ui.ui.components.notice import say
from florence_ui.ui.explore.picture_events import fresh_start, picture_parts, put_on
from florence_ui.ui.layout import Page, patient, quiet
from florence_ui.ui.updates import Given, Updates, filled, fitted, question_in, together
from florence_ui.visitors.session import PageSession

COPY_LINK = "(query) => window.florencePage.copyLink(query)"
TONES = {State.READY: "good", State.UNAVAILABLE: "error", State.FOREIGN: "error"}


def wire(demo: gr.Blocks, page: Page) -> None:
    """Connects opening, remembering, sharing and the line about the server."""
    ask, fields = page.ask, {*page.question_fields, *page.style.controls}
    opened = [*picture_parts(page), *page.filled_parts, *page.style.controls, page.session]

    async def open_page(given: Given, request: gr.Request) -> Updates:
        return await opening(page, given, dict(request.query_params))

    async def look(given: Given) -> Updates:
        return await server_state(page, given[ask.backend], given[ask.model])

    def remember(given: Given) -> dict[str, str]:
        return share_link.written(question_in(page, given), page.style.read(given))

    def link(given: Given) -> str:
        example = example_shown(page, given[page.session])
        return urlencode(remember(given) | ({"example": example} if example else {}))

    demo.load(open_page, fields | {page.remembered}, [*dict.fromkeys(opened)], **patient())
    state_parts = [page.state, page.timer]
    demo.load(look, {ask.backend, ask.model}, state_parts, **quiet())
    page.timer.tick(look, {ask.backend, ask.model}, state_parts, **quiet())
    gr.on([ask.model.change, ask.backend.change], look, {ask.backend, ask.model}, state_parts, **quiet())
    restyling = [c.release if isinstance(c, gr.Slider) else c.input for c in page.style.controls]
    remembering = [ask.model.input, ask.backend.input, ask.run.click, page.style.reset.click, *restyling]
    gr.on(remembering, remember, fields, page.remembered, **quiet())
    page.answer.link.click(link, fields, page.link_text, **quiet()).then(None, page.link_text, js=COPY_LINK)


async def opening(page: Page, given: Given, query: Mapping[str, str]) -> Updates:
    """The page as it opens: what a link asks for, else what the browser remembers, on the link's or the first example.

    Nothing is run.
    """
    session: PageSession = given[page.session]
    names = example_names(page)
    index = names.index(query["example"]) if query.get("example") in names else 0
    example = page.examples[index] if names else None
    usual = question_in(page, given)
    if example is not None:
        usual = replace(usual, token=example.token, text=example.text, classes=example.classes, region=example.region)
    kept = query if "task" in query else given[page.remembered] or {}
    question, style = share_link.read(kept, usual, page.services.backends)
    shown: Updates = {}
    if example is not None and session.source is None:
        with contextlib.suppress(FlorenceUIError):
            await put_on(session, page.services.open_own(example.path))
            shown = fresh_start(page, session, example=index)
    return together(
        filled(page, question),
        fitted(page, session, question, key=False, fresh=True),
        shown,
        page.style.filled(style),
        {page.session: session},
    )


def example_names(page: Page) -> list[str]:
    """What a link calls the bundled examples, which come first on the page."""
    return [example.path.stem for example in page.examples if example.path]


def example_shown(page: Page, session: PageSession) -> str:
    """What a link calls the example that is on the page; empty for a picture of the visitor's own."""
    path = session.source[0] if session.source else None
    return next((example.path.stem for example in page.examples if example.path and example.path == path), "")


async def server_state(page: Page, backend: str, model: str) -> Updates:
    """What the chosen server is doing, in a sentence; asked again soon while that changes."""
    pipeline = page.services.pipeline
    model_id = await pipeline.choose_model(backend, labels.model_id_of(model), nano_stands_in=True)
    status = await pipeline.status(backend, model_id)
    if status.state is State.ABSENT and status.models[model_id].get("on_disk"):
        await pipeline.local.prepare(model_id)
    waiting = status.state in WAITING_HELPS
    tone = "busy" if waiting else TONES.get(status.state, "plain")
    words = (
        labels.ready(page.services.backend(backend), status, model_id) if status.state is State.READY else status.detail
    )
    return {page.state: say(words, status.hint, tone), page.timer: gr.Timer(active=waiting)}
