"""The allowlist of Gradio's routes, and the checks of every request.

Gradio serves much that a demo never needs: a fetch proxy, a page of statistics, an editor of its own source. A denylist
would be outdated by the next release, so `ALLOWED_ROUTES` lists what is allowed, and everything else is a 404. Bodies
are bounded, posted JSON is rebuilt from the fields that Gradio's own page sends, and every file in it must be an upload
of this app. Rejections are one sentence of JSON: `{"error": "..."}`.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from florence_ui.hosting.admission import MEMORY_STEP, Admission, Pending, RequestKind, estimate_memory
from florence_ui.hosting.event_requests import clean_event, clean_stop_request
from florence_ui.hosting.gradio_internals.events import forget_api_description
from florence_ui.hosting.gradio_internals.server import get_route_path
from florence_ui.hosting.gradio_internals.sessions import sessions_of
from florence_ui.hosting.origin_guard import OriginGuard
from florence_ui.hosting.request_limits import (
    MAX_JSON_BYTES,
    MAX_STOP_BYTES,
    NAME,
    RETRY_SECONDS,
    RequestRefused,
    check_headers,
    check_length,
    check_query,
    limit_upload,
    parse_json,
    read_body,
    replay_body,
)
from florence_ui.hosting.responses import SecureSend

log = logging.getLogger(__name__)

API = "/gradio_api"
MAX_NAME, MAX_PATH = 255, 2048
"""Maximum bytes of a path segment, and of the whole path: no file has longer ones, and the system fails on them."""
MAX_OPEN_REQUESTS = 2000
MAX_OPEN_PER_ADDRESS = 500
"""Requests that one address may have open: each page keeps one or two, and many visitors may share an address."""


class Body(StrEnum):
    """The kind of body that a route accepts."""

    NONE = "nothing"
    EVENT = "a call of one of the page's functions"
    STOP = "which event to stop"
    UPLOAD = "files"
    MESSAGE = "a message of an agent"


@dataclass(frozen=True)
class AllowedRoute:
    """One allowed route.

    Attributes:
        method: GET (including HEAD), POST or DELETE.
        pattern: The pattern of the whole path.
        body: The body that it accepts.
    """

    method: str
    pattern: re.Pattern[str]
    body: Body = Body.NONE


def _allow(method: str, pattern: str, body: Body = Body.NONE) -> AllowedRoute:
    return AllowedRoute(method, re.compile(pattern), body)


ALLOWED_ROUTES = (
    _allow(
        "GET", r"/(healthz|readiness|config/?|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon|qr\.svg)?"
    ),
    _allow("GET", r"/(static|assets|svelte)/.+"),
    _allow(
        "GET", rf"{API}/(info|openapi\.json|app_id|startup-events|theme\.css|queue/data|queue/status|upload_progress)/?"
    ),
    _allow("GET", rf"{API}/heartbeat/{NAME}"),
    _allow("GET", rf"{API}/file=(?!\w+:|//|\\).+"),
    _allow("GET", rf"{API}/call/(v2/)?{NAME}/{NAME}"),
    _allow("POST", rf"{API}/upload", Body.UPLOAD),
    _allow("POST", rf"{API}/(queue/join|(run|api|call|call/v2)/{NAME}/?)", Body.EVENT),
    _allow("POST", rf"{API}/(cancel|reset/?)", Body.STOP),
    # Served only where gradio[mcp] is installed.
    _allow("GET", rf"{API}/mcp(/|/schema)?"),
    _allow("DELETE", rf"{API}/mcp/?"),
    _allow("POST", rf"{API}/mcp/?", Body.MESSAGE),
)

SIGN_IN_ROUTES = (_allow("GET", r"/(login/(huggingface|callback)|logout)"),)
"""Allowed where visitors may sign in."""

STREAMS = re.compile(rf"{API}/(queue/data|heartbeat/(?P<session>{NAME})|call/(v2/)?{NAME}/(?P<event>{NAME}))")
"""Streams that a page or a program keeps open for as long as it is there."""


class RouteGuard:
    """ASGI middleware between the server and Gradio.

    Args:
        app: Gradio's app.
        max_upload_bytes: The limit of one upload request, all its files together.
        on_leave: Called with the session when a page or a program closes its stream.
        client_address: The address that a request is counted by; `""` if unknown.
        guard: The guard against other websites.
        admission: The limits on pending work.
        sign_in: Whether visitors may sign in.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_upload_bytes: int,
        on_leave: Callable[[str], object] = lambda session: None,
        client_address: Callable[[Scope], str] = lambda scope: "",
        guard: OriginGuard,
        admission: Admission | None = None,
        sign_in: bool = False,
    ) -> None:
        self.app = app
        self.routes = ALLOWED_ROUTES + SIGN_IN_ROUTES if sign_in else ALLOWED_ROUTES
        self.max_upload_bytes = max_upload_bytes
        self.on_leave = on_leave
        self.client_address = client_address
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
        response = SecureSend(scope, send, self.guard.framed_by)
        address = self.client_address(scope)
        self._open[address] += 1
        try:
            self._check_open(address)
            self.guard.check(scope)
            route = find_route(scope["method"], path, self.routes)
            with self.admission.admit(request_kind(route, path), address, scope) as pending:
                receive = response.watch_disconnect(await self._checked_body(route, scope, receive, pending))
                await self.app(scope, receive, response)
        except RequestRefused as refusal:
            await response.send_refusal(refusal, receive)
        except Exception as error:
            if isinstance(error.__cause__, HTTPException) and response.status is not None:
                await response.finish()  # the stream has already reported an unknown session
                return
            await response.send_refusal(refusal_for(error, path), receive)
        finally:
            self._open[address] -= 1
            self._open += Counter()  # drops zero counts
            self._notice_disconnect(path, scope, response)

    def _check_open(self, address: str) -> None:
        """Reject a request beyond the limits on open ones.

        Raises:
            RequestRefused: If all visitors together, or this address, have too many open.
        """
        if self._open.total() > MAX_OPEN_REQUESTS:
            message = "Too many visitors at once. Please try again in a minute."
            raise RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, message, RETRY_SECONDS)
        if address and self._open[address] > MAX_OPEN_PER_ADDRESS:
            message = "Too many requests at once from your address. Close some pages, or try again in a minute."
            raise RequestRefused(HTTPStatus.TOO_MANY_REQUESTS, message, RETRY_SECONDS)

    async def _checked_body(self, route: AllowedRoute, scope: Scope, receive: Receive, pending: Pending) -> Receive:
        """Check the headers and the body, and return the `receive` that Gradio reads the body from.

        Raises:
            RequestRefused: If either is not acceptable.
        """
        headers = Headers(scope=scope)
        check_headers(headers)
        check_query(scope)
        if route.body is Body.UPLOAD:
            check_length(headers, self.max_upload_bytes)
            return limit_upload(receive, self.max_upload_bytes, pending.wait)
        if route.body is Body.NONE:
            if get_route_path(scope).startswith((f"{API}/info", f"{API}/openapi.json")):
                forget_api_description(scope["app"])
            # Gradio's response to a range repeats the whole request, and pictures need no ranges.
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
            return receive
        if route.body is Body.STOP:
            check_length(headers, MAX_STOP_BYTES)
            body = await read_body(receive, MAX_STOP_BYTES, pending.wait, lambda size: None)
            return replay_body(json.dumps(clean_stop_request(parse_json(headers, body))).encode(), scope, receive)
        check_length(headers, MAX_JSON_BYTES)
        body = await read_body(
            receive,
            MAX_JSON_BYTES,
            pending.wait,
            lambda size: self.admission.reserve_memory(pending, -(-size // MEMORY_STEP) * MEMORY_STEP, scope),
        )
        self.admission.reserve_memory(pending, estimate_memory(body), scope)
        posted = parse_json(headers, body)
        if route.body is Body.MESSAGE:
            return replay_body(body, scope, receive)
        return replay_body(json.dumps(clean_event(posted, scope)).encode(), scope, receive)

    def _notice_disconnect(self, path: str, scope: Scope, response: SecureSend) -> None:
        """Report a closed stream, and drop the session of a program's call, which holds all posted values."""
        stream = STREAMS.fullmatch(path)
        if stream is None or response.status != HTTPStatus.OK:
            return
        query = re.search(rb"(?:^|&)session_hash=([A-Za-z0-9_\-]+)", scope["query_string"])
        session = stream["session"] or stream["event"] or (query[1].decode() if query else "")
        if session and (response.disconnected or not response.finished):
            self.on_leave(session)
        if stream["event"]:
            sessions_of(scope["app"]).forget(session)


def request_kind(route: AllowedRoute, path: str) -> RequestKind | None:
    """What a request counts as until it is over; None if it is over at once."""
    if route.body is Body.EVENT:
        return RequestKind.EVENT if re.match(rf"{API}/(queue|call)/", path) else None  # Stop must always work
    return {Body.UPLOAD: RequestKind.UPLOAD, Body.MESSAGE: RequestKind.MESSAGE}.get(route.body)


def refusal_for(error: Exception, path: str) -> RequestRefused:
    """The rejection of a request on which Gradio failed; log a failure that the request did not cause."""
    if isinstance(error, TypeError) and "/call/v2/" in path:
        message = "These parameters do not match the function; /gradio_api/info lists them."
        return RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    log.error("A request to %s failed.", path.partition("=")[0], exc_info=error)
    message = "Something went wrong here; it has been noted. Please try again."
    return RequestRefused(HTTPStatus.INTERNAL_SERVER_ERROR, message)


def find_route(method: str, path: str, routes: Sequence[AllowedRoute] = ALLOWED_ROUTES) -> AllowedRoute:
    """Find the allowed route of a request.

    Raises:
        RequestRefused: If there is none.
    """
    matching = [route for route in routes if route.pattern.fullmatch(path)]
    longest = max(len(part.encode()) for part in path.split("/"))
    if not matching or not path.isprintable() or longest > MAX_NAME or len(path) > MAX_PATH:
        raise RequestRefused(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    method = "GET" if method == "HEAD" else method
    for route in matching:
        if route.method == method:
            return route
    raise RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, "This method is not allowed at this address.")
