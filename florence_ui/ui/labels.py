"""The page's text about tasks, models and backends, and why Run is disabled. No Gradio, no I/O.

Other text is where it is used: labels of fields in each tab's panels, text of the result viewer in
`explore/result_view.py`, messages of the browser alone in the scripts, errors where they are raised.
"""

from collections.abc import Sequence

from florence_ui.backends.backend import Backend
from florence_ui.backends.model_status import ServerState, ServerStatus
from florence_ui.errors import quote
from florence_ui.models import BASE, LARGE, NANO
from florence_ui.tasks import CUSTOM, Family, InputKind, Task, tasks_in

AUTOMATIC = "automatic"
MODELS = (
    ("automatic (base, otherwise nano)", AUTOMATIC),
    ("nano (offline demo)", NANO),
    ("base", BASE),
    ("large", LARGE),
)
"""(title, model id) of the models in the list."""

NANO_NOTE = (
    "This answer comes from nano, a tiny model that only knows drawn scenes like this one.",
    "For photographs, choose base under Model and server.",
)

FIELD_LABELS = {
    InputKind.PHRASE: "Phrase",
    InputKind.CLASSES: "Classes",
    InputKind.PROMPT: "Prompt",
}


def family_choices() -> list[str]:
    """The families in the order of the table."""
    return [family.value for family in Family]


def variant_choices(family: str) -> list[tuple[str, str]]:
    """(title, token) of a family's tasks."""
    return [(task.title, task.token) for task in tasks_in(Family(family))]


def task_help(task: Task) -> str:
    """A task's one line of help with its token, as Markdown."""
    token = "" if task.token == CUSTOM else f" `{task.token}`"
    mark = " *Experimental.*" if task.experimental else ""
    return f"{task.help}{mark}{token}"


def model_id_of(chosen: str | None) -> str:
    """The model id for a choice; empty if the pipeline is to choose."""
    chosen = str(chosen or "").strip()
    return "" if chosen == AUTOMATIC else chosen


def model_title(model_id: str) -> str:
    """A model in as few words as possible."""
    return next((words.partition(" (")[0] for words, known in MODELS if known == model_id), model_id)


def why_disabled(
    task: Task,
    *,
    has_picture: bool,
    text: str,
    classes: Sequence[str],
    region: Sequence[float] | None,
    needs_key: bool,
    has_key: bool,
) -> str:
    """Why the run cannot start yet, in one sentence; empty if it can."""
    if not has_picture:
        return "Add a picture or choose an example."
    match task.input_kind:
        case InputKind.PHRASE if not (text or "").strip():
            return "Type a phrase first."
        case InputKind.CLASSES if not classes:
            return "Type at least one class first and press Enter."
        case InputKind.REGION if not region:
            return "Draw a box on the picture first."
        case InputKind.PROMPT if not (text or "").strip():
            return "Type a prompt first."
    if needs_key and not has_key:
        return "This server needs an API key. Enter it under Model and server."
    return ""


def destination(host: str, *, is_local: bool) -> str:
    """A sentence about where the picture is sent by Run."""
    return "The picture stays on this machine." if is_local else f"The picture is sent to {host}."


def ready_text(backend: Backend, status: ServerStatus, model_id: str = "") -> str:
    """A short note that a server is ready, and why nano answers if it does."""
    if not backend.is_local:
        return f"Ready: {backend.title}"
    base = status.models.get(BASE, {})
    if model_id == NANO and base.get("state") == ServerState.UNAVAILABLE:
        return f"Ready with nano; base is not available. {quote(base.get('reason') or '')}".strip()
    who = "" if not status.server or status.models else f", {' '.join(status.server.split()[:2])}"
    return f"Ready on {'this machine' if backend.is_on_this_machine else backend.host}{who}"
