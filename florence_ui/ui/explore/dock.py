"""The dock: the task, what it needs, the model, and Run."""

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from florence_ui.prompts import MAX_TEXT
from florence_ui.ui import labels
from florence_ui.ui.components import Notice, RegionField, TaskPicker


@dataclass(frozen=True)
class Dock:
    """The question's fields, and the buttons that ask it.

    All fields are on the page at any time; the style sheet shows the one that the task needs. The other modes use them,
    too, and add their own buttons to `column`.
    """

    column: gr.Column
    task: TaskPicker
    phrase: gr.Textbox
    prompt: gr.Textbox
    classes: gr.Dropdown
    region: RegionField
    notice: Notice
    model: gr.Dropdown
    run: gr.Button
    stop: gr.Button

    @property
    def fields(self) -> list[Block]:
        """The fields that a question is read from."""
        return [self.task, self.phrase, self.prompt, self.classes, self.model]


def lay_out(model: str) -> Dock:
    """Lay out the dock."""
    plain = gr.InputHTMLAttributes(autocomplete="off")
    with gr.Column(elem_id="dock", elem_classes="run-stop-row") as column:
        task = TaskPicker(elem_id="task", label="Task")
        phrase = gr.Textbox(
            label="What to look for, in your words", elem_id="phrase", elem_classes="dock-field", max_lines=1,
            max_length=MAX_TEXT, html_attributes=plain,
        )  # fmt: skip
        prompt = gr.Textbox(
            label="Prompt", elem_id="prompt", elem_classes="dock-field", max_lines=1, max_length=MAX_TEXT,
            html_attributes=plain,
        )  # fmt: skip
        classes = gr.Dropdown(
            [], label="Classes to find, one at a time", multiselect=True, allow_custom_value=True, elem_id="classes",
            elem_classes="dock-field",
        )  # fmt: skip
        region = RegionField(elem_id="region", elem_classes="dock-field", label="Region")
        model_field = gr.Dropdown(
            list(labels.MODELS), value=model, label="Model, or a model ID", allow_custom_value=True, elem_id="model"
        )
        run = gr.Button("Run", variant="primary", elem_id="run", elem_classes=["dock-run", "for-explore", "runs-tab"])
        stop = gr.Button(
            "Stop", variant="stop", elem_id="stop", elem_classes=["dock-stop", "for-explore"], visible=False
        )
        notice = Notice(elem_id="input-notice", label="Input status")
    return Dock(column, task, phrase, prompt, classes, region, notice, model_field, run, stop)
