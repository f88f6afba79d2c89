"""The parts of the Many pictures tab: its state, its components, and their layout."""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from florence_ui.exports.datasets import MAX_VALIDATION_SHARE
from florence_ui.exports.formats import FORMATS
from florence_ui.inference.batch import MAX_PICTURES, Batch
from florence_ui.tasks import TASKS, InputKind, get_task
from florence_ui.ui.components import ContactSheet, Notice, ResultViewer
from florence_ui.ui.components.notice import text_notice
from florence_ui.ui.layout import SESSION_SECONDS
from florence_ui.ui.updates import Updates

NO_PICTURES = "Choose some pictures first."
"""Why Run is disabled."""
REFRESH_SECONDS = 1.0
"""Seconds between updates of the sheet during a run."""


@dataclass(eq=False)
class BatchState:
    """One visitor's many pictures.

    Attributes:
        batch: The pictures; None before there are any.
        current: The picture that is open, -1 for none.
        asked: The question in the fields.
        going: Whether a run is in progress.
        words: What the run waits for, if it waits.
    """

    batch: Batch | None = None
    current: int = -1
    asked: tuple[str, ...] = ()
    going: bool = False
    words: str = ""


@dataclass(frozen=True)
class BatchPanel:
    """The tab."""

    state: gr.State
    files: gr.File
    task: gr.Dropdown
    text: gr.Textbox
    classes: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    retry: gr.Button
    notice: Notice
    contact_sheet: ContactSheet
    chosen_panel: gr.Column
    stage: ResultViewer
    meta: Notice
    failures: gr.Dataframe
    download: gr.Column
    validation: gr.Slider
    buttons: Mapping[str, gr.Button]
    timer: gr.Timer

    @property
    def chosen(self) -> list[Block]:
        """The components that change with the open picture."""
        return [self.chosen_panel, self.stage, self.meta, self.contact_sheet]

    @property
    def shown(self) -> list[Block]:
        """The components that change with the progress."""
        return [
            self.run,
            self.stop,
            self.retry,
            self.notice,
            self.contact_sheet,
            self.failures,
            self.download,
            self.timer,
        ]


def lay_out() -> BatchPanel:
    """Lay out files and question on the left, the sheet and the open picture on the right."""
    usual = "<OD>"
    with gr.Row(elem_id="batch"):
        with gr.Column(elem_id="batch-ask"):
            files = gr.File(
                label=f"Pictures, up to {MAX_PICTURES}", file_count="multiple", height=220,
                elem_id="batch-files",
            )  # fmt: skip
            task = gr.Dropdown(task_choices(), value=usual, label="Task for all pictures", elem_id="batch-task")
            text = gr.Textbox(label="Phrase", elem_id="batch-text", visible=False, lines=2)
            classes = gr.Dropdown(
                [], label="Classes", info="Press Enter after each one.", multiselect=True, allow_custom_value=True,
                elem_id="batch-classes", visible=False,
            )  # fmt: skip
            with gr.Row(elem_id="batch-row", elem_classes="run-stop-row"):
                run = gr.Button(
                    "Run all",
                    variant="primary",
                    size="lg",
                    elem_id="batch-run",
                    elem_classes="runs-tab",
                    interactive=False,
                )
                stop = gr.Button("Stop", variant="stop", size="lg", elem_id="batch-stop", visible=False)
            retry = gr.Button("Retry failed pictures", elem_id="batch-retry", visible=False)
            notice = Notice(text_notice(NO_PICTURES), elem_id="batch-notice", label="Progress")
            gr.Markdown("The model, server and key chosen under Explore are used.", elem_id="batch-hint")
            with gr.Column(visible=False, elem_id="batch-download") as download:
                gr.Markdown("### Download all results", elem_id="batch-download-title")
                with gr.Row(elem_id="batch-download-row"):
                    buttons = {
                        name: gr.Button(kind.batch_title, size="sm", min_width=90, elem_id=f"batch-{name}")
                        for name, kind in FORMATS.items()
                        if kind.batch_title
                    }
                validation = gr.Slider(
                    0, 100 * MAX_VALIDATION_SHARE, 0, step=5, label="Validation split, %",
                    info="Share of a data set to hold out; always the same pictures.", elem_id="batch-validation",
                )  # fmt: skip
        with gr.Column(elem_id="batch-answer"):
            contact_sheet = ContactSheet(elem_id="batch-contact-sheet", label="Pictures")
            failures = gr.Dataframe(
                headers=["picture", "reason"], type="array", interactive=False, wrap=True, visible=False,
                label="Failed", elem_id="batch-failures", buttons=["copy"], column_widths=["30%", "70%"],
            )  # fmt: skip
            with gr.Column(visible=False, elem_id="batch-chosen") as chosen_panel:
                meta = Notice(elem_id="batch-meta", label="About this answer")
                stage = ResultViewer(elem_id="batch-stage", label="Selected picture")
    state, timer = gr.State(BatchState(), time_to_live=SESSION_SECONDS), gr.Timer(REFRESH_SECONDS, active=False)
    return BatchPanel(
        state,
        files,
        task,
        text,
        classes,
        run,
        stop,
        retry,
        notice,
        contact_sheet,
        chosen_panel,
        stage,
        meta,
        failures,
        download,
        validation,
        buttons,
        timer,
    )


def task_choices() -> list[tuple[str, str]]:
    """(title, token) of the tasks that make sense for many pictures: all but those about one picture's region."""
    return [(task.title, token) for token, task in TASKS.items() if task.input_kind is not InputKind.REGION]


def fit_form_to_task(panel: BatchPanel, token: str) -> Updates:
    """Show only the fields that the task needs."""
    task = get_task(token)
    typed = task.input_kind in (InputKind.PHRASE, InputKind.PROMPT)
    label = "Prompt" if task.input_kind is InputKind.PROMPT else "Phrase"
    words = {"label": label, "placeholder": f"For example: {task.example}"}
    return {
        panel.text: gr.update(visible=typed, **(words if typed else {})),
        panel.classes: gr.update(visible=task.input_kind is InputKind.CLASSES),
    }
