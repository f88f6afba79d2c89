"""The task: a button that names it, its line of help, and the palette of all tasks."""

from typing import Any

from gradio.data_classes import GradioModel

from florence_ui.tasks import CUSTOM, TASKS, Family, get_task
from florence_ui.ui.components.static import StaticComponent


class TaskValue(GradioModel):
    """The token of the chosen task."""

    token: str = "<OD>"


class TaskPicker(StaticComponent):
    """The sixteen tasks under their families' headings, found by typing.

    As an input its value is the token as posted, which `tasks.get_task` checks. Its root has the chosen task's
    `InputKind` as `data-kind`, by which the style sheet shows the field that it needs. Event: `input`.
    """

    data_model = TaskValue

    def __init__(self, value: TaskValue | None = None, **options: Any) -> None:
        super().__init__(value, families=[family.value for family in Family], tasks=task_rows(), **options)

    def preprocess(self, payload: object) -> str:
        return payload.token if isinstance(payload, TaskValue) else ""


def task_rows() -> list[dict[str, str]]:
    """What the palette shows of every task."""
    return [
        {
            "token": task.token,
            "shown": "your own" if task.token == CUSTOM else task.token,
            "title": task.title,
            "family": task.family.value,
            "kind": task.input_kind.value,
            "help": task.help,
            "search": task.search,
        }
        for task in map(get_task, TASKS)
    ]
