"""The page's initial state, the settings that the browser remembers, the share link, and the server's state."""

import contextlib
from collections.abc import Mapping
from urllib.parse import urlencode

import gradio as gr

from florence_ui.backends.model_status import ServerState
from florence_ui.backends.probe import request_model
from florence_ui.errors import FlorenceUIError
from florence_ui.ui import labels, share_link
from florence_ui.ui.components.notice import Tone, text_notice
from florence_ui.ui.explore.picture_events import picture_parts, set_picture, show_new_picture
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.updates import Inputs, Updates, fill_form, fit_form_to_task, merge_updates, read_question
from florence_ui.visitors.session import PageSession

COPY_LINK = "window.florencePage.copyLink"


def wire(demo: gr.Blocks, page: Page) -> None:
    """Connect the events of opening, remembering and sharing, and of the line about the server."""
    ask, fields = page.ask, {*page.question_fields, *page.style.controls}
    opened = [*picture_parts(page), *page.filled_parts, *page.style.controls, page.session]

    async def load(inputs: Inputs, request: gr.Request) -> Updates:
        return await open_page(page, inputs, dict(request.query_params))

    async def look(inputs: Inputs) -> Updates:
        return await show_server_state(page, inputs[ask.backend], inputs[ask.model])

    def remember(inputs: Inputs) -> dict[str, str]:
        return share_link.encode(read_question(page, inputs), page.style.read(inputs))

    def link(inputs: Inputs) -> str:
        example = current_example(page, inputs[page.session])
        return urlencode(remember(inputs) | ({"example": example} if example else {}))

    demo.load(load, fields | {page.remembered}, [*dict.fromkeys(opened)], **queued())
    state_parts = [page.state, page.timer]
    demo.load(look, {ask.backend, ask.model}, state_parts, **unqueued())
    page.timer.tick(look, {ask.backend, ask.model}, state_parts, **unqueued())
    gr.on([ask.model.change, ask.backend.change], look, {ask.backend, ask.model}, state_parts, **unqueued())
    remembering = [ask.model.input, ask.backend.input, ask.run.click, page.style.reset.click, *page.style.changes]
    gr.on(remembering, remember, fields, page.remembered, **unqueued())
    page.answer.link.click(link, fields, page.link_text, **unqueued()).then(None, page.link_text, js=COPY_LINK)


async def open_page(page: Page, inputs: Inputs, query: Mapping[str, str]) -> Updates:
    """Open the page with the link's question, else the remembered one, and the link's example, else the best
    recorded one.

    Nothing is run.
    """
    session: PageSession = inputs[page.session]
    names = example_names(page)
    best = page.services.recordings.best(page.examples) or 0
    index = names.index(query["example"]) if query.get("example") in names else best
    example = page.examples[index] if names else None
    usual = read_question(page, inputs)
    if example is not None:
        usual = example.question(model_id=usual.model_id, backend=usual.backend)
    kept = query if "task" in query else inputs[page.remembered] or {}
    question, style = share_link.decode(kept, usual, page.services.pipeline.backends)
    shown: Updates = {}
    if example is not None and example.path is not None and session.source is None:
        with contextlib.suppress(FlorenceUIError):
            await set_picture(session, page.services.open_own(example.path))
            shown = show_new_picture(page, session, example=index)
    return merge_updates(
        fill_form(page, question),
        fit_form_to_task(page, session, question, key=False, fresh=True),
        shown,
        page.style.filled(style),
        {page.session: session},
    )


def example_names(page: Page) -> list[str]:
    """Names in links of the bundled examples, which come first on the page."""
    return [example.path.stem for example in page.examples if example.path]


def current_example(page: Page, session: PageSession) -> str:
    """The name in links of the example on the page; empty for a visitor's own picture."""
    path = session.source[0] if session.source else None
    return next((example.path.stem for example in page.examples if example.path and example.path == path), "")


async def show_server_state(page: Page, backend: str, model: str) -> Updates:
    """The state of the chosen backend; the local one is watched while the page is open."""
    pipeline = page.services.pipeline
    model_id = await pipeline.choose_model(backend, labels.model_id_of(model), nano_stands_in=True)
    status = await pipeline.status(backend, model_id)
    if status.state is ServerState.ABSENT and status.models[model_id].get("on_disk"):
        await request_model(page.services.pipeline.backend(backend), model_id)
    line = labels.backend_line(pipeline.backend(backend), status, model_id)
    tone: Tone = "plain" if line.tone == "warning" else line.tone
    watched = pipeline.backend(backend).is_local
    return {page.state: text_notice(line.sentence, line.hint, tone), page.timer: gr.Timer(active=watched)}
