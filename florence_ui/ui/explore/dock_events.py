"""The task, and the buttons at the foot of the stage, which change the question or ask it again."""

import secrets
from dataclasses import replace
from typing import Any

import gradio as gr

from florence_ui.prompts import split_classes
from florence_ui.ui import labels
from florence_ui.ui.components.notice import text_notice
from florence_ui.ui.explore import answer_view, stage_view
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.updates import Inputs, Updates, fill_form, fit_form_to_task, merge_updates, read_question
from florence_ui.visitors.session import PageSession

ASK_INSTEAD = "<DETAILED_CAPTION>"
DISMISS = "() => document.dispatchEvent(new CustomEvent('florence:dismiss', { detail: { group: 'explore' } }))"
"""Tells the stage that another model or backend was chosen: the last one's failure is no longer of interest."""


def wire(page: Page) -> None:
    """Connect the task and the stage's buttons."""
    fields, parts = page.answer_fields, [*page.all_parts, page.asked]

    def fit(inputs: Inputs) -> Updates:
        session, question = inputs[page.session], read_question(page, inputs)
        standing = answer_view.standing(page, session, question)
        return merge_updates(fit_form_to_task(page, session, question.token), standing)

    def press(inputs: Inputs, event: gr.EventData) -> Updates:
        return press_button(page, inputs, getattr(event, "name", ""))

    def separate(classes: list[str] | None) -> dict[str, Any]:
        names = split_classes("\n".join(classes or ()))
        return gr.skip() if names == (classes or []) else gr.update(value=names)

    page.dock.classes.change(separate, page.dock.classes, page.dock.classes, **unqueued(trigger_mode="always_last"))
    page.dock.task.input(fit, fields, page.all_parts, **unqueued(trigger_mode="always_last"))
    page.stage.press(press, fields, parts, **queued())
    gr.on([page.dock.model.input, page.header.backend.input], None, js=DISMISS)


def press_button(page: Page, inputs: Inputs, name: object) -> Updates:
    """What a button at the foot of the stage does."""
    session: PageSession = inputs[page.session]
    question = read_question(page, inputs)
    asked: Updates = {page.asked: secrets.token_hex(4)}
    backends = page.services.pipeline.backends
    match name:
        case stage_view.RUN | labels.RETRY:
            return asked
        case stage_view.DESCRIBE:
            return {**fill_form(page, session, replace(question, token=ASK_INSTEAD)), **asked}
        case stage_view.EDIT:
            return {page.dock.notice: text_notice("Try simpler words.", tone="warning")}
        case labels.USE_AUTOMATIC:
            return {page.dock.model: labels.AUTOMATIC, **asked}
        case str() if (other := name.removeprefix(labels.USE_BACKEND)) in backends:
            return {page.header.backend: other, **asked}
    return {}
