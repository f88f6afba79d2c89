"""The parts of Compare, and their layout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import gradio as gr
from gradio.blocks import Block

from florence_ui.results.compare import LEFT, RIGHT, comparison_columns
from florence_ui.tasks import TASKS
from florence_ui.ui import labels
from florence_ui.ui.compare.downloads import ComparisonFile
from florence_ui.ui.compare.pair import SAME_TASK, SideChoice
from florence_ui.ui.compare.views import NO_PICTURE
from florence_ui.ui.components import DrawerBar, Drawing, FoundBy, Notice, SideButton, Stage, VerdictBar
from florence_ui.ui.explore.side import drawer, grip
from florence_ui.ui.header.panel import key_field
from florence_ui.ui.layout import Page
from florence_ui.ui.updates import Inputs, Updates

PREFIX = "compare-"


@dataclass(frozen=True)
class SideFields:
    """The model, server, task and key of one side, behind a button in the dock."""

    button: SideButton
    model: gr.Dropdown
    backend: gr.Radio
    task: gr.Dropdown
    key: gr.Textbox

    @property
    def fields(self) -> list[Block]:
        """The fields that are read."""
        return [self.model, self.backend, self.task, self.key]

    def read(self, inputs: Inputs) -> SideChoice:
        """What is chosen."""
        return SideChoice(labels.model_id_of(inputs[self.model]), inputs[self.backend], inputs[self.task] or SAME_TASK)


@dataclass(frozen=True)
class ComparePanel:
    """All parts."""

    verdict: VerdictBar
    stages: tuple[Stage, Stage]
    drawings: tuple[Drawing, Drawing]
    found_by: FoundBy
    table: gr.Dataframe
    record: gr.JSON
    downloads: Mapping[ComparisonFile, gr.Button]
    drawers: DrawerBar
    sides: Mapping[str, SideFields]
    run: gr.Button
    stop: gr.Button
    notice: Notice

    @property
    def shown(self) -> list[Block]:
        """The components that change with the comparison."""
        beside = [self.found_by, self.table, self.record, self.drawers]
        return [self.verdict, *self.stages, *self.drawings, *beside, self.notice]

    @property
    def choosers(self) -> list[Block]:
        """The fields of both sides."""
        return [field for side in self.sides.values() for field in side.fields]

    def read(self, inputs: Inputs) -> tuple[SideChoice, SideChoice]:
        """The chosen sides."""
        return self.sides[LEFT].read(inputs), self.sides[RIGHT].read(inputs)

    def filled(self, pair: tuple[SideChoice, SideChoice]) -> Updates:
        """The fields of both sides filled in."""
        filled: Updates = {}
        for fields, choice in zip(self.sides.values(), pair, strict=True):
            filled |= {
                fields.model: choice.model_id or labels.AUTOMATIC,
                fields.backend: choice.backend,
                fields.task: choice.token,
            }
        return filled

    @property
    def buttons(self) -> list[Block]:
        """The buttons of both sides, and Compare and Stop."""
        return [*(side.button for side in self.sides.values()), self.run, self.stop]


def lay_out(page: Page) -> ComparePanel:
    """Lay out the mode, and its part of the dock."""
    with gr.Row(elem_id="compare", elem_classes="mode"):
        with gr.Column(elem_classes="center"):
            with gr.Column(elem_id="compare-canvas", elem_classes="canvas"):
                verdict = VerdictBar(elem_id="compare-verdict", label="Verdict")
                with gr.Column(elem_id="compare-stages"):
                    first = Stage(NO_PICTURE, elem_id="compare-stage", label="Compared answers")
                    second = Stage(elem_id="compare-stage-2", label="Right answer")
            drawings = (
                Drawing(elem_id="compare-drawing-1", label="Drawing"),
                Drawing(elem_id="compare-drawing-2", label="Second drawing"),
            )
        with gr.Column(elem_id="compare-side", elem_classes="side"):
            grip()
            found_by = FoundBy(elem_id="compare-found-by", label="Who found what")
            with drawer("Table", PREFIX):
                table = gr.Dataframe(
                    headers=comparison_columns(), type="array", interactive=False, wrap=True, show_label=False,
                    label="All objects", elem_id="compare-table", buttons=["copy"],
                )  # fmt: skip
            with drawer("JSON", PREFIX):
                record = gr.JSON(label="JSON", show_label=False, elem_id="compare-record")
            with drawer("Download", PREFIX):
                downloads = {
                    kind: gr.Button(kind.value, size="sm", elem_id=f"compare-download-{kind.name.lower()}")
                    for kind in ComparisonFile
                }
            drawers = DrawerBar(
                names=["Table", "JSON", "Download"], prefix=PREFIX, elem_id="compare-drawers", elem_classes="drawers",
                label="The comparison in other forms",
            )  # fmt: skip
    with page.dock.column:
        with gr.Row(elem_id="compare-sides", elem_classes="for-compare"):
            sides = {LEFT: lay_out_side(page, LEFT), RIGHT: lay_out_side(page, RIGHT)}
        run = gr.Button(
            "Compare", variant="primary", elem_id="compare-run", elem_classes=["dock-run", "for-compare", "runs-tab"]
        )
        stop = gr.Button(
            "Stop", variant="stop", elem_id="compare-stop", elem_classes=["dock-stop", "for-compare"], visible=False
        )
        notice = Notice(
            elem_id="compare-notice", elem_classes=["dock-notice", "for-compare"], label="Comparison status"
        )
    return ComparePanel(
        verdict, (first, second), drawings, found_by, table, record, downloads, drawers, sides, run, stop, notice
    )


def lay_out_side(page: Page, who: Literal["left", "right"]) -> SideFields:
    """Lay out one side's button and popover."""
    backends = [(backend.title, name) for name, backend in page.services.pipeline.backends.items()]
    pop = f"compare-{who}-pop"
    button = SideButton(who=who, popover=pop, elem_id=f"compare-{who}", label=f"{who.capitalize()} side")
    with gr.Column(elem_id=pop, elem_classes="popover"):
        model = gr.Dropdown(
            list(labels.MODELS), value=labels.AUTOMATIC, label="Model, or a model ID", allow_custom_value=True,
            elem_id=f"compare-{who}-model",
        )  # fmt: skip
        backend = gr.Radio(
            backends, value=page.services.settings.default_backend, label="Server", elem_id=f"compare-{who}-backend",
            visible=len(backends) > 1,
        )  # fmt: skip
        task = gr.Dropdown(task_choices(), value=SAME_TASK, label="Task", elem_id=f"compare-{who}-task")
        key = key_field(f"compare-{who}-key")
    return SideFields(button, model, backend, task, key)


def task_choices() -> Sequence[tuple[str, str]]:
    """(title, token) of the tasks that a side can have of its own."""
    return [("The task in the dock", SAME_TASK), *((task.title, token) for token, task in TASKS.items())]
