"""The settings that the browser remembers, the share link, and the server's state."""

import asyncio
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

import gradio as gr
from starlette.datastructures import Secret

from florence_ui.backends.model_status import ServerState
from florence_ui.backends.probe import request_model
from florence_ui.doctor import KEY_MISSING, examine, format_examination, how_to_set
from florence_ui.errors import InputError
from florence_ui.ui import labels
from florence_ui.ui.components.header_actions import HeaderValue
from florence_ui.ui.components.notice import Message, NoticeValue, text_notice
from florence_ui.ui.layout import Page, unqueued
from florence_ui.ui.updates import Inputs, Updates, remembered
from florence_ui.visitor_identity import current_visitor
from florence_ui.visitors.session import PageSession

CHECK = gr.update(value="Check this machine", interactive=True)
CHECKING = gr.update(value="Checking, which takes some seconds", interactive=False)
COPY_LINK = "window.florencePage.copyLink"


def wire(demo: gr.Blocks, page: Page, runs: Sequence[gr.events.Dependency]) -> None:
    """Connect what remembers and shares a setup, and the pill in the header, which follows each of the `runs`."""
    dock, header = page.dock, page.header
    fields = {*page.question_fields, *page.style.controls}
    choice = {header.backend, dock.model}

    async def look(inputs: Inputs) -> Updates:
        return await show_server_state(page, inputs[header.backend], inputs[dock.model], inputs.get(header.key, ""))

    def remember(inputs: Inputs) -> dict[str, str]:
        return remembered(page, inputs)

    def link(inputs: Inputs) -> str:
        example = current_example(page, inputs[page.session])
        return urlencode(remember(inputs) | ({"example": example} if example else {}))

    state = [header.pill, header.destination, header.state, header.key, header.check, page.timer]
    gr.on([demo.load, page.timer.tick], look, choice, state, **unqueued())
    asked = choice | {header.key}
    changes = [dock.model.change, header.backend.change, header.key.change]
    gr.on(changes, look, asked, state, **unqueued(trigger_mode="always_last"))
    for run in runs:
        run.then(look, asked, state, **unqueued())
    corrected = [header.backend.change, header.key.change]
    gr.on(corrected, lambda: text_notice(), None, header.key_notice, **unqueued())
    header.check.click(lambda: CHECKING, None, header.check, **unqueued()).then(
        partial(show_machine, page), None, [header.check, header.report], **unqueued()
    )
    gr.on([dock.model.input, header.backend.input, dock.run.click], remember, fields, page.remembered, **unqueued())
    page.download.link.click(link, fields, page.link_text, **unqueued()).then(None, page.link_text, js=COPY_LINK)


def current_example(page: Page, session: PageSession) -> str:
    """The name in links of the example on the page; empty for a visitor's own picture."""
    path = session.source[0] if session.source else None
    return next((example.path.stem for example in page.examples if example.path and example.path == path), "")


async def show_server_state(page: Page, backend: str, model: str, key: str = "") -> Updates:
    """Where it runs, in the pill and behind it; the local backend is watched while the page is open.

    Args:
        page: The page.
        backend: The chosen backend's name.
        model: The chosen model.
        key: The API key that was typed, if any.
    """
    pipeline, header = page.services.pipeline, page.header
    model_id = await pipeline.choose_model(backend, labels.model_id_of(model), nano_stands_in=True)
    typed, chosen = (key or "").strip(), pipeline.backend(backend)
    status = await pipeline.status(backend, model_id, key=Secret(typed) if typed else None)
    if status.state is ServerState.ABSENT and status.models[model_id].get("on_disk"):
        await request_model(chosen, model_id)
    line = labels.backend_line(chosen, status, model_id)
    visitor, settings = current_visitor.get(), page.services.settings
    messages = [Message(text=line.sentence, hint=line.hint)]
    if visitor.owns_space and chosen.needs_key and not settings.api_key:
        messages.append(Message(text=f"{KEY_MISSING}.", hint=how_to_set(settings, "API_KEY"), tone="warning"))
    place, account = labels.destination(chosen, same_machine=visitor.is_local), visitor.account
    return {
        header.pill: HeaderValue(
            backend=chosen.title,
            model=labels.model_title(model_id),
            state=line.word,
            tone=line.tone,
            account=account.name if account else "",
            avatar=account.avatar if account else "",
        ),
        header.destination: text_notice(place),
        header.state: NoticeValue(messages=messages),
        header.key: gr.update(visible=chosen.needs_key),
        header.check: gr.update(visible=visitor.is_owner),
        page.timer: gr.Timer(active=chosen.is_local),
    }


async def show_machine(page: Page) -> Updates:
    """What the machine that serves the page has, for its owner only.

    Raises:
        InputError: If the visitor is somebody else.
    """
    if not current_visitor.get().is_owner:
        raise InputError(
            "Only the owner of this page sees what its machine has.",
            "Open it on that machine, or run the doctor there.",
        )
    examination = await asyncio.to_thread(examine, page.services.settings)
    report = gr.update(value=format_examination(examination), visible=True)
    return {page.header.check: CHECK, page.header.report: report}
