"""Family, variant and fields: only the inputs that the task needs are visible, and a disabled Run explains why."""

from dataclasses import replace

import gradio as gr

from florence_ui.tasks import Family
from florence_ui.ui import labels
from florence_ui.ui.layout import Page, unqueued
from florence_ui.ui.updates import Inputs, Updates, fit_form_to_task, has_key, read_question, run_controls


def wire(page: Page) -> None:
    """Connect the fields of the question."""
    ask = page.ask
    fields = {*page.question_fields}

    def fit(inputs: Inputs) -> Updates:
        return fit_form_to_task(page, inputs[page.session], read_question(page, inputs), key=has_key(page, inputs))

    def look(inputs: Inputs) -> Updates:
        session, question = inputs[page.session], read_question(page, inputs)
        question = replace(question, token=session.token or question.token)
        return run_controls(page, session, question, key=has_key(page, inputs))

    ask.family.input(open_family, ask.family, ask.variant, **unqueued()).then(
        fit, fields, page.question_parts, **unqueued()
    )
    ask.variant.input(fit, fields, page.question_parts, **unqueued())
    edits = [field.change for field in (ask.text, ask.classes, ask.model, ask.backend, ask.key)]
    gr.on([*edits, ask.picker.input], look, fields, page.run_parts, **unqueued(trigger_mode="always_last"))


def open_family(family: str) -> dict:
    """The family's variants with the first one chosen; hidden if there is only one."""
    variants = labels.variant_choices(Family(family))
    return gr.update(choices=variants, value=variants[0][1], visible=len(variants) > 1)
