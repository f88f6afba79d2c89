"""The password that the operator puts before the page: HTTP Basic authentication, on all routes but `OPEN`.

Not Gradio's own `auth`, which guards only Gradio's routes, and whose form a program has to post.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Sequence
from http import HTTPStatus

from starlette.datastructures import Headers, Secret
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from florence_ui.hosting.gradio_internals.server import get_route_path
from florence_ui.hosting.origin_guard import HEALTH
from florence_ui.hosting.responses import SecureSend

OPEN = (*HEALTH, "/gradio_api/startup-events")
"""Routes for everybody; Gradio asks for the last one when it starts, and it says nothing but true."""
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Florence-2 playground", charset="UTF-8"'}


class PasswordGuard:
    """ASGI middleware that asks for a name and a password.

    Args:
        app: What it guards.
        pairs: Names and passwords; every one of them is let in.
        framed_by: Origins that may embed the page.
    """

    def __init__(self, app: ASGIApp, pairs: Sequence[tuple[str, Secret]], *, framed_by: Collection[str] = ()) -> None:
        self.app = app
        self._framed_by = framed_by
        self._accepted = [_digest(f"{name}:{password}".encode()) for name, password in pairs]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guarded = scope["type"] == "http" and get_route_path(scope) not in OPEN
        if guarded and not self._knows(Headers(scope=scope).get("authorization", "")):
            message = "This page asks for a name and a password."
            refusal = JSONResponse({"error": message}, HTTPStatus.UNAUTHORIZED, CHALLENGE)
            await refusal(scope, receive, SecureSend(send, get_route_path(scope), scope, self._framed_by))
            return
        await self.app(scope, receive, send)

    def _knows(self, header: str) -> bool:
        """Whether a header has one of the pairs; takes equally long for all pairs, and however much of one is right."""
        scheme, _, encoded = header.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            given = b""
        matches = [hmac.compare_digest(_digest(given), accepted) for accepted in self._accepted]
        return True in matches


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
