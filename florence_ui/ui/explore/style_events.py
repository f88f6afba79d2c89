"""Style, visibility and downloads of the current answer; the model is not asked again."""

import gradio as gr

from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.errors import FlorenceUIError
from florence_ui.exports.formats import export_answer
from florence_ui.rendering.annotate import Style
from florence_ui.ui.components.notice import NoticeValue, error_notice, text_notice
from florence_ui.ui.explore import answer_view
from florence_ui.ui.layout import Page, queued
from florence_ui.ui.updates import Inputs, Updates
from florence_ui.visitors.session import PageSession

HAND_OVER = "window.florencePage.handOver"


def wire(page: Page) -> None:
    """Connect the style panel, the visibility toggles of the list and the downloads."""
    style, answer = page.style, page.answer
    fields, parts = {page.session, *style.controls}, [answer.stage, answer.slider, answer.python]
    options = queued(trigger_mode="always_last")

    async def redraw(inputs: Inputs) -> Updates:
        return await redraw_answer(page, inputs[page.session], style.read(inputs))

    async def toggle(inputs: Inputs, event: gr.EventData) -> Updates:
        session: PageSession = inputs[page.session]
        if session.run is not None:
            known = range(len(session.run.analysis.result.detections))
            hidden = getattr(event, "hidden", None)
            rows = hidden if isinstance(hidden, list) else []
            session.run.hidden = frozenset(k for k in rows if isinstance(k, int) and k in known)
        return await redraw_answer(page, session, style.read(inputs))

    async def reset(session: PageSession) -> Updates:
        return {**style.filled(Style()), **await redraw_answer(page, session, Style())}

    for changed in style.changes:
        changed(redraw, fields, parts, **options)
    answer.stage.toggle(toggle, fields, parts, **options)
    style.reset.click(reset, page.session, [*style.controls, *parts], **options)
    for name, button in page.download.buttons.items():
        wire_download(page, name, button)


def wire_download(page: Page, name: str, button: gr.Button) -> None:
    """Connect one download: the file is written, then the hidden button delivers it."""
    download = page.download

    async def make(inputs: Inputs) -> Updates:
        session: PageSession = inputs[page.session]
        if session.run is None:
            return {
                download.handover: None,
                download.notice: text_notice("There is no answer to download yet.", tone="error"),
            }
        try:
            analysis = await session.analysis_of(session.run)
            rows = answer_view.visible_rows(session.run)
            path = await draw_pool.run(export_answer, name, analysis, page.style.read(inputs), rows)
        except FlorenceUIError as error:  # otherwise the previous file would be delivered again
            return {download.handover: None, download.notice: error_notice(error)}
        return {download.handover: str(path), download.notice: NoticeValue()}

    fields = {page.session, *page.style.controls}
    made = button.click(make, fields, [download.handover, download.notice], **queued())
    made.success(None, js=HAND_OVER)


async def redraw_answer(page: Page, session: PageSession, style: Style) -> Updates:
    """Redraw the answer in another style, or with other objects visible."""
    if session.run is None:
        return {}
    try:
        await answer_view.draw(session, session.run, style)
    except FlorenceUIError as error:
        return {page.download.notice: error_notice(error)}
    return answer_view.picture_updates(page, session, style)
