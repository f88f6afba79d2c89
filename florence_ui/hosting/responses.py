"""What goes out through the doors: Gradio's answers with the security headers, and refusals in words."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from florence_ui.hosting.requests import Refused
from florence_ui.hosting.uploads import FILE_ROUTE

REFUSED = "florence_ui.refused"
"""Set in the scope of a request whose event was refused in words; Gradio calls that a failure of its own (500)."""

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Gradio starts and templates with both
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        # the last one: the websites that the operator allows follow
        "frame-ancestors 'self' https://huggingface.co https://*.huggingface.co https://*.hf.space",
    )
)
FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'self'"
"""For files of visitors: opened as a page, they may do nothing, whatever they hold."""


class Reply:
    """Sends what the app answers, with the security headers; remembers how far it came and who left before."""

    def __init__(self, send: Send, path: str, scope: Scope, framed_by: Collection[str] = ()) -> None:
        self._send = send
        self._policy = FILE_POLICY if path.startswith(FILE_ROUTE) else " ".join((CONTENT_POLICY, *framed_by))
        self._scope = scope
        self.status: int | None = None
        self.finished = self.left = False

    def watching(self, receive: Receive) -> Receive:
        """The same `receive`, noticing who hangs up before the answer is finished.

        Gradio may hear of it first, and then finishes the answer as if somebody were still there.
        """

        async def read() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not self.finished:
                self.left = True
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
                headers["Connection"] = "close"  # or the rest of a body that is refused would still be read
            message["headers"] = headers.raw
        elif message["type"] == "http.response.body":
            self.finished = not message.get("more_body", False)
        await self._send(message)

    async def end(self) -> None:
        """No more comes."""
        if not self.finished:
            await self({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(self, refusal: Refused, scope: Scope, receive: Receive) -> None:
        """Says why, unless an answer has begun."""
        if self.status is None:
            status = _status(refusal, scope)
            headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else None
            response = JSONResponse(_said(refusal, status), status, headers)
            await response(scope, receive, self)


def _status(refusal: Refused, scope: Scope) -> HTTPStatus:
    """A refusal's status; of those that say "later", gradio_client would drop the words."""
    from_client = "gradio_client" in Headers(scope=scope).get("user-agent", "")
    return HTTPStatus.UNPROCESSABLE_ENTITY if refusal.retry_after and from_client else refusal.status


def _said(refusal: Refused, status: HTTPStatus) -> dict[str, Any]:
    """A refusal's words; with 422 gradio_client looks for them in the form of Gradio's validators."""
    if status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return {"error": refusal.words}
    problem = {"__type__": "validate", "is_valid": False, "parameter_name": "request", "message": refusal.words}
    return {"error": refusal.words, "detail": [problem]}
