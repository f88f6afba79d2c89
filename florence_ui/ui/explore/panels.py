"""The parts of the Explore tab: for each a function that lays out its components, and a dataclass with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from florence_ui.exports.formats import FORMATS
from florence_ui.hosting.lenient_fields import LenientCheckboxGroup, LenientImage, LenientRadio
from florence_ui.inference.per_class import TITLES
from florence_ui.inference.request import Strategy
from florence_ui.rendering.annotate import PALETTES, Style
from florence_ui.tasks import TASKS
from florence_ui.ui import labels as choices_module
from florence_ui.ui.components import BoxPicker, Notice, ResultViewer, ThumbnailStrip
from florence_ui.ui.components.result_viewer import ResultViewerValue
from florence_ui.ui.components.thumbnail_strip import ThumbnailStripValue

FIRST_TASK = TASKS["<OD>"]
WELCOME = ResultViewerValue(
    state="empty", title="Your picture goes here", hint="Drop one on the left, paste it, or choose an example."
)


@dataclass(frozen=True)
class AskPanel:
    """The question: picture, task, its input, model and server, Run."""

    picture: gr.Image
    picker: BoxPicker
    picture_notice: Notice
    link: gr.Textbox
    examples: ThumbnailStrip
    family: gr.Radio
    variant: gr.Radio
    help: gr.Markdown
    text: gr.Textbox
    classes: gr.Dropdown
    strategy: gr.Radio
    input_notice: Notice
    run: gr.Button
    stop: gr.Button
    run_notice: Notice
    destination: Notice
    model: gr.Dropdown
    backend: gr.Radio
    key: gr.Textbox


@dataclass(frozen=True)
class AnswerPanel:
    """The answer in all its forms."""

    tabs: gr.Tabs
    stage: ResultViewer
    slider: gr.ImageSlider
    table: gr.Dataframe
    text: gr.Textbox
    json: gr.JSON
    curl: gr.Code
    python: gr.Code
    meta: Notice
    warnings: Notice
    link: gr.Button


@dataclass(frozen=True)
class StylePanel:
    """The style of the drawing."""

    panel: gr.Accordion
    annotators: gr.CheckboxGroup
    labels: gr.Checkbox
    palette: gr.Dropdown
    thickness: gr.Slider
    opacity: gr.Slider
    text_size: gr.Slider
    reset: gr.Button

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
    """The downloads, and the hidden button that delivers the file."""

    panel: gr.Accordion
    buttons: dict[str, gr.Button]
    handover: gr.DownloadButton
    notice: Notice


def header() -> Notice:
    """Lay out the name, a line about the page, and the server's state."""
    with gr.Row(elem_id="header"):
        gr.Markdown("# Florence-2 playground\nSee what one small vision model sees.", elem_id="title")
        return Notice(elem_id="server-state", label="Server")


def ask_panel(backends: Sequence[tuple[str, str]], backend: str, model: str, examples: ThumbnailStripValue) -> AskPanel:
    """Lay out the left column; `backends` are (title, name)."""
    picture = LenientImage(
        label="Picture",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        buttons=[],
        height=200,
        elem_id="picture",
        placeholder="Drop a picture here or click to choose one",
    )
    picker = BoxPicker(elem_id="picker", visible=False, label="Region")
    picture_notice = Notice(elem_id="picture-notice", label="Picture status")
    link = gr.Textbox(
        label="Or a link to a picture",
        placeholder="Or paste a link: https://…",
        elem_id="link",
        max_lines=1,
        max_length=2000,
        submit_btn="Load",
        show_label=False,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
    )
    strip = ThumbnailStrip(examples, label="Examples", elem_id="examples")
    family = gr.Radio(
        choices_module.family_choices(), value=FIRST_TASK.family.value, label="Task", interactive=True, elem_id="family"
    )
    variant = LenientRadio(
        choices_module.variant_choices(FIRST_TASK.family),
        value=FIRST_TASK.token,
        label="Variant",
        interactive=True,
        elem_id="variant",
    )
    help_line = gr.Markdown(choices_module.task_help(FIRST_TASK), elem_id="task-help")
    text = gr.Textbox(label="Phrase", lines=2, max_lines=6, elem_id="text", visible=False)
    classes = gr.Dropdown(
        [], label="Classes", info="Press Enter after each one.", multiselect=True, allow_custom_value=True,
        elem_id="classes", visible=False,
    )  # fmt: skip
    strategy = gr.Radio(
        [(title, strategy.value) for strategy, title in TITLES.items()], value=Strategy.TOGETHER.value,
        label="Several classes", elem_id="strategy", visible=False,
    )  # fmt: skip
    input_notice = Notice(elem_id="input-notice", label="Input status")
    with gr.Column(elem_id="run-dock"):
        with gr.Row(elem_id="run-row", elem_classes="run-stop-row"):
            run = gr.Button(
                "Run", variant="primary", size="lg", elem_id="run", elem_classes="runs-tab", interactive=False
            )
            stop = gr.Button("Stop", variant="stop", size="lg", elem_id="stop", visible=False)
        run_notice = Notice(elem_id="run-notice", label="Run status")
        where = Notice(elem_id="destination", label="Where the picture goes")
    with gr.Accordion("Model and server", open=False, elem_id="model-panel"):
        model_field = gr.Dropdown(
            list(choices_module.MODELS), value=model, label="Model", allow_custom_value=True, elem_id="model",
            info="Or type a model ID, such as project/version for a fine-tuned model.",
        )  # fmt: skip
        backend_field = gr.Radio(
            list(backends), value=backend, label="Server", elem_id="backend", visible=len(backends) > 1
        )
        key = gr.Textbox(
            label="Roboflow API key", type="password", elem_id="key", visible=False, max_length=200,
            info="Used for this session only and never stored.",
            html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
        )  # fmt: skip
    return AskPanel(
        picture, picker, picture_notice, link, strip, family, variant, help_line, text, classes, strategy, input_notice,
        run, stop, run_notice, where, model_field, backend_field, key,
    )  # fmt: skip


def answer_panel() -> AnswerPanel:
    """Lay out the result's tabs and the components beside them."""
    with gr.Tabs(elem_id="answer-tabs") as tabs:
        with gr.Tab("Picture", id="picture"):
            stage = ResultViewer(WELCOME, elem_id="stage", label="Result")
        with gr.Tab("Text", id="text"):
            text = gr.Textbox(
                label="Text",
                lines=6,
                max_lines=24,
                interactive=False,
                buttons=["copy"],
                elem_id="answer-text",
                placeholder="A text answer appears here.",
            )
        with gr.Tab("Table", id="table"):
            table = gr.Dataframe(
                headers=["#"], type="array", interactive=False, wrap=True, label="Objects", elem_id="table",
                show_label=False, buttons=["copy"],
            )  # fmt: skip
        with gr.Tab("Before/after", id="before-after"):
            slider = gr.ImageSlider(
                label="Before and after", type="filepath", interactive=False, buttons=[], elem_id="slider",
                show_label=False,
            )  # fmt: skip
        with gr.Tab("JSON", id="json"):
            record = gr.JSON(label="JSON", elem_id="record", show_label=False, max_height=560)
        with gr.Tab("Code", id="code"):
            curl = gr.Code(label="curl", language="shell", interactive=False, elem_id="curl", max_lines=20)
            python = gr.Code(label="Python", language="python", interactive=False, elem_id="python", max_lines=40)
    with gr.Row(elem_id="meta-row"):
        meta = Notice(elem_id="meta", label="About this answer")
        link = gr.Button("Copy link to this setup", size="sm", variant="secondary", elem_id="copy-link")
    warnings = Notice(elem_id="warnings", label="Warnings")
    return AnswerPanel(tabs, stage, slider, table, text, record, curl, python, meta, warnings, link)


def recent_panel() -> tuple[gr.Column, ThumbnailStrip]:
    """Lay out the recent runs; hidden before the first one."""
    with gr.Column(visible=False, elem_id="recent-panel") as panel:
        gr.Markdown("### Recent", elem_id="recent-title")
        return panel, ThumbnailStrip(label="Recent runs", elem_id="recent")


def style_panel() -> StylePanel:
    """Lay out the style of the drawing, closed at first."""
    usual = Style()
    with gr.Accordion("Style", open=False, elem_id="style-panel", visible=False) as panel:
        annotators = LenientCheckboxGroup(
            [],
            label="Draw as",
            info="If none is chosen, those that suit the answer best are used.",
            elem_id="annotators",
        )
        with gr.Row(elem_id="style-row"):
            labels = gr.Checkbox(usual.labels, label="Labels", elem_id="labels")
            palette = gr.Dropdown(list(PALETTES), value=usual.palette, label="Colors", elem_id="palette")
            thickness = gr.Slider(
                0.25, 4, usual.thickness, step=0.25, label="Line width", elem_id="thickness", buttons=[]
            )
            opacity = gr.Slider(0, 1, usual.opacity, step=0.05, label="Fill opacity", elem_id="opacity", buttons=[])
            text_size = gr.Slider(
                0.5, 3, usual.text_size, step=0.25, label="Text size", elem_id="text-size", buttons=[]
            )
        reset = gr.Button("Reset style", size="sm", elem_id="style-reset")
    return StylePanel(panel, annotators, labels, palette, thickness, opacity, text_size, reset)


def download_panel() -> DownloadPanel:
    """Lay out the downloads; each file is written on request."""
    with gr.Accordion("Download", open=False, elem_id="download-panel", visible=False) as panel:
        with gr.Row(elem_id="download-row"):
            buttons = {
                name: gr.Button(kind.title, size="sm", min_width=90, elem_id=f"download-{name}")
                for name, kind in FORMATS.items()
            }
        notice = Notice(elem_id="download-notice", label="Download status")
    return DownloadPanel(panel, buttons, gr.DownloadButton("Save", visible="hidden", elem_id="handover"), notice)
