"""What a request may carry: headers that name hosts, bounded bodies, and JSON rebuilt from known fields."""

import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.types import Message, Receive, Scope

from florence_ui.errors import InputError
from florence_ui.hosting.body_wait import BodyWait
from florence_ui.hosting.uploads import check_file_values, drop_meta

NAME = r"[A-Za-z0-9_\-]{1,64}"
"""A session, an event or an endpoint. Gradio splits task names at a marker of its own: free text here could break
`cancel` for everybody."""

MAX_JSON_BYTES = 1 << 20
MAX_PLAIN_BYTES = 4 << 10
"""Of what stops an event: three short fields. It is so little that it needs no share of the memory."""
MAX_EVENT_DATA = 64 << 10
"""Characters of what an event tells of itself, such as which picture of a gallery was chosen."""
MAX_JSON_DEPTH = 32
"""Levels of lists and objects in posted JSON; the page needs six, and what copies or checks JSON fails beyond some
hundreds."""
MAX_FILES = 200
"""Files in one upload."""
JSON_SECONDS = 30.0
UPLOAD_SECONDS = 600.0
RETRY_SECONDS = 10
SILENT_SECONDS = 30.0
"""Longest time in which nothing comes of an upload."""

HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a pair that JSON writes some characters with; alone it fits into no file, no log and no answer."""


class Refused(Exception):
    """A request that goes no further; `retry_after`: seconds after which it may be tried again, 0 if never."""

    def __init__(self, status: HTTPStatus, words: str, retry_after: int = 0) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.retry_after = retry_after


_HOST = re.compile(r"[A-Za-z0-9.\-_:\[\]]{1,255}(,\s*[A-Za-z0-9.\-_:\[\]]{1,255}){0,9}")


def check_headers(headers: Headers) -> None:
    """Refuse host names that are none: Gradio builds addresses, and then pages, from them.

    Raises:
        Refused: If a header names no host.
    """
    for name in ("host", "x-forwarded-host"):
        if not all(_HOST.fullmatch(value) for value in headers.getlist(name)):
            raise Refused(HTTPStatus.BAD_REQUEST, "The request names no host.")
    if headers.get("x-gradio-server"):
        raise Refused(HTTPStatus.BAD_REQUEST, "This page stands behind no other Gradio server.")


def check_query(scope: Scope) -> None:
    """Refuse names in the address that are none: Gradio remembers each one that it is asked about.

    Raises:
        Refused: If one is longer than names are, or has other characters.
    """
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name in ("session_hash", "upload_id") and not re.fullmatch(NAME, value):
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The field {name} is not a proper name.")


def check_length(headers: Headers, most: int) -> None:
    """Refuse a body that says itself that it is too long.

    Raises:
        Refused: If it does, or says something that is no length.
    """
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refused(HTTPStatus.BAD_REQUEST, "The request has no proper length.")
    if int(length) > most:
        raise too_large(most)


def too_large(most: int) -> Refused:
    """The refusal of a body of more than `most` bytes."""
    size = f"{most / 2**20:.3g} MB" if most >= 1 << 20 else f"{most >> 10} kB"
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"That is too large: at most {size} at a time.")


async def read_body(receive: Receive, most: int, wait: BodyWait, hold: Callable[[int], object]) -> bytes:
    """The whole body of a request, of any transfer encoding.

    Args:
        receive: Gives its parts.
        most: Bytes that it may have.
        wait: May end early.
        hold: Told after each part how many bytes there are by now; may refuse.

    Raises:
        Refused: If it is longer than `most` bytes, comes too slowly, or ends early.
    """
    body = bytearray()
    try:
        async with wait.at_most(JSON_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(HTTPStatus.BAD_REQUEST, "The request ended early.")
                body += message.get("body", b"")
                if len(body) > most:
                    raise too_large(most)
                hold(len(body))
                if not message.get("more_body", False):
                    wait.finished = True
                    return bytes(body)
    except TimeoutError:
        status = HTTPStatus.SERVICE_UNAVAILABLE if wait.ended else HTTPStatus.REQUEST_TIMEOUT
        raise Refused(status, wait.why, RETRY_SECONDS if wait.ended else 0) from None


def replayed(body: bytes, scope: Scope, receive: Receive) -> Receive:
    """A `receive` that gives this body first; the scope's length is set to fit."""
    headers = MutableHeaders(scope=scope)
    headers["content-length"] = str(len(body))
    headers["content-type"] = "application/json"
    del headers["transfer-encoding"]
    scope["headers"] = headers.raw
    given = False

    async def read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


def bounded(receive: Receive, most: int, wait: BodyWait) -> Receive:
    """A `receive` that stops an upload of too many bytes, or one that never ends.

    It raises what Gradio's own parser raises, because then Gradio deletes what it has written so far.
    """
    size = 0
    deadline = time.monotonic() + UPLOAD_SECONDS

    async def read() -> Message:
        nonlocal size
        try:
            async with wait.at_most(min(SILENT_SECONDS, max(0.0, deadline - time.monotonic()))):
                message = await receive()
        except TimeoutError:
            raise MultiPartException(wait.why) from None
        wait.finished = not message.get("more_body", False)
        size += len(message.get("body", b""))
        if size > most:
            raise MultiPartException(f"The upload is over the maximum allowed size of {most / 2**20:.3g} MB.")
        return message

    return read


def parse_json(headers: Headers, body: bytes) -> dict[str, Any]:
    """A posted JSON object.

    Raises:
        Refused: If it is none, or does not say that it is JSON: a browser sends that across origins only with
            the receiver's leave, so another site cannot make a visitor's browser spend the operator's key.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The request must be application/json.")
    try:
        posted = json.loads(body.decode())  # of bytes, json takes UTF-16 and half characters too
    except (ValueError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST, "The request is not proper JSON in UTF-8.") from None
    if not isinstance(posted, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "The request is not a JSON object.")
    if depth_of(posted) > MAX_JSON_DEPTH:
        words = f"The request is nested too deeply: at most {MAX_JSON_DEPTH} levels."
        raise Refused(HTTPStatus.BAD_REQUEST, words)
    if HALF_CHARACTER.search(body) and not _is_text(posted):
        raise Refused(HTTPStatus.BAD_REQUEST, "The request holds half a character, which is no text.")
    return posted


def depth_of(value: Any) -> int:
    """Levels of lists and objects in parsed JSON: 0 for a number, 1 for a list of numbers."""
    depth, level = 0, [value]
    while level := [node for node in level if isinstance(node, dict | list)]:
        depth += 1
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
    return depth


def _is_text(posted: dict[str, Any]) -> bool:
    try:
        return bool(json.dumps(posted, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return False


def _wanted(posted: dict[str, Any], kinds: dict[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The known fields of a body, each of the kind that Gradio expects.

    Raises:
        Refused: If one is of another kind, or a name has other characters than names have.
    """
    kept = {key: posted[key] for key in kinds if posted.get(key) is not None}
    for key, value in kept.items():
        if not isinstance(value, kinds[key]) or isinstance(value, bool):
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The field {key} cannot be used.")
        if isinstance(value, str) and not re.fullmatch(NAME, value):
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The field {key} is not a proper name.")
    return kept


def clean_plain(posted: dict[str, Any]) -> dict[str, Any]:
    """The fields of `cancel` and `reset`.

    Raises:
        Refused: If one cannot be used.
    """
    return _wanted(posted, {"session_hash": str, "fn_index": int, "event_id": str})


def clean_event(posted: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """The fields of a call that Gradio's own page and clients send, after a look at what they hold.

    Raises:
        Refused: If there is no such function, its inputs do not fit, or a file is not an upload of this app.
    """
    name = get_route_path(scope).rstrip("/").rpartition("/")[2]
    by_name = "/v2/" in get_route_path(scope)
    cleaned = {} if by_name else _wanted(posted, {"session_hash": str, "fn_index": int, "trigger_id": int})
    function = _find_function(scope, cleaned, name)
    try:
        check_file_values(posted)
    except InputError as error:
        for_programs = function.api_visibility == "public"  # the page shows no words that come with 422
        status = HTTPStatus.UNPROCESSABLE_ENTITY if for_programs else HTTPStatus.BAD_REQUEST
        raise Refused(status, str(error)) from None
    if all(map(_is_for_programs, function.inputs)):
        drop_meta(posted)
    if by_name:
        return posted
    data, about = _with_defaults(function, posted.get("data")), posted.get("event_data")
    if len(json.dumps(about)) > MAX_EVENT_DATA:
        words = f"The event tells too much of itself: at most {MAX_EVENT_DATA >> 10} kB."
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
    cleaned |= {"data": data, "event_data": about}
    if function.queue and re.match(r".*/(run|api)/", get_route_path(scope)):
        raise Refused(HTTPStatus.NOT_FOUND, "This function is called through /gradio_api/call.")
    _check_inputs(function, cleaned["data"])
    return cleaned


def _find_function(scope: Scope, posted: dict[str, Any], name: str) -> Any:
    """Gradio's record of the function that is called.

    Raises:
        Refused: If there is none.
    """
    functions = scope["app"].get_blocks().fns
    found = functions.get(posted["fn_index"]) if "fn_index" in posted else None
    if "fn_index" not in posted:
        found = next((fn for fn in functions.values() if fn.api_name == name), None)
        if found is not None and "/call/" in get_route_path(scope) and found.api_visibility != "public":
            found = None  # the page calls its own events by number
    if found is None or found.fn is None:  # what runs in the browser only has none
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such function here.")
    return found


def _with_defaults(function: Any, data: Any) -> Any:
    """The inputs of an endpoint for programs, those left out at the end with their defaults.

    Gradio does so only where inputs are given by name.
    """
    left_out = function.inputs[len(data) :] if isinstance(data, list) else []
    known = all(map(_is_for_programs, left_out))
    return [*data, *(block.value for block in left_out)] if left_out and known else data


def _is_for_programs(block: Any) -> bool:
    return block.get_block_name() == "api"


def _check_inputs(function: Any, data: Any) -> None:
    """Refuse what Gradio would answer with a traceback: too few or too many inputs, or text in place of a file.

    Raises:
        Refused: In these cases.
    """
    shown = [block for block in function.inputs if not block.skip_api]
    fits = isinstance(data, list) and (function.cancels or len(data) in (len(function.inputs), len(shown)))
    if not fits:
        words = f"The function takes {len(shown)} inputs, in a list named data."
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    blocks = function.inputs if len(data) == len(function.inputs) else shown
    for block, value in zip(blocks, data, strict=False):
        if _takes_file(block) and not isinstance(value, dict | list | None):
            words = "A picture is given as an uploaded file, not as text; a link goes into image_url."
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, words)


def _takes_file(block: Any) -> bool:
    model = getattr(block, "data_model", None)
    return model is not None and model.__name__ in ("ImageData", "FileData", "ListFiles", "GalleryData", "EditorData")
