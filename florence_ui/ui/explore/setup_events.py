"""The page's initial state, the settings that the browser remembers, the share link, and the server's state."""

import contextlib
from collections.abc import Mapping
from urllib.parse import urlencode

import gradio as gr

from florence_ui.backends.model_status import ServerState
from florence_ui.backends.probe import request_model
from florence_ui.errors import FlorenceUIError
from florence_ui.ui import labels, share_link
from florence_ui.ui.components.header_actions import HeaderValue
from florence_ui.ui.components.notice import text_notice
from florence_ui.ui.explore import answer_view
from florence_ui.ui.explore.picture_events import set_picture
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.updates import Inputs, Updates, fill_form, merge_updates, read_question
from florence_ui.visitor_identity import current_visitor
from florence_ui.visitors.session import PageSession

COPY_LINK = "window.florencePage.copyLink"


def wire(demo: gr.Blocks, page: Page) -> None:
    """Connect the events of opening, remembering and sharing, and of the pill in the header."""
    dock, header = page.dock, page.header
    fields = {*page.question_fields, *page.style.controls}
    opened = [*page.all_parts, *page.style.controls, page.session]

    async def load(inputs: Inputs, request: gr.Request) -> Updates:
        return await open_page(page, inputs, dict(request.query_params))

    async def look(inputs: Inputs) -> Updates:
        return await show_server_state(page, inputs[header.backend], inputs[dock.model])

    def remember(inputs: Inputs) -> dict[str, str]:
        return share_link.encode(read_question(page, inputs), page.style.read(inputs))

    def link(inputs: Inputs) -> str:
        example = current_example(page, inputs[page.session])
        return urlencode(remember(inputs) | ({"example": example} if example else {}))

    demo.load(load, fields | {page.remembered}, [*dict.fromkeys(opened)], **queued())
    choice, state = (
        {header.backend, dock.model},
        [header.pill, header.destination, header.state, header.key, page.timer],
    )
    changes = [demo.load, page.timer.tick, dock.model.change, header.backend.change]
    gr.on(changes, look, choice, state, **unqueued())
    remembering = [dock.model.input, header.backend.input, dock.run.click, page.style.reset.click, *page.style.changes]
    gr.on(remembering, remember, fields, page.remembered, **unqueued())
    page.download.link.click(link, fields, page.link_text, **unqueued()).then(None, page.link_text, js=COPY_LINK)


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
    if example is not None and example.path is not None and session.source is None:
        with contextlib.suppress(FlorenceUIError):
            await set_picture(session, page.services.open_own(example.path))
    session.region = question.region
    return merge_updates(
        fill_form(page, session, question),
        answer_view.no_answer(page, session, question),
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
    """Where it runs, in the pill and behind it; the local backend is watched while the page is open."""
    pipeline, header = page.services.pipeline, page.header
    model_id = await pipeline.choose_model(backend, labels.model_id_of(model), nano_stands_in=True)
    status, chosen = await pipeline.status(backend, model_id), pipeline.backend(backend)
    if status.state is ServerState.ABSENT and status.models[model_id].get("on_disk"):
        await request_model(chosen, model_id)
    line = labels.backend_line(chosen, status, model_id)
    place = labels.destination(chosen, same_machine=current_visitor.get().is_local)
    return {
        header.pill: HeaderValue(
            backend=chosen.title, model=labels.model_title(model_id), state=line.word, tone=line.tone
        ),
        header.destination: text_notice(place),
        header.state: text_notice(line.sentence, line.hint),
        header.key: gr.update(visible=chosen.needs_key),
        page.timer: gr.Timer(active=chosen.is_local),
    }
