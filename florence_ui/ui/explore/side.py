"""The side: the list, what to do next, and the answer's other forms as drawers in the list's place."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.blocks import Block

from florence_ui.exports.formats import FORMATS
from florence_ui.hosting.lenient_fields import LenientCheckboxGroup
from florence_ui.rendering.colors import PALETTES
from florence_ui.rendering.style import Style
from florence_ui.results.filters import Filters
from florence_ui.ui.components.answer_list import AnswerList
from florence_ui.ui.components.drawer_bar import DrawerBar
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.explore.next_steps import NextStep
from florence_ui.ui.fragments import fragment

FILTER_TITLES = {
    "whole_image": "whole-picture boxes",
    "duplicates": "duplicates",
    "overlapping": "overlapping boxes with different labels",
    "inverted": "boxes with corners in the wrong order",
}
"""Labels of the filters, by the field names of `Filters`."""


class StylePanel:
    """The style of the drawing, and the filters."""

    def __init__(self) -> None:
        usual = Style()
        # in the browser alone, by the style sheet
        gr.Checkbox(False, label="Show the original picture", elem_id="bare")
        self.annotators = LenientCheckboxGroup([], label="Draw as", elem_id="annotators")
        self.labels = gr.Checkbox(usual.labels, label="Labels", elem_id="labels")
        self.palette = gr.Dropdown(list(PALETTES), value=usual.palette, label="Colors", elem_id="palette-name")
        self.thickness = slider("Line width", "thickness", usual.thickness, 0.25, 4, 0.25)
        self.opacity = slider("Fill opacity", "opacity", usual.opacity, 0, 1, 0.05)
        self.text_size = slider("Text size", "text-size", usual.text_size, 0.5, 3, 0.25)
        self.reset = gr.Button("Reset style", size="sm", elem_id="style-reset")
        filters = [(FILTER_TITLES[field.name], field.name) for field in fields(Filters)]
        self.filters = gr.CheckboxGroup(filters, label="Leave out", elem_id="filters")
        self.filter_notice = Notice(elem_id="filter-notice", label="What was left out")

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


def slider(label: str, elem_id: str, value: float, least: float, most: float, step: float) -> gr.Slider:
    """Lay out a slider without a button that resets it."""
    return gr.Slider(least, most, value, step=step, label=label, elem_id=elem_id, buttons=[])


class DownloadPanel:
    """The downloads, the hidden button that delivers the file, and the link to this setup."""

    def __init__(self) -> None:
        self.buttons = {
            name: gr.Button(kind.title, size="sm", elem_id=f"download-{name}", elem_classes="download")
            for name, kind in FORMATS.items()
        }
        self.link = gr.Button("Copy link to this setup", size="sm", elem_id="copy-link")
        self.notice = Notice(elem_id="download-notice", label="Download status")
        self.handover = gr.DownloadButton("Save", visible="hidden", elem_id="handover")


class Side:
    """The answer beside the stage."""

    def __init__(self) -> None:
        with gr.Column(elem_id="side", elem_classes="side"):
            grip()
            self.answer_list = AnswerList(elem_id="answer-list", label="What was found")
            self.warnings = Notice(elem_id="warnings", label="Warnings")
            with gr.Row(elem_id="then", visible=False) as self.then:
                gr.Markdown("Next steps", elem_id="then-title")
                self.next_steps = {
                    step: gr.Button(visible=False, size="sm", elem_id=f"then-{step.value}") for step in NextStep
                }
            with drawer("Text"):
                self.text = gr.Textbox(  # without a label Gradio leaves the copy button out
                    label="Text", lines=6, max_lines=24, interactive=False, buttons=["copy"],
                    elem_id="answer-text",
                )  # fmt: skip
            with drawer("Table"):
                self.table = table("Objects", "table", ["#"])
                gr.Markdown("Florence-2 gives no confidence scores, so there are none here.", elem_id="no-scores")
            with drawer("JSON"):
                self.json = gr.JSON(label="JSON", elem_id="record", show_label=False)
            with drawer("Code"):
                self.python = code("Python", "python")
                self.curl = code("curl", "shell")
            with drawer("Style"):
                self.style = StylePanel()
            with drawer("Download"):
                self.download = DownloadPanel()
            self.drawers = DrawerBar(
                names=["Text", "Table", "JSON", "Code", "Style", "Download"], always=["Style"], elem_id="drawers",
                elem_classes="drawers", label="The answer in other forms",
            )  # fmt: skip

    @property
    def parts(self) -> list[Block]:
        """The components that change with the answer."""
        forms = [self.text, self.table, self.json, self.curl, self.python, self.style.annotators]
        buttons = [self.then, *self.next_steps.values(), *self.download.buttons.values()]
        return [self.answer_list, self.warnings, self.drawers, *buttons, *forms]


def table(label: str, elem_id: str, headers: list[str], **options: Any) -> gr.Dataframe:
    """Lay out a table to read and to copy, with further options of `gr.Dataframe`."""
    return gr.Dataframe(
        headers=headers, type="array", interactive=False, wrap=True, label=label, elem_id=elem_id, show_label=False,
        buttons=["copy"], **options,
    )  # fmt: skip


def code(label: str, language: Literal["python", "shell"]) -> gr.Code:
    """Lay out a program to read and to copy."""
    return gr.Code(
        label=label, language=language, interactive=False, wrap_lines=True, show_line_numbers=False,
        elem_id=label.lower(),
    )  # fmt: skip


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
