"""The dock: the task, what it needs, the model, and Run."""

import gradio as gr
from gradio.blocks import Block

from florence_ui.prompts import MAX_TEXT
from florence_ui.ui import labels
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.components.region_field import RegionField
from florence_ui.ui.components.task_picker import TaskPicker


class Dock:
    """The question's fields, and the buttons that ask it.

    All fields are on the page at any time; the style sheet shows the one that the task needs. The other modes use them,
    too, and add their own buttons to `column`.
    """

    def __init__(self, model: str) -> None:
        with gr.Column(elem_id="dock", elem_classes="run-stop-row") as self.column:
            self.task = TaskPicker(elem_id="task", label="Task")
            self.phrase = text_field("What to look for, in your words", "phrase")
            self.prompt = text_field("Prompt", "prompt")
            self.classes = gr.Dropdown(
                [], label="Classes to find", multiselect=True, allow_custom_value=True,
                elem_id="classes", elem_classes="dock-field",
            )  # fmt: skip
            self.region = RegionField(elem_id="region", elem_classes="dock-field", label="Region")
            self.model = model_field(model, "model")
            self.run, self.stop = run_and_stop("Run", "explore")
            self.notice = Notice(elem_id="input-notice", label="Input status")

    @property
    def fields(self) -> list[Block]:
        """The fields that a question is read from."""
        return [self.task, self.phrase, self.prompt, self.classes, self.model]


def text_field(label: str, elem_id: str) -> gr.Textbox:
    """Lay out a field of the dock for a line of text."""
    return gr.Textbox(
        label=label, elem_id=elem_id, elem_classes="dock-field", max_lines=1, max_length=MAX_TEXT,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )  # fmt: skip


def model_field(model: str, elem_id: str) -> gr.Dropdown:
    """Lay out the choice of a model, which may be any model's id."""
    return gr.Dropdown(
        list(labels.MODELS), value=model, label="Model, or a model ID", allow_custom_value=True, elem_id=elem_id
    )


def run_and_stop(title: str, mode: str, prefix: str = "") -> tuple[gr.Button, gr.Button]:
    """Lay out a mode's own Run button in the dock, and the Stop button that takes its place."""
    run = gr.Button(
        title, variant="primary", elem_id=f"{prefix}run", elem_classes=["dock-run", f"for-{mode}", "runs-tab"]
    )
    stop = gr.Button(
        "Stop", variant="stop", elem_id=f"{prefix}stop", elem_classes=["dock-stop", f"for-{mode}"], visible=False
    )
    return run, stop
