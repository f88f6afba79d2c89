"""The parts of Many pictures, and their layout."""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from florence_ui.exports.datasets import MAX_VALIDATION_SHARE
from florence_ui.exports.formats import FORMATS
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.views import sheet_value, totals_value
from florence_ui.ui.components import ContactSheet, DrawerBar, Drawing, Notice, Stage, Totals, ViewerBar
from florence_ui.ui.explore.side import drawer, grip
from florence_ui.ui.layout import Page

PREFIX = "batch-"
REFRESH_SECONDS = 1.0
"""Seconds between updates of the sheet during a run."""
TABLE_COLUMNS = ["picture", "state", "found", "reason"]


@dataclass(frozen=True)
class BatchPanel:
    """All parts."""

    sheet: ContactSheet
    totals: Totals
    table: gr.Dataframe
    validation: gr.Slider
    buttons: Mapping[str, gr.Button]
    drawers: DrawerBar
    viewer: ViewerBar
    stage: Stage
    drawing: Drawing
    run: gr.Button
    stop: gr.Button
    retry: gr.Button
    notice: Notice
    timer: gr.Timer

    @property
    def seen(self) -> list[Block]:
        """The components that change with filters and order."""
        return [self.sheet, self.totals]

    @property
    def shown(self) -> list[Block]:
        """The components that change with the progress."""
        return [*self.seen, self.table, self.drawers, self.run, self.stop, self.retry, self.notice, self.timer]

    @property
    def viewed(self) -> list[Block]:
        """The components that change with the picture that is open in large."""
        return [self.viewer, self.stage, self.drawing]


def lay_out(page: Page) -> BatchPanel:
    """Lay out the mode, and its part of the dock."""
    nothing = BatchState()
    with gr.Row(elem_id="batch", elem_classes="mode"):
        with gr.Column(elem_classes="center"), gr.Column(elem_id="batch-canvas", elem_classes="canvas"):
            sheet = ContactSheet(sheet_value(nothing), elem_id="batch-contact-sheet", label="Pictures")
        with gr.Column(elem_id="batch-side", elem_classes="side"):
            grip()
            totals = Totals(totals_value(nothing, ""), elem_id="batch-totals", label="Totals by class")
            with drawer("Table", PREFIX):
                table = gr.Dataframe(
                    headers=TABLE_COLUMNS, type="array", interactive=False, wrap=True, show_label=False,
                    label="All pictures", elem_id="batch-table", buttons=["copy"],
                )  # fmt: skip
            with drawer("Download", PREFIX):
                buttons = {
                    name: gr.Button(kind.batch_title, size="sm", elem_id=f"batch-{name}")
                    for name, kind in FORMATS.items()
                    if kind.batch_title
                }
                validation = gr.Slider(
                    0, 100 * MAX_VALIDATION_SHARE, 0, step=5, label="Validation split, %",
                    info="Share of a data set to hold out; always the same pictures.", elem_id="batch-validation",
                )  # fmt: skip
            drawers = DrawerBar(
                names=["Table", "Download"], prefix=PREFIX, elem_id="batch-drawers", elem_classes="drawers",
                label="All answers in other forms",
            )  # fmt: skip
        with gr.Column(elem_id="viewer"):
            viewer = ViewerBar(elem_id="viewer-bar", label="Picture in large")
            with gr.Column(elem_id="viewer-canvas"):
                stage = Stage(elem_id="batch-stage", label="Picture in large")
            drawing = Drawing(elem_id="batch-drawing", label="Drawing")
    with page.dock.column:
        run = gr.Button(
            "Run", variant="primary", elem_id="batch-run", elem_classes=["dock-run", "for-batch", "runs-tab"]
        )
        stop = gr.Button(
            "Stop", variant="stop", elem_id="batch-stop", elem_classes=["dock-stop", "for-batch"], visible=False
        )
        retry = gr.Button("Retry failed", elem_id="batch-retry", elem_classes="for-batch", visible=False)
        notice = Notice(
            elem_id="batch-notice", elem_classes=["dock-notice", "for-batch"], label="Status of the pictures"
        )
    timer = gr.Timer(REFRESH_SECONDS, active=False)
    return BatchPanel(
        sheet, totals, table, validation, buttons, drawers, viewer, stage, drawing, run, stop, retry, notice,
        timer,
    )  # fmt: skip
