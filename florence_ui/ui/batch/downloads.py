"""The downloads of all answers."""

import gradio as gr

from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.errors import FlorenceUIError
from florence_ui.exports.formats import Options, export_batch
from florence_ui.ui.batch.panel import BatchPanel
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.components.notice import Message, NoticeValue, error_notice
from florence_ui.ui.explore.style_events import HAND_OVER
from florence_ui.ui.layout import Page, queued
from florence_ui.ui.updates import Inputs, Updates, tab_state


def wire_download(page: Page, panel: BatchPanel, name: str, button: gr.Button) -> None:
    """Connect one download of all finished pictures."""

    async def make(inputs: Inputs) -> Updates:
        options = Options(page.services.image_limits, page.style.read(inputs), (inputs[panel.validation] or 0) / 100)
        try:
            export = await draw_pool.run(export_batch, name, tab_state(page, inputs, BatchState).batch, options)
        except FlorenceUIError as error:
            return {page.download.handover: None, panel.notice: error_notice(error)}
        left_out = NoticeValue(messages=[Message(text=note) for note in export.notes])
        return {page.download.handover: str(export.path), panel.notice: left_out}

    needed = {page.session, panel.validation, *page.style.controls}
    made = button.click(make, needed, [page.download.handover, panel.notice], **queued())
    made.success(None, js=HAND_OVER)
