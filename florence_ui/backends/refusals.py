"""A server's refusal in words: HTTP status -> one sentence for what happened, one for what to do next."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from florence_ui.errors import (
    BackendBusyError,
    BackendError,
    BackendTimeoutError,
    BackendUnreachableError,
    CreditsError,
    KeyRefusedError,
    ModelNotFoundError,
    quote,
)
from florence_ui.redaction import redact

SAYS_NOTHING = {"", "internal error.", "n/a", *(status.phrase.lower() for status in HTTPStatus)}
"""Messages that add nothing to the status."""

OTHER_KEY = "Check the key for typos, or enter another one."
TRY_AGAIN = "Try again in a minute, or choose another backend."


@dataclass(frozen=True)
class Refusal:
    """The error for one status."""

    error: type[BackendError]
    message: str
    hint: str


REFUSALS = {
    400: Refusal(
        BackendError, "The server could not use the request.", "Try another picture, or check the prompt and the model."
    ),
    401: Refusal(KeyRefusedError, "The server did not accept the API key.", OTHER_KEY),
    402: Refusal(
        CreditsError, "The account of this API key is out of credits.", "Add credits on Roboflow's billing page, or "
        "run the model on the local backend.",
    ),
    403: Refusal(
        KeyRefusedError, "This API key is not allowed to run the model.", "Use a key of the workspace that owns the "
        "model, with permission to run inference.",
    ),
    404: Refusal(
        ModelNotFoundError, "The server does not have this model.", "Check the model's id, and that the key belongs to "
        "its workspace.",
    ),
    405: Refusal(
        BackendError, "The server does not accept such calls at this address.",
        "Check the backend's address: it is the server's base address, without a path.",
    ),
    407: Refusal(
        BackendUnreachableError, "The proxy on the way to the server requires a user name and a password.",
        "Give them in HTTPS_PROXY or HTTP_PROXY: http://name:password@proxy:3128.",
    ),
    408: Refusal(BackendTimeoutError, "The server waited too long for the picture.", "Try again."),
    413: Refusal(BackendError, "The picture is too large for the server.", "Use a smaller picture."),
    422: Refusal(
        BackendError, "The server rejected the request as malformed.",
        "It may be a version that this page does not know; choose another backend.",
    ),
    423: Refusal(
        CreditsError, "The account of this API key is paused.", "Ask the workspace's administrator to re-enable it, or "
        "type another key.",
    ),
    429: Refusal(BackendBusyError, "The server received too many requests.", "Wait a minute, then run again."),
    500: Refusal(
        BackendError, "The server failed while working on the answer.", "Try again; if it fails again, the prompt "
        "may be one that this model cannot handle.",
    ),
    502: Refusal(BackendUnreachableError, "The server's gateway got no answer from the model.", TRY_AGAIN),
    503: Refusal(
        BackendBusyError, "The server cannot answer at the moment.", "Try again in a minute, or choose another model "
        "or backend.",
    ),
    504: Refusal(BackendTimeoutError, "The model took longer than the server's gateway allows.", TRY_AGAIN),
}  # fmt: skip

NO_KEY = Refusal(KeyRefusedError, "This server requires an API key.", "Type one, or set API_KEY before the app starts.")
NO_LOCAL_KEY = (
    "Set API_KEY, and FLORENCE_UI_LOCAL_URL to the server's address, before the app starts: keys are only sent "
    "to a local address that was set."
)
NOT_SERVERLESS = (
    "Roboflow's serverless cloud may not offer Florence-2 to every account: if the id is right, use a Dedicated "
    "Deployment or the local backend."
)
MOVED = Refusal(
    BackendError, "The server redirects to another address; the picture was not sent there.",
    "If that is intended, set the new address as the backend's.",
)  # fmt: skip
OLD_SERVER = "Servers older than version 1.5 do not read the key: update it."


def error_for_status(status: int, body: bytes, *, backend: str, key: str | None) -> BackendError:
    """The error for a status that is not 200.

    Args:
        status: The HTTP status.
        body: The answer's first bytes.
        backend: `serverless`, `dedicated` or `local`; the hint depends on it.
        key: The API key that was sent; it is masked in what the server says.
    """
    found = _find(status, key)
    hint = found.hint
    if status == 404 and backend == "serverless":
        hint = NOT_SERVERLESS
    elif status == 401 and not key and backend == "local":
        hint = NO_LOCAL_KEY
    elif status == 401 and key and backend == "dedicated":
        hint = f"{hint} {OLD_SERVER}"
    words = quote(redact(server_message(body), key))
    said = "" if words.lower() in SAYS_NOTHING else f" It says: “{words}”"
    return found.error(found.message + said, hint, status=status)


def _find(status: int, key: str | None) -> Refusal:
    if status == 401 and not key:
        return NO_KEY
    if 300 <= status < 400:
        return MOVED
    unknown = Refusal(BackendError, f"The server answered with status {status}.", TRY_AGAIN)
    return REFUSALS.get(status) or (REFUSALS[500] if status >= 500 else unknown)


def server_message(body: bytes) -> str:
    """The message in an error's JSON body: `message`, or FastAPI's `detail`; `""` if there is none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict):
        return ""
    found = next((content[name] for name in ("message", "detail", "error") if content.get(name)), "")
    if isinstance(found, list):
        return "; ".join(_problem(item) for item in found[:3])
    return found if isinstance(found, str) else ""


def _problem(item: Any) -> str:
    """One of FastAPI's validation errors without its `input`, which repeats what was sent."""
    if not isinstance(item, dict):
        return str(item)
    where = item.get("loc")
    place = ".".join(str(part) for part in where) if isinstance(where, list) else ""
    return f"{place}: {item.get('msg', '')}".strip(": ")
