"""The password that the operator puts before the page: HTTP Basic authentication, on all routes but `OPEN`.

Not Gradio's own `auth`, which guards only Gradio's routes, and whose form a program has to post.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus

from starlette.datastructures import Headers, Secret
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from florence_ui.hosting.gradio_internals.server import get_route_path
from florence_ui.hosting.origin_guard import HEALTH
from florence_ui.hosting.request_limits import RequestRefused
from florence_ui.hosting.responses import SecureSend

log = logging.getLogger(__name__)

OPEN = (*HEALTH, "/gradio_api/startup-events")
"""Routes for everybody; Gradio asks for the last one when it starts, and it says nothing but true."""
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Florence-2 playground", charset="UTF-8"'}

MAX_WRONG = 20
"""Wrong passwords from one address in `WINDOW_SECONDS`, after which its passwords are not even compared."""
WINDOW_SECONDS = 60.0
MAX_ADDRESSES = 10_000


class WrongPasswords:
    """A count of wrong passwords by address; it starts anew every `WINDOW_SECONDS`.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._begun = clock()

    def add(self, address: str) -> None:
        """Count one; beyond `MAX_ADDRESSES`, further addresses are not counted."""
        if address and (address in self._counts or len(self._counts) < MAX_ADDRESSES):
            self._counts[address] += 1

    def seconds_to_wait(self, address: str) -> int:
        """Seconds until passwords from that address are compared again; 0 for now."""
        left = self._begun + WINDOW_SECONDS - self._clock()
        if left <= 0:
            self._counts.clear()
            self._begun = self._clock()
        return max(1, math.ceil(left)) if self._counts[address] >= MAX_WRONG else 0


class PasswordGuard:
    """ASGI middleware that asks for a name and a password.

    Args:
        app: What it guards.
        pairs: Names and passwords; every one of them is let in.
        client_address: The address by which a request is counted; `""` if unknown.
        framed_by: Origins that may embed the page.
    """

    def __init__(
        self,
        app: ASGIApp,
        pairs: Sequence[tuple[str, Secret]],
        *,
        client_address: Callable[[Scope], str],
        framed_by: Collection[str],
    ) -> None:
        self.app = app
        self._client_address = client_address
        self._framed_by = framed_by
        self._wrong = WrongPasswords()
        self._accepted = [_digest(f"{name}:{password}".encode()) for name, password in pairs]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or get_route_path(scope) in OPEN:
            await self.app(scope, receive, send)
            return
        response = SecureSend(scope, send, self._framed_by)
        try:
            known = self._lets_in(Headers(scope=scope).get("authorization", ""), self._client_address(scope))
        except RequestRefused as refusal:
            await response.send_refusal(refusal, receive)
            return
        if known:
            await self.app(scope, receive, send)
            return
        message = "This page asks for a name and a password."
        await JSONResponse({"error": message}, HTTPStatus.UNAUTHORIZED, CHALLENGE)(scope, receive, response)

    def _lets_in(self, header: str, address: str) -> bool:
        """Whether a header has one of the pairs; a wrong one counts.

        Raises:
            RequestRefused: If too many from this address were wrong.
        """
        if not header:
            return False
        if seconds := self._wrong.seconds_to_wait(address):
            message = f"Too many wrong passwords from your address. Try again in {seconds} s."
            raise RequestRefused(HTTPStatus.TOO_MANY_REQUESTS, message, seconds)
        if self._knows(header):
            return True
        self._wrong.add(address)
        log.warning("A wrong password was given from %s.", address or "an unknown address")
        return False

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
