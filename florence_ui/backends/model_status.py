"""What the local server and its models are doing, and which model to use meanwhile."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from florence_ui.errors import quote
from florence_ui.models import BASE, NANO, display_name
from florence_ui.wording import format_bytes

ModelReport = dict[str, Any]
"""One model as our server reports it: `state`, `percent`, `reason`, `on_disk` and more; any of them may be missing."""

NANO_WARNING = "Florence-2-nano only knows drawn scenes, so this answer may not be meaningful."
"""The warning on nano's answer about any picture but a bundled example."""


class ServerState(StrEnum):
    """The state of a backend, or of a model on it.

    READY is a fact: the backend's own report about the model, or its answer to a question to that model. UNTRIED is
    everything else that does not speak against a run.
    """

    STARTING = "starting"
    ABSENT = "absent"
    DOWNLOADING = "downloading"
    LOADING = "loading"
    READY = "ready"
    UNTRIED = "untried"
    KEY_MISSING = "key missing"
    UNAVAILABLE = "unavailable"
    FOREIGN = "foreign"


TRANSIENT_STATES = {ServerState.STARTING, ServerState.ABSENT, ServerState.DOWNLOADING, ServerState.LOADING}


@dataclass(frozen=True)
class ServerStatus:
    """The local server's state, or that of a model on it.

    Attributes:
        state: In one word.
        detail: In one sentence.
        hint: What to do about it; may be empty.
        percent: Progress of a download, 0 to 100; None if unknown.
        models: What our own server reports of its models, by alias; empty for other servers.
        server: Name and version of the server that answers.
    """

    state: ServerState
    detail: str
    hint: str = ""
    percent: int | None = None
    models: dict[str, ModelReport] = field(default_factory=dict)
    server: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing speaks against a run now."""
        return self.state in (ServerState.READY, ServerState.UNTRIED)


def model_status(model_id: str, models: dict[str, ModelReport], server: str) -> ServerStatus:
    """The status of one of our server's models.

    Args:
        model_id: The model.
        models: What the server reports of all its models.
        server: The server's name and version.
    """
    model = models[model_id]
    known = {state.value: state for state in ServerState}
    state = known.get(str(model.get("state")), ServerState.UNAVAILABLE)
    percent = model.get("percent")
    name = display_name(model_id)
    details = {
        ServerState.ABSENT: f"{name} is about to be {'loaded' if model.get('on_disk') else 'downloaded'}.",
        ServerState.DOWNLOADING: f"{name} is being downloaded{format_progress(model)}.",
        ServerState.LOADING: f"{name} is being loaded.",
        ServerState.READY: f"{name} is ready{format_engine(model)}.",
    }
    detail = details.get(state) or why_unavailable(model_id, model)
    has_nano = model_id != NANO and models.get(NANO, {}).get("on_disk")
    spare = f"{NANO}, which only knows drawn scenes, or " if has_nano else ""
    hint = "" if state in details else f"Choose {spare}another model or backend."
    return ServerStatus(state, detail, hint, percent if isinstance(percent, int) else None, models, server)


def why_unavailable(model_id: str, model: ModelReport) -> str:
    """A sentence about a model that is not available, with the reason that the server gives."""
    name, reason = display_name(model_id), quote(model.get("reason") or "")
    if model.get("on_disk") or not reason.startswith(("The ", "HF_")):  # such as "It failed to load"
        return f"{name} is not available. {reason}".strip()
    return f"{name} is not downloaded yet and {reason.replace('The ', 'the ', 1)}"


def format_engine(model: ModelReport) -> str:
    """What computes a model as far as the server reports it, to follow "is ready"."""
    engine = model.get("engine")
    return f" ({quote(engine)[:60]})" if engine and isinstance(engine, str) else ""


def format_progress(model: ModelReport) -> str:
    """The progress of a download as far as the server reports it, to follow "is being downloaded".

    Args:
        model: `percent`, `total_bytes`, `bytes_per_second` and `seconds_left`, each a number or None.
    """
    percent, total, speed, left = (
        value if isinstance(value := model.get(name), int | float) and 0 <= value < 1e15 else None
        for name in ("percent", "total_bytes", "bytes_per_second", "seconds_left")
    )
    if percent is None:
        return ""
    parts = [f": {percent:.0f} %" + (f" of {format_bytes(total)}" if total else "")]
    if speed is not None:
        parts.append(f"{format_bytes(speed)}/s")
    if left is not None:
        parts.append(f"about {format_seconds(left)} left")
    return ", ".join(parts)


def format_seconds(seconds: float) -> str:
    """A duration in words, rounded as befits an estimate."""
    if seconds < 55:
        return f"{max(5, 5 * math.ceil(seconds / 5))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.2g} h"


def choose_model(
    wanted: str, models: dict[str, ModelReport], *, example: bool = False, nano_stands_in: bool = False
) -> str:
    """Choose the model to use on the local backend.

    Args:
        wanted: The model that was requested, or `""` for none in particular.
        models: `ServerStatus.models`.
        example: Whether the picture is one of the bundled examples, which need not wait for a download.
        nano_stands_in: Whether nano may answer about other pictures while base is not available: only on the page,
            which announces this and shows a warning with the answer.

    Returns:
        `wanted`, or base. Nano replaces base for examples while base is being downloaded; if base is not available and
        was not requested, also for examples and with `nano_stands_in`.
    """
    model_id = wanted or BASE
    state, nano = models.get(model_id), models.get(NANO, {})
    if model_id == NANO or state is None or not nano.get("on_disk") or nano.get("state") == ServerState.UNAVAILABLE:
        return model_id
    here = bool(state.get("on_disk")) or state.get("state") in (ServerState.LOADING, ServerState.READY)
    if state.get("state") == ServerState.UNAVAILABLE:
        return NANO if not wanted and (example or nano_stands_in) else model_id
    return NANO if example and model_id == BASE and not here else model_id
