"""Updates of the page by events, composed from small pieces."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import gradio as gr
from gradio.blocks import Block

from florence_ui.inference.request import Question, Strategy
from florence_ui.rendering.view import View
from florence_ui.tasks import TASKS, InputKind, get_task
from florence_ui.ui import labels, share_link
from florence_ui.ui.components.notice import NoticeValue
from florence_ui.ui.components.region_field import RegionValue
from florence_ui.ui.components.task_picker import TaskValue
from florence_ui.ui.layout import Page
from florence_ui.visitors.session import PageSession, TabState

Inputs = Mapping[Any, Any]
"""The inputs of an event, passed by Gradio as a dict: component -> value."""
Updates = dict[Block, Any]
"""The changes by an event: component -> value, or `gr.update(...)`."""


def merge_updates(*pieces: Updates) -> Updates:
    """Merge updates; two of one component are combined, and the later one takes precedence."""
    joined: Updates = {}
    for piece in pieces:
        for component, change in piece.items():
            before = joined.get(component)
            after = change if _is_update(change) else {"value": change}
            joined[component] = {**before, **after} if _is_update(before) else change
    return joined


def _is_update(change: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(change, dict) and change.get("__type__") == "update"


def read_question(page: Page, inputs: Inputs) -> Question:
    """The question in the fields, unchecked; fields that its task does not need are left out."""
    dock, header, session = page.dock, page.header, inputs[page.session]
    token = inputs[dock.task]
    kind = TASKS[token].input_kind if token in TASKS else InputKind.NONE
    typed = {InputKind.PHRASE: dock.phrase, InputKind.PROMPT: dock.prompt}.get(kind)
    return Question(
        token=token,
        text=(inputs[typed] or "") if typed else "",
        classes=tuple(inputs[dock.classes] or ()) if kind is InputKind.CLASSES else (),
        region=session.region_asked if kind is InputKind.REGION else None,
        model_id=labels.model_id_of(inputs[dock.model]),
        backend=inputs[header.backend],
        strategy=Strategy(inputs[header.strategy] or Strategy.TOGETHER),
    )


def read_view(event: Any) -> View:
    """What a stage reports in its `view` event; the browser's numbers are not trusted, see `View`."""
    seen: list[Any] = [getattr(event, name, None) for name in ("size", "ratio", "box", "reserved")]
    return View(*seen)


def tab_state(page: Page, inputs: Inputs, kind: type[TabState]) -> TabState:
    """What a tab keeps, by its class."""
    session: PageSession = inputs[page.session]
    return session.of_tab(kind)


def keep_visit(page: Page, inputs: Inputs) -> None:
    """Keep what is in the fields for when the page is loaded again."""
    session: PageSession = inputs[page.session]
    session.question, session.style = read_question(page, inputs), page.style.read(inputs)
    page.services.visits.touch(session.visit)


def remembered(page: Page, inputs: Inputs) -> dict[str, str]:
    """What the browser remembers: the question and the style, never the key."""
    return share_link.encode(read_question(page, inputs), page.style.read(inputs))


def fill_form(page: Page, session: PageSession, question: Question) -> Updates:
    """The fields filled in with a question; those that its task does not need keep what was typed."""
    dock, task = page.dock, get_task(question.token)
    filled: Updates = {
        dock.task: TaskValue(token=task.token),
        dock.model: question.model_id or labels.AUTOMATIC,
        page.header.backend: question.backend,
        page.header.strategy: gr.update(value=question.strategy.value),
    }
    match task.input_kind:
        case InputKind.PHRASE:
            filled[dock.phrase] = gr.update(value=question.text)
        case InputKind.PROMPT:
            filled[dock.prompt] = gr.update(value=question.text)
        case InputKind.CLASSES:
            filled[dock.classes] = gr.update(value=list(question.classes))
    return merge_updates(filled, fit_form_to_task(page, session, task.token))


def fit_form_to_task(page: Page, session: PageSession, token: str) -> Updates:
    """The examples in the fields that the task needs, and the region in words."""
    dock, task = page.dock, get_task(token)
    updates: Updates = {dock.notice: NoticeValue(), dock.region: region_value(session, token)}
    typed = {InputKind.PHRASE: dock.phrase, InputKind.PROMPT: dock.prompt}.get(task.input_kind)
    return updates | ({typed: gr.update(placeholder=f"For example: {task.example}")} if typed else {})


def region_value(session: PageSession, token: str = "") -> RegionValue:
    """The region as the server knows it, and the task if it is another one: the page's Run waits for both."""
    return RegionValue(text=region_text(session), box=session.region, token=token)


def region_text(session: PageSession) -> str:
    """Where the region is: the selected object, or the region's corners in pixels; empty if there is none."""
    if session.region is None and (run := session.run) and session.box_of(session.selected):
        return f"{run.analysis.result.labels[session.selected] or 'region'} {session.selected + 1}"
    if session.region is None or session.size is None:
        return ""
    x1, y1, x2, y2 = (round(part * side) for part, side in zip(session.region, session.size * 2, strict=True))
    return f"{x1}, {y1} to {x2}, {y2}"


def show_stop(page: Page) -> Updates:
    """Show Stop instead of Run."""
    return {
        page.dock.run: gr.update(visible=False),
        page.dock.stop: gr.update(visible=True),
        page.dock.notice: NoticeValue(),
        page.picture_notice: NoticeValue(),
        page.header.key_notice: NoticeValue(),
    }


def show_run(page: Page) -> Updates:
    """Show Run instead of Stop."""
    return {page.dock.run: gr.update(visible=True), page.dock.stop: gr.update(visible=False)}
