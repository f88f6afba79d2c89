"""How the page opens: with the visit that the tab had, with what a link says, or on the best recorded answer."""

import contextlib
from collections.abc import Mapping
from urllib.parse import urlencode

import gradio as gr

from florence_ui.errors import FlorenceUIError
from florence_ui.inference.gallery import Example
from florence_ui.inference.request import Question
from florence_ui.rendering.style import Style
from florence_ui.ui import share_link
from florence_ui.ui.explore import answer_view
from florence_ui.ui.explore.picture_events import set_picture, show_recorded
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.updates import Inputs, Updates, fill_form, keep_visit, merge_updates, read_question
from florence_ui.visitor_identity import current_visitor
from florence_ui.visitors.session import PageSession

READ_VISIT, KEEP_VISIT = "() => window.florencePage.readVisit()", "window.florencePage.keepVisit"


def wire(demo: gr.Blocks, page: Page) -> None:
    """Connect what happens when the page is loaded, and what it takes to load it again."""
    dock, header = page.dock, page.header
    fields = page.answer_fields | {page.visit, page.remembered}
    parts = [*dict.fromkeys([*page.all_parts, *page.style.controls, page.session, page.visit, page.modes])]

    async def load(inputs: Inputs, request: gr.Request) -> Updates:
        return await open_page(page, inputs, dict(request.query_params))

    async def note(inputs: Inputs) -> None:
        keep_visit(page, inputs)

    read = demo.load(None, None, page.visit, js=READ_VISIT)
    read.then(load, fields, parts, **queued()).then(None, page.visit, None, js=KEEP_VISIT)
    typed = [dock.task.input, dock.phrase.input, dock.prompt.input, dock.classes.input, dock.model.input]
    chosen = [header.backend.input, header.strategy.input]
    gr.on([*typed, *chosen], note, page.answer_fields, None, **unqueued(trigger_mode="always_last"))


async def open_page(page: Page, inputs: Inputs, query: Mapping[str, str]) -> Updates:
    """Open the page with the tab's visit, unless it follows another link; the model is not asked."""
    link = urlencode(sorted((name, text) for name, text in query.items() if name in share_link.NAMES))
    session = page.services.visits.resume(inputs[page.visit], current_visitor.get().address)
    if session is not None and session.opened_with == link and await is_whole(session):
        return await reopen_visit(page, inputs, session)
    session = inputs[page.session]
    session.opened_with = link
    session.visit = page.services.visits.keep(session, current_visitor.get().address)
    return await open_anew(page, inputs, query)


async def is_whole(session: PageSession) -> bool:
    """Whether a session's picture is still there, if it had one."""
    if session.source is not None:
        try:
            await session.picture()
        except FlorenceUIError:
            return False
    return True


async def reopen_visit(page: Page, inputs: Inputs, session: PageSession) -> Updates:
    """The page as it was: picture, fields, answer, and recent runs."""
    question = session.question or (session.run.question if session.run else read_question(page, inputs))
    shown = await show_page(page, inputs, session, question, session.style)
    return shown | ({page.modes: gr.Tabs(selected=session.tab)} if session.tab else {})


async def open_anew(page: Page, inputs: Inputs, query: Mapping[str, str]) -> Updates:
    """The page with the link's question, else the remembered one, about the link's example, else the best recorded.

    If that question has a recorded answer, it is shown.
    """
    session: PageSession = inputs[page.session]
    remembered = inputs[page.remembered]  # whatever the browser keeps there
    kept = query if "task" in query else remembered if isinstance(remembered, Mapping) else {}
    example, usual = first_example(page, query, kept), read_question(page, inputs)
    if example is not None:
        usual = example.question(model_id=usual.model_id, backend=usual.backend)
    question, style = share_link.decode(kept, usual, page.services.pipeline.backends)
    if example is not None and example.path is not None:
        with contextlib.suppress(FlorenceUIError):
            await set_picture(session, page.services.open_own(example.path))
            session.region = question.region
            await show_recorded(page, session, example, question)
    return await show_page(page, inputs, session, question, style, inviting=True)


async def show_page(
    page: Page, inputs: Inputs, session: PageSession, question: Question, style: Style, *, inviting: bool = False
) -> Updates:
    """A session with its question and style."""
    filled = page.style.filled(style)
    shown = answer_view.no_answer(page, session, question)
    if session.run is not None:
        with contextlib.suppress(FlorenceUIError):
            shown = await answer_view.answer_updates(page, {**inputs, **filled, page.session: session}, question)
            shown[page.stage] = shown[page.stage].model_copy(update={"inviting": inviting})
    own: Updates = {page.session: session, page.visit: session.visit}
    return merge_updates(fill_form(page, session, question), shown, filled, own)


def first_example(page: Page, query: Mapping[str, str], kept: Mapping[str, str]) -> Example | None:
    """The example that a link names, else one for the task that is kept, else the one with the best recorded answer."""
    bundled = [example for example in page.examples if example.path]
    named = [example for example in bundled if example.path and example.path.stem == query.get("example")]
    fitting = [example for example in bundled if example.token == kept.get("task")]
    for candidates in (named, fitting, bundled):
        if candidates:
            return candidates[page.services.recordings.best(candidates) or 0]
    return None
