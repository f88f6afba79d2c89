"""Limits on the bodies of requests before they are in memory: the size of each and of all, and the time to arrive.

Starlette's own limit bounds each body only, neither all together nor their time.
"""

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 32 * 2**20
"""Maximum size of a body in bytes: a picture of 20 MB is 27 MB in base64."""
MAX_IN_FLIGHT = 4 * MAX_BODY
"""Bytes of all bodies that are arriving, waiting or being answered; each takes about three times its size."""
BODY_SECONDS = 60.0
"""Seconds that a body may take to arrive."""
RETRY_AFTER = 5
TOO_LARGE = f"The request is larger than {MAX_BODY // 2**20} MB. Send a smaller picture."
TOO_MUCH = "The server is busy: pending requests fill its memory. Try again in a few seconds."
TOO_SLOW = f"The request did not arrive within {BODY_SECONDS:g} seconds. Send a smaller picture, or try again."


class BodyLimit:
    """ASGI middleware; 413 for a body beyond `MAX_BODY`, 503 for one beyond the budget of all, 408 for a slow one.

    Args:
        app: The application.
        max_in_flight: Maximum bytes of all bodies together.
        seconds: Seconds that a body may take to arrive.
    """

    def __init__(self, app: ASGIApp, *, max_in_flight: int = MAX_IN_FLIGHT, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.max_in_flight = max_in_flight
        self.seconds = seconds
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY:
            await JSONResponse({"message": TOO_LARGE}, 413)(scope, receive, send)
            return
        received, is_complete = 0, False
        deadline = asyncio.get_running_loop().time() + self.seconds

        async def limited() -> Message:
            nonlocal received, is_complete
            try:
                async with asyncio.timeout_at(None if is_complete else deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, TOO_SLOW) from None
            is_complete = not message.get("more_body")
            size = len(message.get("body", b""))
            if received + size > MAX_BODY:
                raise HTTPException(413, TOO_LARGE)
            if self.in_flight + size > self.max_in_flight:
                raise HTTPException(503, TOO_MUCH, {"Retry-After": str(RETRY_AFTER)})
            received += size
            self.in_flight += size
            return message

        try:
            await self.app(scope, limited, send)
        finally:
            self.in_flight -= received
