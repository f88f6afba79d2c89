"""Ask a server for its identity and its models' states, or to prepare a model; no key is sent."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from florence_ui.backends.backend import Backend
from florence_ui.backends.infer import load_client
from florence_ui.backends.model_status import ModelReport, ServerState
from florence_ui.backends.unreachable import explain_failure
from florence_ui.errors import FlorenceUIError, quote
from florence_ui.models import SERVER_NAME

PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class ProbeResult:
    """A server's description of itself.

    Attributes:
        reachable: Whether it answered as a model server.
        server: Its name and version.
        models: What our own server reports of its models, by alias; empty for other servers.
    """

    reachable: bool
    server: str = ""
    models: dict[str, ModelReport] = field(default_factory=dict)


async def probe(backend: Backend, *, seconds: float = PROBE_SECONDS) -> ProbeResult:
    """Ask a server for its identity and models, without loading any; errors are not raised."""
    try:
        async with asyncio.timeout(seconds):
            _, info = await _fetch(backend, "/info")
            _, status = await _fetch(backend, "/status")
    except Exception:
        return ProbeResult(reachable=False)
    if not isinstance(info, dict) or not isinstance(info.get("name"), str):
        return ProbeResult(reachable=False)
    reports = status.get("models") if isinstance(status, dict) else None
    reports = reports if isinstance(reports, dict) else {}
    models = {str(alias): report for alias, report in reports.items() if isinstance(report, dict)}
    return ProbeResult(True, quote(f"{info['name']} {info.get('version', '')}")[:100], models)


async def check_reachable(backend: Backend) -> tuple[bool, str]:
    """Whether anything answers at a backend's address, and a sentence about it."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await _fetch(backend, "/info")
    except Exception as error:
        return False, str(error if isinstance(error, FlorenceUIError) else explain_failure(error, backend))
    return True, f"{backend.host} answers."


async def request_model(backend: Backend, model_id: str) -> bool:
    """Ask our server to download and load a model, without waiting for it; other servers are not asked.

    A failed download is restarted; the server itself pauses longer after each attempt.

    Returns:
        Whether further requests are pointless: the model is ready, cannot be loaded although its files are here, or is
        unknown to the server.
    """
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _, info = await _fetch(backend, "/info")
            if not isinstance(info, dict) or info.get("name") != SERVER_NAME:
                return False
            status, report = await _fetch(backend, "/model/prepare", {"model_id": model_id})
    except Exception:
        return False
    report = report if isinstance(report, dict) else {}
    cannot_load = report.get("state") == ServerState.UNAVAILABLE and bool(report.get("on_disk"))
    return status == 404 or report.get("state") == ServerState.READY or cannot_load


async def _fetch(backend: Backend, path: str, body: dict[str, str] | None = None) -> tuple[int, Any]:
    await load_client()  # in a thread, so that the import below does not block the loop
    from florence_ui.backends.http_session import fetch_json

    return await fetch_json(backend, path, body)
