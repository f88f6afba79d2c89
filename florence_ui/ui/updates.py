"""Updates of the page by events, composed from small pieces."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import gradio as gr
from gradio.blocks import Block

from florence_ui.inference.request import Question, Strategy
from florence_ui.tasks import InputKind, get_task
from florence_ui.ui import labels
from florence_ui.ui.components.box_picker import BoxValue
from florence_ui.ui.components.notice import NoticeValue, text_notice
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import Page
from florence_ui.visitor_identity import current_visitor
from florence_ui.visitors.session import PageSession

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
            joined[component] = {**before, **change} if _is_update(before) and _is_update(change) else change
    return joined


def _is_update(change: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(change, dict) and change.get("__type__") == "update"


def read_question(page: Page, inputs: Inputs) -> Question:
    """The question in the fields, unchecked."""
    ask = page.ask
    return Question(
        token=inputs[ask.variant],
        text=inputs[ask.text] or "",
        classes=tuple(inputs[ask.classes] or ()),
        region=tuple(inputs[ask.picker]) if inputs[ask.picker] else None,
        model_id=labels.model_id_of(inputs[ask.model]),
        backend=inputs[ask.backend],
        strategy=Strategy(inputs[ask.strategy] or Strategy.TOGETHER),
    )


def has_key(page: Page, inputs: Inputs) -> bool:
    """Whether a key was typed."""
    return bool((inputs[page.ask.key] or "").strip())


def fill_form(page: Page, question: Question) -> Updates:
    """The fields filled in with a question."""
    ask, task = page.ask, get_task(question.token)
    variants = labels.variant_choices(task.family)
    return {
        ask.family: task.family.value,
        ask.variant: gr.update(choices=variants, value=task.token, visible=len(variants) > 1),
        ask.text: gr.update(value=question.text),
        ask.classes: gr.update(choices=list(question.classes), value=list(question.classes)),
        ask.strategy: gr.update(value=question.strategy.value),
        ask.model: question.model_id or labels.AUTOMATIC,
        ask.backend: question.backend,
    }


def fit_form_to_task(
    page: Page, session: PageSession, question: Question, *, key: bool, fresh: bool = False
) -> Updates:
    """Show only the fields that the task needs, and enable or disable Run.

    Args:
        page: The page.
        session: The session with the picture; it stores the task.
        question: The question in the fields.
        key: Whether a key was typed.
        fresh: Whether the picture and region changed, not only the task.
    """
    ask, task = page.ask, get_task(question.token)
    session.token, kind = task.token, task.input_kind
    typed = kind in (InputKind.PHRASE, InputKind.PROMPT)
    draws = kind is InputKind.REGION and session.shown is not None
    words = {"label": labels.FIELD_LABELS[kind], "placeholder": f"For example: {task.example}"} if typed else {}
    updates = {
        ask.help: labels.task_help(task),
        ask.text: gr.update(visible=typed, **words),
        ask.classes: gr.update(visible=kind is InputKind.CLASSES),
        ask.strategy: gr.update(visible=kind is InputKind.CLASSES),
        ask.picture: gr.update(visible=not draws),
        ask.picker: gr.update(visible=draws),
        ask.input_notice: NoticeValue(),
        **run_controls(page, session, question, key=key),
    }
    if not fresh:
        return updates
    region = list(question.region) if question.region else None
    return merge_updates(
        updates,
        {
            ask.picture: gr.update(value=str(session.shown) if session.shown else None),
            ask.picker: gr.update(value=BoxValue(image=as_file_data(session.shown), box=region)),
        },
    )


def run_controls(page: Page, session: PageSession, question: Question, *, key: bool) -> Updates:
    """Whether Run is enabled, and if not why, where the picture is sent, and whether a key must be typed."""
    ask, backend = page.ask, page.services.pipeline.backend(question.backend)
    reason = labels.why_disabled(
        get_task(question.token),
        has_picture=session.source is not None,
        text=question.text,
        classes=question.classes,
        region=question.region,
        needs_key=backend.needs_key and page.services.settings.api_key is None,
        has_key=key,
    )
    return {
        ask.run: gr.update(interactive=not reason),
        ask.run_notice: text_notice(reason),
        ask.destination: text_notice(labels.destination(backend, same_machine=current_visitor.get().is_local)),
        ask.key: gr.update(visible=backend.needs_key),
    }


def clear_answer(page: Page) -> Updates:
    """Empty every form of the answer but the stage."""
    answer = page.answer
    return {
        answer.slider: None,
        answer.table: gr.update(headers=["#"], value=[]),
        answer.text: "",
        answer.json: None,
        answer.curl: "",
        answer.python: "",
        answer.meta: NoticeValue(),
        answer.warnings: NoticeValue(),
        page.style.panel: gr.update(visible=False),
        page.download.panel: gr.update(visible=False),
    }
