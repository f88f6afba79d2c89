"""The two sides of a comparison: which pair to begin with, and what to call the sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from florence_ui.backends.model_status import ModelReport, ServerState, ServerStatus
from florence_ui.inference.request import Question
from florence_ui.models import BASE, LARGE, NANO
from florence_ui.tasks import CUSTOM, TASKS, InputKind, Task, get_task, tasks_in
from florence_ui.ui import labels

SAME_TASK = ""
"""The choice of the same task on both sides."""


@dataclass(frozen=True)
class SideChoice:
    """One side.

    Attributes:
        model_id: The model.
        backend: The backend's name.
        token: The token of its task; `SAME_TASK` for that of the question.
    """

    model_id: str
    backend: str
    token: str = SAME_TASK

    def question(self, asked: Question) -> Question:
        """The question to this side."""
        return replace(asked, token=self.token or asked.token, model_id=self.model_id, backend=self.backend)


def default_pair(token: str, backend: str, status: ServerStatus, chosen: str = "") -> tuple[SideChoice, SideChoice]:
    """A pair that can answer without a download, and whose difference says something.

    Two models where there are two, the better one on the right; otherwise two tasks of the only one.

    Args:
        token: The question's task.
        backend: The backend.
        status: Its status; our own server names its models.
        chosen: The operator's model; empty if it is none in particular.
    """
    if status.models:
        here = [model for model in (LARGE, BASE, NANO) if _is_here(status.models.get(model, {}))]
    else:
        here = [] if status.state is ServerState.STARTING else [LARGE, BASE]
    if chosen in here or (chosen and chosen not in status.models):
        here = [chosen, *(model for model in here if model != chosen)]
    if len(here) > 1:
        return SideChoice(here[1], backend), SideChoice(here[0], backend)
    only = here[0] if here else ""
    return SideChoice(only, backend), SideChoice(only, backend, companion(token))


def _is_here(report: ModelReport) -> bool:
    """Whether a model can answer without a download."""
    state = report.get("state")
    return state in (ServerState.LOADING, ServerState.READY) or (
        bool(report.get("on_disk")) and state != ServerState.UNAVAILABLE
    )


def companion(token: str) -> str:
    """The task to compare with a task: the next one that takes the same input, of the same family if possible."""
    task = get_task(token)
    ahead = [*TASKS.values()][[*TASKS].index(token) + 1 :]
    others = [other for other in (*ahead, *TASKS.values()) if other is not task and _is_usable(other)]
    same_input = [other for other in others if other.input_kind is task.input_kind]
    candidates = [other for other in same_input if other.family is task.family] or same_input
    candidates = candidates or [other for other in tasks_in(task.family) if other.input_kind is InputKind.NONE]
    return (candidates or others)[0].token


def tell_apart(pair: tuple[SideChoice, SideChoice], token: str) -> tuple[SideChoice, SideChoice]:
    """The pair, with another task at a side whose own task has become that of the dock, and so of the other side.

    Args:
        pair: The chosen sides; two that ask the same by choice stay so.
        token: The task in the dock.
    """
    left, right = pair
    models = [(side.model_id, side.backend) for side in pair]
    tasks = [side.token or token for side in pair]
    if models[0] != models[1] or tasks[0] != tasks[1] or left.token == right.token:
        return pair
    other = companion(token)
    return (replace(left, token=other), right) if left.token else (left, replace(right, token=other))


def _is_usable(task: Task) -> bool:
    return task.token != CUSTOM and not task.experimental


def side_names(left: Question, right: Question, titles: Mapping[str, str]) -> tuple[str, str]:
    """What to call the two sides: what tells them apart, in as few words as possible.

    Args:
        left: One question, with the model that answers.
        right: The other one.
        titles: The backends' titles by name.
    """
    models = (
        labels.model_title(left.model_id or labels.AUTOMATIC),
        labels.model_title(right.model_id or labels.AUTOMATIC),
    )
    tasks = get_task(left.token).title, get_task(right.token).title
    backends = titles[left.backend], titles[right.backend]
    telling = [pair for pair in (models, tasks, backends) if pair[0] != pair[1]]
    if not telling:
        return "first", "second"
    first, second = (", ".join(names) for names in zip(*telling, strict=True))
    return first, second


def describe(questions: Sequence[Question], names: Sequence[str] = ()) -> str:
    """The questions in a few words: their tasks, unless the sides are called by them, and what was typed."""
    titles = dict.fromkeys(get_task(question.token).title for question in questions)
    told = [] if names and len(titles) > 1 else [" and ".join(titles)]
    typed = questions[0].text or ", ".join(questions[0].classes)
    return ", ".join([*told, f"“{typed}”"] if typed else told)
