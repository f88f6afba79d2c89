"""What the local server and its models are doing, and which model that leaves to use."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from florence_ui.backends import ProbeResult
from florence_ui.errors import quote

BASE, NANO = "florence-2-base", "florence-2-nano"

NANO_WARNING = (
    "Nano only knows drawn scenes, so this answer is not meaningful. Switch to Florence-2-base for photographs."
)
"""What nano's answer about any picture but a bundled example is worth."""


class ServerState(StrEnum):
    """What the local server, or a model on it, is doing."""

    STARTING = "starting"
    ABSENT = "absent"
    DOWNLOADING = "downloading"
    LOADING = "loading"
    READY = "ready"
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
        percent: Of a download, 0 to 100; None where unknown.
        models: Our server's own words: alias -> `{"state", "percent", "reason", "on_disk", ...}`.
        server: Name and version of the server that answers.
    """

    state: ServerState
    detail: str
    hint: str = ""
    percent: int | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    server: str = ""


def model_status(model_id: str, seen: ProbeResult) -> ServerStatus:
    """What our server says of one of its models."""
    model = seen.models[model_id]
    known = {state.value: state for state in ServerState}
    state = known.get(str(model.get("state")), ServerState.UNAVAILABLE)
    percent = model.get("percent") if isinstance(model.get("percent"), int) else None
    reason = quote(model.get("reason") or "")
    details = {
        ServerState.ABSENT: f"{model_id} is about to be {'loaded' if model.get('on_disk') else 'downloaded'}.",
        ServerState.DOWNLOADING: f"{model_id} is being downloaded{format_progress(model)}.",
        ServerState.LOADING: f"{model_id} is being loaded.",
        ServerState.READY: f"{model_id} is ready.",
    }
    detail = details.get(state, f"{model_id} cannot be used here. {reason}".strip())
    has_nano = model_id != NANO and seen.models.get(NANO, {}).get("on_disk")
    spare = f"{NANO}, which is here but only knows drawn scenes, or " if has_nano else ""
    hint = "" if state in details else f"Choose {spare}another model or backend."
    return ServerStatus(state, detail, hint, percent, seen.models, seen.server)


def format_progress(model: dict[str, Any]) -> str:
    """How far a download is, to follow "is being downloaded"; as much of it as the server tells.

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


def format_bytes(count: float) -> str:
    """A number of bytes with two or three digits, in units of 1,000."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def format_seconds(seconds: float) -> str:
    """A time of any length, no more precise than a guess is."""
    if seconds < 55:
        return f"{max(5, 5 * math.ceil(seconds / 5))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.2g} h"


def choose_model(
    wanted: str, models: dict[str, dict[str, Any]], *, example: bool = False, nano_stands_in: bool = False
) -> str:
    """Which model to use on the local backend.

    Args:
        wanted: The model that was chosen, or `""` for none in particular.
        models: `ServerStatus.models`; empty for a server that does not tell.
        example: Whether the picture is one of the bundled examples, which need not wait for a download.
        nano_stands_in: Whether nano may answer about other pictures where base is not available: only on the page,
            whose choice says so and which shows what the answer is worth.

    Returns:
        `wanted`, or base. Nano in its place for examples while base is being downloaded; and, unless base was chosen,
        where it is not available, for examples and where `nano_stands_in`.
    """
    model_id = wanted or BASE
    state, nano = models.get(model_id), models.get(NANO, {})
    if model_id == NANO or state is None or not nano.get("on_disk") or nano.get("state") == ServerState.UNAVAILABLE:
        return model_id
    here = bool(state.get("on_disk")) or state.get("state") in (ServerState.LOADING, ServerState.READY)
    if state.get("state") == ServerState.UNAVAILABLE:
        return NANO if not wanted and (example or nano_stands_in) else model_id
    return NANO if example and model_id == BASE and not here else model_id
