"""The descriptions of the page's endpoints that Gradio writes, completed: an address in OpenAPI's, in the page's own
examples of calls.

Without an address programs would ask the root of the host, where another page may be if a proxy serves this one below a
path. Gradio's examples pass every parameter at its default, so a call for a picture passes none.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from gradio_client.snippet import generate_code_snippets
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from florence_ui.hosting.gradio_internals.server import get_route_path, page_address

API = "/gradio_api"


def _with_address(description: dict[str, Any], address: str) -> dict[str, Any]:
    """OpenAPI's description with the page's address."""
    return description | {"servers": [{"url": address}]}


def _with_examples(description: dict[str, Any], address: str) -> dict[str, Any]:
    """The page's description with calls that pass only the parameters whose example is not their default."""
    for name, endpoint in description["named_endpoints"].items():
        passed = [
            parameter | {"parameter_has_default": False}
            for parameter in endpoint["parameters"]
            if parameter["example_input"] != parameter["parameter_default"]
        ]
        snippets = generate_code_snippets(name, {"parameters": passed}, address, api_prefix=f"{API}/")
        endpoint["code_snippets"] |= snippets
    return description


COMPLETIONS: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    f"{API}/openapi.json": _with_address,
    f"{API}/info": _with_examples,
}
"""What is done to a description, by its path."""


class CompletedDescriptions:
    """ASGI middleware that completes the descriptions.

    Args:
        app: Gradio's app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = get_route_path(scope).rstrip("/") if scope["type"] == "http" and scope["method"] == "GET" else ""
        complete = COMPLETIONS.get(path)
        if complete is None:
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
        address = page_address(Request(scope), path).rstrip("/")
        # The address is this request's own: what a proxy kept of it would lead others there.
        response = JSONResponse(complete(description, address), headers={"Cache-Control": "no-store"})
        await response(scope, receive, send)
