"""The page's address in the OpenAPI description of its endpoints, which Gradio writes without one.

Without it programs would ask the root of the host, where another page may be if a proxy serves this one below a path.
"""

import json
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from florence_ui.hosting.gradio_internals.server import get_route_path, page_address

PATH = "/gradio_api/openapi.json"


class AddressedDescription:
    """ASGI middleware that adds `servers` to the description.

    Args:
        app: Gradio's app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or get_route_path(scope) != PATH:
            await self.app(scope, receive, send)
            return
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, collect)
        if messages[0]["status"] != HTTPStatus.OK:
            for message in messages:
                await send(message)
            return
        description = json.loads(b"".join(message.get("body", b"") for message in messages))
        address = page_address(Request(scope), PATH).rstrip("/")
        # The address is this request's own: what a proxy kept of it would lead others there.
        response = JSONResponse(description | {"servers": [{"url": address}]}, headers={"Cache-Control": "no-store"})
        await response(scope, receive, send)
