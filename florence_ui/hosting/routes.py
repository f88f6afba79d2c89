"""Which of Gradio's doors are open, and who may carry what through them.

Gradio serves much that a demo never needs: a fetch proxy, a page of statistics, an editor of its own source. A
list of what must be closed would be out of date with the next release, so `DOORS` lists what is open and the rest
is not there. Bodies are bounded, posted JSON is rebuilt from the fields that Gradio's own page sends, and every
file in it must be an upload of this app. Refusals are one sentence of JSON: `{"error": "..."}`.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from python_multipart.exceptions import FormParserError
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.types import ASGIApp, Receive, Scope, Send

from florence_ui.hosting.admission import STEP, Admission, Kind, Pending, memory_of
from florence_ui.hosting.origin_guard import OriginGuard
from florence_ui.hosting.requests import (
    MAX_JSON_BYTES,
    MAX_PLAIN_BYTES,
    NAME,
    RETRY_SECONDS,
    Refused,
    bounded,
    check_headers,
    check_length,
    check_query,
    clean_event,
    clean_plain,
    parse_json,
    read_body,
    replayed,
)
from florence_ui.hosting.responses import Reply

log = logging.getLogger(__name__)

API = "/gradio_api"
MAX_NAME, MAX_PATH = 255, 2048
"""Bytes of a part of an address, and of all of it: no file has longer ones, and a system fails at the attempt."""
MAX_OPEN_REQUESTS = 2000
MAX_OPEN_FOR_ONE = 500
"""Requests that one address may have open: each page keeps one or two, and an address may stand for many visitors."""


class Body(StrEnum):
    """What a door lets in."""

    NONE = "nothing"
    EVENT = "a call of one of the page's functions"
    PLAIN = "a small JSON object"
    UPLOAD = "files"
    MESSAGE = "a message of an agent"


@dataclass(frozen=True)
class Door:
    """One kind of address that is open.

    Attributes:
        method: GET (and HEAD with it), POST or DELETE.
        pattern: Of the whole path.
        body: What may be posted.
    """

    method: str
    pattern: re.Pattern[str]
    body: Body = Body.NONE


def _door(method: str, pattern: str, body: Body = Body.NONE) -> Door:
    return Door(method, re.compile(pattern), body)


DOORS = (
    _door("GET", r"/(healthz|readiness|config/?|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon)?"),
    _door("GET", r"/(static|assets|svelte)/.+"),
    _door("GET", rf"{API}/(info|app_id|startup-events|theme\.css|queue/data|queue/status|upload_progress)/?"),
    _door("GET", rf"{API}/heartbeat/{NAME}"),
    _door("GET", rf"{API}/file=(?!\w+:|//|\\).+"),
    _door("GET", rf"{API}/call/(v2/)?{NAME}/{NAME}"),
    _door("POST", rf"{API}/upload", Body.UPLOAD),
    _door("POST", rf"{API}/(queue/join|(run|api|call|call/v2)/{NAME}/?)", Body.EVENT),
    _door("POST", rf"{API}/(cancel|reset/?)", Body.PLAIN),
    # Answered only where gradio[mcp] is installed; a tool's call comes back in through the doors above.
    _door("GET", rf"{API}/mcp(/|/schema)?"),
    _door("DELETE", rf"{API}/mcp/?"),
    _door("POST", rf"{API}/mcp/?", Body.MESSAGE),
)

LEAVES = re.compile(rf"{API}/(queue/data|heartbeat/(?P<session>{NAME})|call/(v2/)?{NAME}/(?P<event>{NAME}))")
"""Streams that a page or a program keeps open for as long as it is there."""


class Doors:
    """ASGI middleware between the server and Gradio.

    Args:
        app: Gradio's app.
        max_upload_bytes: Most bytes of one upload request, all its files together.
        on_leave: Called with the session when a page or a program closes its stream.
        whose: The address that a request counts by; `""` where it is not known.
        guard: Keeps other websites out.
        admission: Says what there is room for.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_upload_bytes: int,
        on_leave: Callable[[str], object] = lambda session: None,
        whose: Callable[[Scope], str] = lambda scope: "",
        guard: OriginGuard,
        admission: Admission | None = None,
    ) -> None:
        self.app = app
        self.max_upload_bytes = max_upload_bytes
        self.on_leave = on_leave
        self.whose = whose
        self.guard = guard
        self.admission = admission or Admission()
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        path = get_route_path(scope)
        answer = Reply(send, path, scope, self.guard.allowed)
        address = self.whose(scope)
        self._open[address] += 1
        try:
            self._check_open(address)
            self.guard.check(scope)
            door = find_door(scope["method"], path)
            with self.admission.admit(kind_of(door, path), address, scope) as pending:
                receive = answer.watching(await self._carry(door, scope, receive, pending))
                await self.app(scope, receive, answer)
        except Refused as refusal:
            await answer.refuse(refusal, scope, receive)
        except MultiPartException as error:
            await answer.refuse(Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error.message), scope, receive)
        except Exception as error:
            if isinstance(error.__cause__, HTTPException) and answer.status is not None:
                await answer.end()  # the stream has said already that nobody knows its session
                return
            refusal = blamed_on_request(error, path)
            if refusal is None:
                log.exception("A request to %s failed.", path.partition("=")[0])
                words = "Something went wrong here; it has been noted. Please try again."
                refusal = Refused(HTTPStatus.INTERNAL_SERVER_ERROR, words)
            await answer.refuse(refusal, scope, receive)
        finally:
            self._open[address] -= 1
            self._open += Counter()  # drops the zeroes
            self._notice_leaving(path, scope, answer)

    def _check_open(self, address: str) -> None:
        """Refuse one request too many.

        Raises:
            Refused: If everybody together, or this address, has too many open.
        """
        if self._open.total() > MAX_OPEN_REQUESTS:
            words = "Too many visitors at once. Please try again in a minute."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, words, RETRY_SECONDS)
        if address and self._open[address] > MAX_OPEN_FOR_ONE:
            words = "Too many requests at once from your address. Close some pages, or try again in a minute."
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, words, RETRY_SECONDS)

    async def _carry(self, door: Door, scope: Scope, receive: Receive, pending: Pending) -> Receive:
        """What Gradio may read of this request.

        Raises:
            Refused: If it may not have it.
        """
        headers = Headers(scope=scope)
        check_headers(headers)
        check_query(scope)
        if door.body is Body.UPLOAD:
            check_length(headers, self.max_upload_bytes)
            return bounded(receive, self.max_upload_bytes, pending.wait)
        if door.body is Body.NONE:
            if get_route_path(scope).startswith(f"{API}/info"):
                # Gradio keeps its first answer with the first asker's Host header in it, for all who ask later.
                scope["app"].api_info = None
            # Gradio copies the whole request into its answer to a range, and pictures need none.
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
            return receive
        if door.body is Body.PLAIN:
            check_length(headers, MAX_PLAIN_BYTES)
            body = await read_body(receive, MAX_PLAIN_BYTES, pending.wait, lambda size: None)
            return replayed(json.dumps(clean_plain(parse_json(headers, body))).encode(), scope, receive)
        check_length(headers, MAX_JSON_BYTES)
        body = await read_body(
            receive,
            MAX_JSON_BYTES,
            pending.wait,
            lambda size: self.admission.hold(pending, -(-size // STEP) * STEP, scope),
        )
        self.admission.hold(pending, memory_of(body), scope)
        posted = parse_json(headers, body)
        if door.body is Body.MESSAGE:
            return replayed(body, scope, receive)
        return replayed(json.dumps(clean_event(posted, scope)).encode(), scope, receive)

    def _notice_leaving(self, path: str, scope: Scope, answer: Reply) -> None:
        stream = LEAVES.fullmatch(path)
        if stream is None or answer.status != HTTPStatus.OK:
            return
        query = re.search(rb"(?:^|&)session_hash=([A-Za-z0-9_\-]+)", scope["query_string"])
        session = stream["session"] or stream["event"] or (query[1].decode() if query else "")
        if session and (answer.left or not answer.finished):
            self.on_leave(session)
        if stream["event"]:  # the session of one call, with all that was posted in it, a key perhaps
            holder = scope["app"].state_holder
            holder.session_data.pop(session, None)
            holder.time_last_used.pop(session, None)


def kind_of(door: Door, path: str) -> Kind | None:
    """What a request to a door counts as until it is over; None where it is over at once."""
    if door.body is Body.EVENT:
        return Kind.EVENT if re.match(rf"{API}/(queue|call)/", path) else None  # Stop must work at any time
    return {Body.UPLOAD: Kind.UPLOAD, Body.MESSAGE: Kind.MESSAGE}.get(door.body)


def blamed_on_request(error: Exception, path: str) -> Refused | None:
    """The refusal of what Gradio fails at because of the request; None for a failure of our own."""
    if isinstance(error, TypeError) and "/call/v2/" in path:
        words = "The parameters do not fit this function; /gradio_api/info names them."
        return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    if isinstance(error, TypeError | FormParserError) and path == f"{API}/upload":
        return Refused(HTTPStatus.BAD_REQUEST, "The upload is not put together as uploads are.")
    return None


def find_door(method: str, path: str) -> Door:
    """The door that this request may go through.

    Raises:
        Refused: If there is none.
    """
    fitting = [door for door in DOORS if door.pattern.fullmatch(path)]
    longest = max(len(part.encode()) for part in path.split("/"))
    if not fitting or not path.isprintable() or longest > MAX_NAME or len(path) > MAX_PATH:
        raise Refused(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    asked = "GET" if method == "HEAD" else method
    for door in fitting:
        if door.method == asked:
            return door
    raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "That cannot be done at this address.")
