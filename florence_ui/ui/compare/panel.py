"""The parts of Compare, and their layout."""

from typing import Literal

import gradio as gr
from gradio.blocks import Block

from florence_ui.results.compare import LEFT, RIGHT, comparison_columns
from florence_ui.tasks import TASKS
from florence_ui.ui import labels
from florence_ui.ui.compare.downloads import ComparisonFile
from florence_ui.ui.compare.pair import SAME_TASK, SideChoice
from florence_ui.ui.compare.views import NO_PICTURE
from florence_ui.ui.components.drawer_bar import DrawerBar
from florence_ui.ui.components.drawing import Drawing
from florence_ui.ui.components.found_by import FoundBy
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.components.side_button import SideButton
from florence_ui.ui.components.stage import Stage
from florence_ui.ui.components.verdict_bar import VerdictBar
from florence_ui.ui.explore.dock import model_field, run_and_stop
from florence_ui.ui.explore.side import drawer, grip, table
from florence_ui.ui.header.panel import key_field
from florence_ui.ui.layout import Page
from florence_ui.ui.updates import Inputs, Updates

PREFIX = "compare-"


class SideFields:
    """The model, backend, task and key of one side, behind a button in the dock."""

    def __init__(self, page: Page, who: Literal["left", "right"]) -> None:
        backends = [(backend.title, name) for name, backend in page.services.pipeline.backends.items()]
        pop = f"compare-{who}-pop"
        self.button = SideButton(who=who, popover=pop, elem_id=f"compare-{who}", label=f"{who.capitalize()} side")
        with gr.Column(elem_id=pop, elem_classes="popover"):
            self.model = model_field(labels.AUTOMATIC, f"compare-{who}-model")
            self.backend = gr.Radio(
                backends, value=page.services.settings.default_backend, label="Backend",
                elem_id=f"compare-{who}-backend", visible=len(backends) > 1,
            )  # fmt: skip
            tasks = [("The task in the dock", SAME_TASK), *((task.title, token) for token, task in TASKS.items())]
            self.task = gr.Dropdown(tasks, value=SAME_TASK, label="Task", elem_id=f"compare-{who}-task")
            self.key = key_field(f"compare-{who}-key")

    @property
    def fields(self) -> list[Block]:
        """The fields that are read."""
        return [self.model, self.backend, self.task, self.key]

    def read(self, inputs: Inputs) -> SideChoice:
        """What is chosen."""
        return SideChoice(labels.model_id_of(inputs[self.model]), inputs[self.backend], inputs[self.task] or SAME_TASK)

    def filled(self, choice: SideChoice) -> Updates:
        """The fields filled in."""
        model = choice.model_id or labels.AUTOMATIC
        return {self.model: model, self.backend: choice.backend, self.task: choice.token}


class ComparePanel:
    """All parts, among them those in the dock."""

    def __init__(self, page: Page) -> None:
        self.page = page
        with gr.Row(elem_id="compare", elem_classes="mode"):
            with gr.Column(elem_classes="center"):
                with gr.Column(elem_id="compare-canvas", elem_classes="canvas"):
                    self.verdict = VerdictBar(elem_id="compare-verdict", label="Verdict")
                    with gr.Column(elem_id="compare-stages"):
                        self.stages = (
                            Stage(NO_PICTURE, elem_id="compare-stage", label="Compared answers"),
                            Stage(elem_id="compare-stage-2", label="Right answer"),
                        )
                self.drawings = (
                    Drawing(elem_id="compare-drawing-1", label="Drawing"),
                    Drawing(elem_id="compare-drawing-2", label="Second drawing"),
                )
            with gr.Column(elem_id="compare-side", elem_classes="side"):
                grip()
                self.found_by = FoundBy(elem_id="compare-found-by", label="Who found what")
                with drawer("Table", PREFIX):
                    self.table = table("All objects", "compare-table", comparison_columns())
                with drawer("JSON", PREFIX):
                    self.record = gr.JSON(label="JSON", show_label=False, elem_id="compare-record")
                with drawer("Download", PREFIX):
                    self.downloads = {
                        kind: gr.Button(kind.value, size="sm", elem_id=f"compare-download-{kind.name.lower()}")
                        for kind in ComparisonFile
                    }
                self.drawers = DrawerBar(
                    names=["Table", "JSON", "Download"], prefix=PREFIX, elem_id="compare-drawers",
                    elem_classes="drawers", label="The comparison in other forms",
                )  # fmt: skip
        with page.dock.column:
            with gr.Row(elem_id="compare-sides", elem_classes="for-compare"):
                self.sides = {LEFT: SideFields(page, LEFT), RIGHT: SideFields(page, RIGHT)}
            self.run, self.stop = run_and_stop("Compare", "compare", PREFIX)
            self.notice = Notice(
                elem_id="compare-notice", elem_classes=["dock-notice", "for-compare"], label="Comparison status"
            )

    @property
    def shown(self) -> list[Block]:
        """The components that change with the comparison."""
        beside = [self.found_by, self.table, self.record, self.drawers]
        return [self.verdict, *self.stages, *self.drawings, *beside, self.notice]

    @property
    def choosers(self) -> list[Block]:
        """The fields of both sides."""
        return [field for side in self.sides.values() for field in side.fields]

    @property
    def buttons(self) -> list[Block]:
        """The buttons of both sides, and Compare and Stop."""
        return [*(side.button for side in self.sides.values()), self.run, self.stop]

    def read(self, inputs: Inputs) -> tuple[SideChoice, SideChoice]:
        """The chosen sides."""
        return self.sides[LEFT].read(inputs), self.sides[RIGHT].read(inputs)

    def filled(self, pair: tuple[SideChoice, SideChoice]) -> Updates:
        """The fields of both sides filled in."""
        return {**self.sides[LEFT].filled(pair[0]), **self.sides[RIGHT].filled(pair[1])}
