"""Checks of a request: valid host names, and a bounded, well-formed body.

Starlette's body limits cover forms only; here a JSON body is also limited in time, nesting and memory.
"""

import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.types import Message, Receive, Scope

from florence_ui.hosting.body_wait import BodyWait
from florence_ui.network.origins import host_name

NAME = r"[A-Za-z0-9_\-]{1,64}"
"""The name of a session, an event or an endpoint. Gradio splits task names at a separator, so arbitrary text could
break `cancel` for everybody."""

MAX_HOST, MAX_HOSTS = 255, 10
"""Letters of a host name, and names in one header: each proxy adds one."""
MAX_JSON_BYTES = 1 << 20
MAX_STOP_BYTES = 4 << 10
"""For requests that stop an event: three short fields, too little to count as memory."""
MAX_JSON_DEPTH = 32
"""Levels of lists and objects in posted JSON; the page needs six, and copying fails beyond some hundreds."""
MAX_JSON_VALUES = 10_000
"""Values in posted JSON: 200 pictures have 1,600, and a megabyte of empty lists takes seconds to parse."""
MAX_FILES = 200
"""Files in one upload."""
JSON_SECONDS = 30.0
UPLOAD_SECONDS = 600.0
RETRY_SECONDS = 10
STALL_SECONDS = 30.0
"""Seconds that an upload may stall."""

SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
"""One half of a surrogate pair, which cannot be encoded alone: not in a file, a log or a response."""


class RequestRefused(Exception):
    """A request that is rejected.

    Attributes:
        status: The response's status.
        message: A sentence for the sender.
        retry_after: Seconds after which it may be tried again; 0 if never.
    """

    def __init__(self, status: HTTPStatus, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


def check_headers(headers: Headers) -> None:
    """Reject malformed host names, from which Gradio would build addresses and pages.

    Raises:
        RequestRefused: If a header does not contain a host.
    """
    for name in ("host", "x-forwarded-host"):
        hosts = [host.strip() for value in headers.getlist(name) for host in value.split(",")]
        if len(hosts) > MAX_HOSTS or not all(map(_is_host, hosts)):
            raise RequestRefused(HTTPStatus.BAD_REQUEST, "The request has no valid Host header.")
    if headers.get("x-gradio-server"):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "This page does not run behind another Gradio server.")


def _is_host(text: str) -> bool:
    """Whether a text is a host name or an address, with or without a port, for everybody who parses it later."""
    try:
        httpx.URL(f"http://{text}")  # Gradio's parser, which fails on 999.1.1.1
        _ = urlsplit(f"http://{text}").port  # fails beyond 65535
    except (httpx.InvalidURL, ValueError):
        return False
    return 0 < len(host_name(text)) <= MAX_HOST


def check_query(scope: Scope) -> None:
    """Reject malformed names in the query: Gradio remembers every name it receives there.

    Raises:
        RequestRefused: If one is too long or has other characters than names have.
    """
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name in ("session_hash", "upload_id") and not re.fullmatch(NAME, value):
            raise RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The field {name} is not a valid name.")


def check_length(headers: Headers, max_bytes: int) -> None:
    """Reject a request whose Content-Length exceeds the limit.

    Raises:
        RequestRefused: If it does, or is not a number.
    """
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The request has no valid Content-Length.")
    if int(length) > max_bytes:
        raise body_too_large(max_bytes)


def body_too_large(max_bytes: int) -> RequestRefused:
    """The rejection of a body of more than `max_bytes`."""
    size = f"{max_bytes / 2**20:.3g} MB" if max_bytes >= 1 << 20 else f"{max_bytes >> 10} kB"
    return RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The request is too large: at most {size} at a time.")


async def read_body(receive: Receive, max_bytes: int, wait: BodyWait, on_size: Callable[[int], object]) -> bytes:
    """Read the whole body of a request, in any transfer encoding.

    Args:
        receive: Receives its parts.
        max_bytes: The longest body that is allowed.
        wait: May cut the wait short.
        on_size: Called after each part with the bytes so far; may raise `RequestRefused`.

    Raises:
        RequestRefused: If the body is longer than `max_bytes`, arrives too slowly, or ends early.
    """
    body = bytearray()
    try:
        async with wait.at_most(JSON_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestRefused(HTTPStatus.BAD_REQUEST, "The request ended early.")
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise body_too_large(max_bytes)
                on_size(len(body))
                if not message.get("more_body", False):
                    wait.finished = True
                    return bytes(body)
    except TimeoutError:
        status = HTTPStatus.SERVICE_UNAVAILABLE if wait.ended else HTTPStatus.REQUEST_TIMEOUT
        raise RequestRefused(status, wait.why, RETRY_SECONDS if wait.ended else 0) from None


def replay_body(body: bytes, scope: Scope, receive: Receive) -> Receive:
    """A `receive` that delivers this body first; the scope's headers are updated to fit."""
    headers = MutableHeaders(scope=scope)
    headers["content-length"] = str(len(body))
    headers["content-type"] = "application/json"
    del headers["transfer-encoding"]
    scope["headers"] = headers.raw
    delivered = False

    async def read() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


def limit_upload(receive: Receive, max_bytes: int, wait: BodyWait) -> Receive:
    """A `receive` that stops an upload that is too large or never ends.

    It raises `MultiPartException`, as the parser does.
    """
    size = 0
    deadline = time.monotonic() + UPLOAD_SECONDS

    async def read() -> Message:
        nonlocal size
        try:
            async with wait.at_most(min(STALL_SECONDS, max(0.0, deadline - time.monotonic()))):
                message = await receive()
        except TimeoutError:
            raise MultiPartException(wait.why) from None
        wait.finished = not message.get("more_body", False)
        size += len(message.get("body", b""))
        if size > max_bytes:
            raise MultiPartException(f"The upload is over the maximum allowed size of {max_bytes / 2**20:.3g} MB.")
        return message

    return read


def parse_json(headers: Headers, body: bytes) -> dict[str, Any]:
    """Parse a posted JSON object.

    Raises:
        RequestRefused: If it is anything else, or not declared as JSON: a browser sends JSON across origins only after
            a preflight request, so another site cannot make a visitor's browser spend the operator's key.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The request must be application/json.")
    posted = load_json(body)
    if not isinstance(posted, dict):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The request is not a JSON object.")
    return posted


def load_json(body: bytes) -> Any:
    """Parse JSON from a visitor, bounded in depth and number of values, whose texts can all be written again.

    Raises:
        RequestRefused: If it is anything else.
    """
    if has_too_many_values(body):
        message = f"The request has too many values: at most {MAX_JSON_VALUES:,}."
        raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    try:
        posted = json.loads(body.decode())  # given bytes, json also accepts UTF-16 and lone surrogates
    except (ValueError, RecursionError):
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The request is not valid JSON in UTF-8.") from None
    if nesting_depth(posted) > MAX_JSON_DEPTH:
        message = f"The request is nested too deeply: at most {MAX_JSON_DEPTH} levels."
        raise RequestRefused(HTTPStatus.BAD_REQUEST, message)
    if SURROGATE_ESCAPE.search(body) and not _is_encodable(posted):
        raise RequestRefused(
            HTTPStatus.BAD_REQUEST, "The request contains an unpaired surrogate, which is not valid text."
        )
    return posted


def has_too_many_values(body: bytes) -> bool:
    """Whether JSON has more than `MAX_JSON_VALUES` commas and opening brackets outside its texts; it is not parsed."""
    if _count_separators(body) <= MAX_JSON_VALUES:
        return False
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    parts = without_escapes.split(b'"', 4 * MAX_JSON_VALUES)  # a value may have a name, each two quotes
    return _count_separators(b" ".join(parts[::2])) > MAX_JSON_VALUES


def _count_separators(json_text: bytes) -> int:
    return sum(map(json_text.count, (b",", b"[", b"{")))


def nesting_depth(value: Any) -> int:
    """Levels of lists and objects in parsed JSON: 0 for a number, 1 for a list of numbers."""
    depth, level = 0, [value]
    while level := [node for node in level if isinstance(node, dict | list)]:
        depth += 1
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
    return depth


def _is_encodable(posted: Any) -> bool:
    try:
        return bool(json.dumps(posted, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return False
