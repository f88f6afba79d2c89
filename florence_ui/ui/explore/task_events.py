"""Family, variant and fields: only the inputs that the task needs are there, and Run says why it is off."""

from dataclasses import replace

import gradio as gr

from florence_ui.tasks import Family
from florence_ui.ui import labels
from florence_ui.ui.layout import Page, quiet
from florence_ui.ui.updates import Given, Updates, fitted, has_key, question_in, run_state


def wire(page: Page) -> None:
    """Connects the fields of the question."""
    ask = page.ask
    fields = {*page.question_fields}

    def fit(given: Given) -> Updates:
        return fitted(page, given[page.session], question_in(page, given), key=has_key(page, given))

    def look(given: Given) -> Updates:
        session, question = given[page.session], question_in(page, given)
        question = replace(question, token=session.token or question.token)
        return run_state(page, session, question, key=has_key(page, given))

    ask.family.input(open_family, ask.family, ask.variant, **quiet()).then(fit, fields, page.question_parts, **quiet())
    ask.variant.input(fit, fields, page.question_parts, **quiet())
    edits = [field.change for field in (ask.text, ask.classes, ask.model, ask.backend, ask.key)]
    gr.on([*edits, ask.picker.input], look, fields, page.run_parts, **quiet(trigger_mode="always_last"))


def open_family(family: str) -> dict:
    """The family's variants, the first one chosen; none to choose where there is only one."""
    variants = labels.variant_choices(Family(family))
    return gr.update(choices=variants, value=variants[0][1], visible=len(variants) > 1)
