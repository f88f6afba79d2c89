"""The parts of Many pictures, and their layout."""

import gradio as gr
from gradio.blocks import Block

from florence_ui.exports.datasets import MAX_VALIDATION_SHARE
from florence_ui.exports.formats import FORMATS
from florence_ui.rendering.style import Style
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.batch.viewer import Viewer
from florence_ui.ui.batch.views import sheet_value, totals_value
from florence_ui.ui.components.contact_sheet import ContactSheet
from florence_ui.ui.components.drawer_bar import DrawerBar
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.components.totals import Totals
from florence_ui.ui.explore.dock import run_and_stop
from florence_ui.ui.explore.side import drawer, grip, table
from florence_ui.ui.layout import Page

PREFIX = "batch-"
TABLE_HEIGHT = 9000
"""CSS pixels, more than `MAX_PICTURES` rows: the drawer scrolls, not the table in it."""
REFRESH_SECONDS = 1.0
"""Seconds between updates of the sheet during a run."""


class BatchPanel:
    """All parts, among them those in the dock."""

    def __init__(self, page: Page) -> None:
        self.page, nothing = page, BatchState()
        with gr.Row(elem_id="batch", elem_classes="mode"):
            with gr.Column(elem_classes="center"), gr.Column(elem_id="batch-canvas", elem_classes="canvas"):
                self.sheet = ContactSheet(sheet_value(nothing), elem_id="batch-contact-sheet", label="Pictures")
            with gr.Column(elem_id="batch-side", elem_classes="side"):
                grip()
                self.totals = Totals(totals_value(nothing, Style()), elem_id="batch-totals", label="Totals by class")
                with drawer("Table", PREFIX):
                    self.table = table(
                        "All pictures", "batch-table", ["picture", "found", "state"],
                        column_widths=["45%", "20%", "35%"], max_height=TABLE_HEIGHT,
                    )  # fmt: skip
                with drawer("Download", PREFIX):
                    self.validation = gr.Slider(
                        0, 100 * MAX_VALIDATION_SHARE, 0, step=5, label="Validation split, %",
                        info="Share of a data set to hold out; always the same pictures.", buttons=[],
                        elem_id="batch-validation",
                    )  # fmt: skip
                    self.downloads = {
                        name: gr.Button(kind.batch_title, size="sm", elem_id=f"batch-{name}")
                        for name, kind in FORMATS.items()
                        if kind.batch_title
                    }
                self.drawers = DrawerBar(
                    names=["Table", "Download"], prefix=PREFIX, elem_id="batch-drawers", elem_classes="drawers",
                    label="All answers in other forms",
                )  # fmt: skip
            self.viewer = Viewer(page)
        with page.dock.column:
            self.run, self.stop = run_and_stop("Run", "batch", PREFIX)
            self.retry = gr.Button("Retry failed", elem_id="batch-retry", elem_classes="for-batch", visible=False)
            self.notice = Notice(
                elem_id="batch-notice", elem_classes=["dock-notice", "for-batch"], label="Status of the pictures"
            )
        self.timer = gr.Timer(REFRESH_SECONDS, active=False)

    @property
    def seen(self) -> list[Block]:
        """The components that change with filters and order."""
        return [self.sheet, self.totals, self.table]

    @property
    def shown(self) -> list[Block]:
        """The components that change with the progress."""
        buttons = [self.run, self.stop, self.retry, *self.downloads.values()]
        return [*self.seen, self.drawers, *buttons, self.notice, self.timer]
