"""The page's text about models and backends. No Gradio, no I/O.

Other text is where it is used: labels of fields in each tab's panels, text of the stage in
`explore/stage_view.py`, messages of the browser alone in the scripts, errors where they are raised.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from florence_ui.backends.backend import Backend
from florence_ui.backends.model_status import (
    TRANSIENT_STATES,
    ServerState,
    ServerStatus,
    format_engine,
    why_unavailable,
)
from florence_ui.errors import (
    BackendError,
    CreditsError,
    FlorenceUIError,
    InputError,
    KeyRefusedError,
    ModelNotFoundError,
)
from florence_ui.inference.request import StoredAnalysis
from florence_ui.models import BASE, LARGE, NANO, display_name

AUTOMATIC = "automatic"
MODELS = (
    ("automatic", AUTOMATIC),
    ("nano", NANO),
    ("base", BASE),
    ("large", LARGE),
)
"""(title, model id) of the models in the list."""

NANO_NOTE = "This answer comes from Florence-2-nano, a tiny model that only knows drawn scenes like this one."
NANO_HINT = "For photos, choose base in the menu next to Run."


def model_id_of(chosen: str | None) -> str:
    """The model id for a choice; empty if the pipeline is to choose."""
    chosen = str(chosen or "").strip()
    return "" if chosen == AUTOMATIC else chosen


def model_title(model_id: str) -> str:
    """A model in as few words as possible."""
    return next((title for title, known in MODELS if known == model_id), model_id)


def destination(backend: Backend, *, same_machine: bool) -> str:
    """A sentence about where Run sends pictures.

    Args:
        backend: The chosen backend.
        same_machine: Whether the visitor's browser runs on the machine that serves the page.
    """
    if backend.is_on_this_machine:
        return f"Pictures stay on this {'machine' if same_machine else 'server'}."
    return f"Pictures will be sent to {backend.host}."


Tone = Literal["good", "busy", "plain", "warning", "error"]


@dataclass(frozen=True)
class BackendLine:
    """The state of the chosen backend, for the pill and what is behind it.

    Attributes:
        word: In one to three words.
        tone: `good` only if the backend has answered for this very model.
        sentence: In one sentence.
        hint: What to do about it; may be empty.
    """

    word: str
    tone: Tone
    sentence: str
    hint: str = ""


def backend_line(backend: Backend, status: ServerStatus, model_id: str) -> BackendLine:
    """The state of a backend for a model, in words."""
    name = display_name(model_id)
    if status.state in TRANSIENT_STATES:
        word = "starting" if status.state is ServerState.ABSENT else status.state.value
        return BackendLine(word, "busy", status.detail, status.hint)
    match status.state:
        case ServerState.READY:
            return BackendLine(
                "ready",
                "good",
                f"{name} is ready{format_engine(status.models.get(model_id, {}))}.",
                why_nano(status, model_id),
            )
        case ServerState.UNTRIED:
            return BackendLine("not tried yet", "plain", f"{backend.title} has not answered for {name} yet.")
        case ServerState.KEY_MISSING:
            return BackendLine("needs a key", "warning", status.detail, status.hint)
    return BackendLine("not available", "error", status.detail, status.hint)


def why_nano(status: ServerStatus, model_id: str) -> str:
    """Why nano answers, if it stands in for base; empty otherwise."""
    base = status.models.get(BASE, {})
    stands_in = model_id == NANO and base.get("state") == ServerState.UNAVAILABLE
    return why_unavailable(BASE, base) if stands_in else ""


def source_line(analysis: StoredAnalysis) -> str:
    """Who answered, and when it was recorded or how long it took."""
    name, day = display_name(analysis.model_id), analysis.recorded
    if day is not None:
        return f"{name}, recorded {day.day} {day:%b %Y}"
    if analysis.remembered:
        return f"{name}, answered earlier"
    return f"{name}, {analysis.seconds:.2f} s" if analysis.seconds < 10 else f"{name}, {analysis.seconds:.0f} s"


RETRY = "retry"
USE_AUTOMATIC = "automatic"
USE_BACKEND = "backend:"
"""Names of the buttons under a failure; a backend's name follows the last."""
SAME_AGAIN = (InputError, KeyRefusedError, CreditsError, ModelNotFoundError)
"""Errors that the same question would meet again."""


def failure_actions(
    error: FlorenceUIError, backend: str, model_id: str, backends: Mapping[str, Backend]
) -> list[tuple[str, str]]:
    """(name, label) of the buttons under a failure: once more, and if the model or its backend is the reason, others.

    Args:
        error: The failure.
        backend: The name of the backend that was asked.
        model_id: The model that was chosen; empty if the pipeline chose.
        backends: The backends that may be chosen, by name.
    """
    retry = [] if isinstance(error, SAME_AGAIN) else [(RETRY, "Try again")]
    if not isinstance(error, BackendError):
        return retry
    others = {name: other for name, other in backends.items() if name != backend}
    may_choose = backend in backends and backends[backend].is_local and model_id not in ("", NANO)
    automatic = [(USE_AUTOMATIC, "Use automatic")] if may_choose else []
    return [*retry, *automatic, *((USE_BACKEND + name, f"Use {other.title}") for name, other in others.items())]
