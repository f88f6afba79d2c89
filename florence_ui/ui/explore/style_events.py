"""Style, filters and downloads of the current answer; the model is not asked again."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.errors import InputError
from florence_ui.exports.formats import export_answer
from florence_ui.rendering.style import Style
from florence_ui.ui.downloads import wire_download
from florence_ui.ui.explore import answer_view
from florence_ui.ui.explore.filters import apply_filters, removal_notice
from florence_ui.ui.explore.stage_events import redraw
from florence_ui.ui.layout import Page, queued
from florence_ui.ui.updates import Inputs, Updates, keep_visit, read_question, remembered
from florence_ui.visitors.session import PageSession


def wire(page: Page) -> None:
    """Connect the style, the filters and the downloads."""
    style, side = page.style, page.side
    fields = page.answer_fields
    drawn = [page.drawing, page.picture_notice, page.stage, side.answer_list, side.python]
    restyled = [*drawn, page.remembered]
    options = queued(trigger_mode="always_last")

    async def restyle(inputs: Inputs) -> Updates:
        return {**keep(inputs), **await show_style(page, inputs)}

    async def reset(inputs: Inputs) -> Updates:
        usual = style.filled(Style())
        return {**usual, **keep({**inputs, **usual}), **await show_style(page, {**inputs, **usual})}

    def keep(inputs: Inputs) -> Updates:  # in the same event: others would compete with the drawing for the browser
        keep_visit(page, inputs)
        return {page.remembered: remembered(page, inputs)}

    for changed in style.changes:
        changed(restyle, fields, restyled, **options)
    style.reset.click(reset, fields, [*style.controls, *restyled], **options)
    filtered = [*drawn, style.filter_notice, side.table, side.then, *side.next_steps.values()]
    style.filters.input(partial(filter_answer, page), fields, filtered, **options)
    for name, button in page.download.buttons.items():
        write = partial(write_answer, page, name)
        wire_download(page, button, write, {page.session, *style.controls}, page.download.notice)


async def show_style(page: Page, inputs: Inputs, *, refiltered: bool = False) -> Updates:
    """The answer redrawn; the stage and the list follow only if colors or the visible objects changed."""
    session, style = inputs[page.session], page.style.read(inputs)
    if session.run is None:
        return {}
    changed, session.style = refiltered or style.palette != session.style.palette, style
    standing = answer_view.standing(page, session, read_question(page, inputs)) if changed else {}
    program: Updates = {page.side.python: answer_view.program(page, session.run, style)}
    return {**standing, **program, **await redraw(page, inputs)}


async def filter_answer(page: Page, inputs: Inputs) -> Updates:
    """The answer without what the filters leave out."""
    session: PageSession = inputs[page.session]
    if session.run is None:
        return {}
    removals = apply_filters(session.run, inputs[page.style.filters])
    return {
        **await show_style(page, inputs, refiltered=True),
        **answer_view.then_updates(page, session),
        page.style.filter_notice: removal_notice(removals),
        page.side.table: answer_view.table_update(session.run),
    }


async def write_answer(page: Page, name: str, inputs: Inputs) -> tuple[Path, Sequence[str]]:
    """Write the answer as a file of that format; there is nothing to say about it.

    Raises:
        FlorenceUIError: If there is none, its picture is gone, or the file cannot be written.
    """
    session: PageSession = inputs[page.session]
    if session.run is None:
        raise InputError("There is no answer to download yet.")
    analysis = await session.analysis_of(session.run)
    rows = answer_view.visible_rows(session.run)
    return await draw_pool.run(export_answer, name, analysis, page.style.read(inputs), rows), ()
