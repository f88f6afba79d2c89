"""The side: the list, what to do next, and the answer's other forms as drawers in the list's place."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from florence_ui.exports.formats import FORMATS
from florence_ui.hosting.lenient_fields import LenientCheckboxGroup
from florence_ui.rendering.annotate import PALETTES, Style
from florence_ui.results.filters import Filters
from florence_ui.ui.components import AnswerList, DrawerBar, Notice
from florence_ui.ui.explore.next_steps import NextStep
from florence_ui.ui.fragments import fragment

FILTER_TITLES = {
    "whole_image": "whole-picture boxes",
    "duplicates": "duplicates",
    "overlapping": "overlapping boxes with different labels",
    "inverted": "boxes with swapped corners",
}
"""Labels of the filters, by the field names of `Filters`."""


@dataclass(frozen=True)
class StylePanel:
    """The style of the drawing, and the filters."""

    annotators: gr.CheckboxGroup
    labels: gr.Checkbox
    palette: gr.Dropdown
    thickness: gr.Slider
    opacity: gr.Slider
    text_size: gr.Slider
    reset: gr.Button
    filters: gr.CheckboxGroup
    filter_notice: Notice

    @property
    def controls(self) -> list[Block]:
        """The inputs of a drawing, in the order of `rendering.style.Style`'s fields."""
        return [self.annotators, self.labels, self.palette, self.thickness, self.opacity, self.text_size]

    @property
    def changes(self) -> list[Callable[..., gr.events.Dependency]]:
        """For each control, the event of a finished change by hand, after any dragging."""
        chosen = [self.annotators.input, self.labels.input, self.palette.input]
        return [*chosen, self.thickness.release, self.opacity.release, self.text_size.release]

    def read(self, inputs: Mapping[Any, Any]) -> Style:
        """The style that is set in the panel."""
        annotators, labels, palette, *numbers = (inputs[control] for control in self.controls)
        return Style(tuple(annotators or ()), bool(labels), str(palette), *numbers)

    def filled(self, style: Style) -> dict[Block, Any]:
        """The panel filled in with a style."""
        values = [[str(name) for name in style.annotators], style.labels, style.palette]
        return dict(zip(self.controls, [*values, style.thickness, style.opacity, style.text_size], strict=True))


@dataclass(frozen=True)
class DownloadPanel:
    """The downloads, the hidden button that delivers the file, and the link to this setup."""

    buttons: dict[str, gr.Button]
    handover: gr.DownloadButton
    link: gr.Button
    notice: Notice


@dataclass(frozen=True)
class Side:
    """The answer beside the stage."""

    answer_list: AnswerList
    warnings: Notice
    then: gr.Row
    next_steps: Mapping[NextStep, gr.Button]
    drawers: DrawerBar
    text: gr.Textbox
    table: gr.Dataframe
    json: gr.JSON
    curl: gr.Code
    python: gr.Code
    style: StylePanel
    download: DownloadPanel

    @property
    def parts(self) -> list[Block]:
        """The components that change with the answer."""
        forms = [self.text, self.table, self.json, self.curl, self.python, self.style.annotators]
        then = [self.then, *self.next_steps.values()]
        return [self.answer_list, self.warnings, *then, self.drawers, *forms]


def lay_out() -> Side:
    """Lay out the side."""
    with gr.Column(elem_id="side", elem_classes="side"):
        grip()
        answer_list = AnswerList(elem_id="answer-list", label="What was found")
        warnings = Notice(elem_id="warnings", label="Warnings")
        with gr.Row(elem_id="then", visible=False) as then:
            gr.Markdown("Next steps", elem_id="then-title")
            next_steps = {step: gr.Button(visible=False, size="sm", elem_id=f"then-{step.value}") for step in NextStep}
        with drawer("Text"):
            text = gr.Textbox(
                label="Text", lines=6, max_lines=24, interactive=False, buttons=["copy"], show_label=False,
                elem_id="answer-text",
            )  # fmt: skip
        with drawer("Table"):
            table = gr.Dataframe(
                headers=["#"], type="array", interactive=False, wrap=True, label="Objects", elem_id="table",
                show_label=False, buttons=["copy"],
            )  # fmt: skip
            gr.Markdown("Florence-2 gives no confidence scores, so there are none here.", elem_id="no-scores")
        with drawer("JSON"):
            record = gr.JSON(label="JSON", elem_id="record", show_label=False)
        with drawer("Code"):
            python = gr.Code(
                label="Python", language="python", interactive=False, wrap_lines=True, show_line_numbers=False,
                elem_id="python",
            )  # fmt: skip
            curl = gr.Code(
                label="curl", language="shell", interactive=False, wrap_lines=True, show_line_numbers=False,
                elem_id="curl",
            )  # fmt: skip
        with drawer("Style"):
            style = style_panel()
        with drawer("Download"):
            download = download_panel()
        drawers = DrawerBar(
            names=["Text", "Table", "JSON", "Code", "Style", "Download"], always=["Style"], elem_id="drawers",
            elem_classes="drawers", label="The answer in other forms",
        )  # fmt: skip
    return Side(answer_list, warnings, then, next_steps, drawers, text, table, record, curl, python, style, download)


def grip() -> None:
    """Lay out the grip by which a side is pulled up on a phone."""
    fragment(Path(__file__).parent / "grip.html", elem_classes="grip-row")


@contextmanager
def drawer(title: str, prefix: str = "") -> Iterator[None]:
    """Lay out the frame of a drawer of a `DrawerBar` with that prefix around what is laid out inside."""
    classes = ["drawer", "downloads"] if title == "Download" else ["drawer"]
    with gr.Column(elem_id=f"drawer-{prefix}{title.lower()}", elem_classes=classes):
        gr.HTML(
            (Path(__file__).parent / "drawer_head.html").read_text("utf-8").replace("TITLE", title),
            elem_classes="drawer-head", apply_default_css=False,
        )  # fmt: skip
        with gr.Column(elem_classes="drawer-body"):
            yield


def style_panel() -> StylePanel:
    """Lay out the style of the drawing and the filters."""
    usual = Style()
    gr.Checkbox(False, label="Show the original picture", elem_id="bare")  # in the browser alone, by the style sheet
    annotators = LenientCheckboxGroup(
        [], label="Draw as", info="Leave empty to choose automatically.", elem_id="annotators"
    )
    labels = gr.Checkbox(usual.labels, label="Labels", elem_id="labels")
    palette = gr.Dropdown(list(PALETTES), value=usual.palette, label="Colors", elem_id="palette-name")
    thickness = gr.Slider(0.25, 4, usual.thickness, step=0.25, label="Line width", elem_id="thickness", buttons=[])
    opacity = gr.Slider(0, 1, usual.opacity, step=0.05, label="Fill opacity", elem_id="opacity", buttons=[])
    text_size = gr.Slider(0.5, 3, usual.text_size, step=0.25, label="Text size", elem_id="text-size", buttons=[])
    reset = gr.Button("Reset style", size="sm", elem_id="style-reset")
    filters = gr.CheckboxGroup(
        [(FILTER_TITLES[field.name], field.name) for field in fields(Filters)], label="Leave out", elem_id="filters"
    )
    notice = Notice(elem_id="filter-notice", label="What was left out")
    return StylePanel(annotators, labels, palette, thickness, opacity, text_size, reset, filters, notice)


def download_panel() -> DownloadPanel:
    """Lay out the downloads; each file is written on request."""
    buttons = {
        name: gr.Button(kind.title, size="sm", elem_id=f"download-{name}", elem_classes="download")
        for name, kind in FORMATS.items()
    }
    link = gr.Button("Copy link to this setup", size="sm", elem_id="copy-link")
    notice = Notice(elem_id="download-notice", label="Download status")
    return DownloadPanel(buttons, gr.DownloadButton("Save", visible="hidden", elem_id="handover"), link, notice)
