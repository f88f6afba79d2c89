"""The buttons that download a file."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from florence_ui.errors import FlorenceUIError
from florence_ui.exports.formats import FORMATS
from florence_ui.results.result import Result
from florence_ui.ui.components.notice import Message, Notice, NoticeValue, error_notice
from florence_ui.ui.layout import Page, queued
from florence_ui.ui.updates import Inputs, Updates

HAND_OVER = "window.florencePage.handOver"


def offer(buttons: Mapping[str, gr.Button], results: Sequence[Result]) -> Updates:
    """The buttons of the formats, by their names: those for which the answers lack something say so, and are off."""
    needs = {button: FORMATS[name].lacks(results) for name, button in buttons.items()}
    return {
        button: gr.update(value=f"{button.value} (no {need})" if need else button.value, interactive=need is None)
        for button, need in needs.items()
    }


def wire_download(
    page: Page,
    button: gr.Button,
    write: Callable[[Inputs], Awaitable[tuple[Path, Sequence[str]]]],
    fields: set[Block],
    notice: Notice,
) -> None:
    """Connect a button: the file is written, then the page's hidden button delivers it.

    Args:
        page: The page.
        button: What is clicked.
        write: inputs -> the file, and what there is to say about it.
        fields: The components that it reads.
        notice: Where that stands, or the reason for a failure.
    """
    handover = page.download.handover

    async def make(inputs: Inputs) -> Updates:
        try:
            path, said = await write(inputs)
        except FlorenceUIError as error:  # otherwise the previous file would be delivered again
            return {handover: None, notice: error_notice(error)}
        return {handover: str(path), notice: NoticeValue(messages=[Message(text=text) for text in said])}

    made = button.click(make, fields, [handover, notice], **queued())
    made.success(None, js=HAND_OVER)
