"""Outgoing responses: Gradio's, with security headers, and rejections as sentences."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from florence_ui.hosting.gradio_internals.oauth import AVATAR_HOSTS
from florence_ui.hosting.gradio_internals.server import get_route_path
from florence_ui.hosting.request_limits import RequestRefused
from florence_ui.hosting.visitor_files import FILE_ROUTE

PAGE_EVENTS = "/gradio_api/queue/join"
"""Where Gradio's page posts its events."""
REFUSED = "florence_ui.refused"
"""Set in the scope of a request whose event was refused; Gradio would report that as its own failure (500)."""

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Gradio's start-up and templates need both
        "style-src 'self' 'unsafe-inline'",
        f"img-src 'self' data: blob: {' '.join(AVATAR_HOSTS)}",  # of visitors who have signed in
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",  # last: the websites that may embed the page are appended
    )
)
FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'self'"
"""For visitors' files, so that nothing in them runs when they are opened as a page."""


class SecureSend:
    """An ASGI `send` that adds security headers and notes how far the response got.

    Args:
        scope: The request's scope.
        send: The server's `send`.
        framed_by: Origins that may embed the page.

    Attributes:
        status: The response's status; None until it has started.
        finished: Whether the whole response was sent.
        disconnected: Whether the client left before that.
    """

    def __init__(self, scope: Scope, send: Send, framed_by: Collection[str]) -> None:
        self._scope = scope
        self._send = send
        is_file = get_route_path(scope).startswith(FILE_ROUTE)
        self._policy = FILE_POLICY if is_file else " ".join((CONTENT_POLICY, *framed_by))
        self.status: int | None = None
        self.finished = self.disconnected = False

    def watch_disconnect(self, receive: Receive) -> Receive:
        """Wrap `receive` to notice a client that leaves before the response is finished.

        Gradio may be told first, and then finishes the response as if the client were still there.
        """

        async def read() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not self.finished:
                self.disconnected = True
            return message

        return read

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._scope.get(REFUSED) and message["status"] == HTTPStatus.INTERNAL_SERVER_ERROR:
                message["status"] = HTTPStatus.UNPROCESSABLE_ENTITY.value
            self.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Content-Security-Policy"] = self._policy
            if self.status >= HTTPStatus.BAD_REQUEST:
                headers["Connection"] = "close"  # otherwise the rest of a rejected body would still be read
            message["headers"] = headers.raw
        elif message["type"] == "http.response.body":
            self.finished = not message.get("more_body", False)
        await self._send(message)

    async def finish(self) -> None:
        """End the response, unless it has ended."""
        if not self.finished:
            await self({"type": "http.response.body", "body": b"", "more_body": False})

    async def send_refusal(self, refusal: RequestRefused, receive: Receive) -> None:
        """Send the reason for a rejection, unless a response has started."""
        if self.status is None:
            status = _refusal_status(refusal, self._scope)
            headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else None
            response = JSONResponse(_refusal_body(refusal, status), status, headers)
            await response(self._scope, receive, self)


def _refusal_status(refusal: RequestRefused, scope: Scope) -> HTTPStatus:
    """A status whose message is shown: gradio_client drops the messages of 429 and 503, Gradio's page that of 503."""
    if refusal.retry_after and "gradio_client" in Headers(scope=scope).get("user-agent", ""):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    if refusal.status is HTTPStatus.SERVICE_UNAVAILABLE and get_route_path(scope) == PAGE_EVENTS:
        return HTTPStatus.TOO_MANY_REQUESTS
    return refusal.status


def _refusal_body(refusal: RequestRefused, status: HTTPStatus) -> dict[str, Any]:
    """A rejection's message; in a 422, gradio_client expects the format of Gradio's validators."""
    if status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return {"error": refusal.message}
    problem = {"__type__": "validate", "is_valid": False, "parameter_name": "request", "message": refusal.message}
    return {"error": refusal.message, "detail": [problem]}
