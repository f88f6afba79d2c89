"""Filters beside the answer: off by default, with a sentence about what was removed. The model is not asked again."""

from dataclasses import fields

import gradio as gr

from florence_ui.errors import FlorenceUIError
from florence_ui.exports.tables import table_rows
from florence_ui.results.filters import Filters, Removal, filter_result
from florence_ui.ui.components import Notice
from florence_ui.ui.components.notice import Message, NoticeValue, error_notice
from florence_ui.ui.explore import answer_view
from florence_ui.ui.layout import Page, queued
from florence_ui.ui.updates import Inputs, Updates
from florence_ui.visitors.session import PageSession, Run

TITLES = {
    "whole_image": "whole-picture boxes",
    "duplicates": "duplicates",
    "overlapping": "overlapping boxes with different labels",
    "inverted": "boxes with swapped corners",
}
"""Labels of the filters, by the field names of `Filters`."""


def build_filter_panel(page: Page) -> None:
    """Lay out the filters and connect their events; they are visible when something was found."""
    with gr.Column(visible=False, elem_id="filter-panel") as panel:
        chosen = gr.CheckboxGroup(
            [(TITLES[field.name], field.name) for field in fields(Filters)], label="Leave out", elem_id="filters"
        )
        notice = Notice(elem_id="filter-notice", label="What was left out")
    answer, read = page.answer, {page.session, chosen, *page.style.controls}
    parts = [panel, notice, answer.stage, answer.slider, answer.python, answer.table]

    async def look(inputs: Inputs) -> Updates:
        return await apply_filters(page, panel, notice, inputs, inputs[chosen])

    options = queued(trigger_mode="always_last")
    gr.on([chosen.input, answer.stage.change], look, read, parts, **options)


async def apply_filters(page: Page, panel: gr.Column, notice: Notice, inputs: Inputs, chosen: list[str]) -> Updates:
    """Apply the filters to the answer, and redraw it only if that changes anything."""
    session: PageSession = inputs[page.session]
    run = session.run
    if run is None or not len(run.analysis.result.detections):
        return {panel: gr.update(visible=False), notice: NoticeValue()}
    _, removals = filter_result(run.analysis.result, Filters(**dict.fromkeys(chosen or (), True)))
    shown: Updates = {
        panel: gr.update(visible=True),
        notice: NoticeValue(messages=[Message(text=gone.reason) for gone in removals]),
    }
    if not leave_out(run, removals):
        return shown
    try:
        await answer_view.draw(session, run, page.style.read(inputs))
    except FlorenceUIError as error:
        return {notice: error_notice(error)}
    kept = [row for row in range(len(run.analysis.result.detections)) if row not in run.filtered]
    _, rows = table_rows(run.analysis.result, kept)
    drawn = answer_view.picture_updates(page, session, page.style.read(inputs))
    return {**shown, **drawn, page.answer.table: gr.update(value=rows)}


def leave_out(run: Run, removals: tuple[Removal, ...]) -> bool:
    """Hide removed objects and show those no longer removed; return whether that changed anything.

    Objects hidden or shown by hand stay as they are, unless a filter now decides otherwise.
    """
    gone = frozenset(index for removal in removals for index in removal.indices)
    if gone == run.filtered:
        return False
    run.hidden = (run.hidden - (run.filtered - gone)) | (gone - run.filtered)
    run.filtered = gone
    return True
