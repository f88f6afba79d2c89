"""Failures of a model's server, over real sockets: values for `fault` of a `ScriptedBackend`.

    with ScriptedBackend(fault=faults.status(401)) as backend:
        ...

`genuine_error(status)` is the body that the genuine server sends with a status.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from typing import Any

from aiohttp import web

from florence_ui.bench.scripted_backend import Call, Respond, ScriptedBackend

GENUINE_MESSAGES = {
    400: "Could not load input image. Cause: Malformed base64 input image.",
    401: "Unauthorized access to roboflow API - check API key and make sure the key is valid for workspace you use. "
    "Visit https://docs.roboflow.com/api-reference/authentication#retrieve-an-api-key to learn how to retrieve one.",
    402: "Not enough credits to perform this request. Verify your workspace billing page.",
    403: "Unauthorized access to roboflow API - check API key and make sure the key is valid and have required scopes.",
    404: "Requested Roboflow resource not found. Make sure that workspace, project or model you referred in request "
    "exists.",
    423: "Roboflow API usage is paused. Please contact your workspace administrator to re-enable api keys.",
    500: "Internal error.",
}
UNPROCESSABLE = [{"type": "string_type", "loc": ["body", "prompt"], "msg": "Input should be a valid string"}]


def genuine_error(status: int) -> dict[str, Any]:
    """The body that the genuine server sends with that status."""
    if status == 422:
        return {"detail": UNPROCESSABLE}
    return {"message": GENUINE_MESSAGES.get(status, HTTPStatus(status).phrase)}


def status(code: int, body: Any = None, headers: dict[str, str] | None = None) -> Respond:
    """That status, with the genuine server's body or the one given (text as it is, else as JSON)."""
    content = genuine_error(code) if body is None else body

    async def respond(_: ScriptedBackend, __: web.Request, ___: Call) -> web.Response:
        if isinstance(content, str):
            return web.Response(status=code, text=content, content_type="text/html", headers=headers)
        return web.json_response(content, status=code, headers=headers)

    return respond


def redirect(to: str, code: int = 307) -> Respond:
    """A redirect to that address."""
    return status(code, "moved", {"Location": to})


def hang() -> Respond:
    """No answer, ever."""

    async def respond(_: ScriptedBackend, __: web.Request, ___: Call) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    return respond


def drip(interval: float = 0.05) -> Respond:
    """An endless answer, a byte at a time."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"response": {"<CAPTION>": "'
        while True:
            await asyncio.sleep(interval)
            yield b"a"

    return _streamed(pieces)


def cut_off() -> Respond:
    """The first half of a good answer, then a closed connection."""

    async def respond(backend: ScriptedBackend, request: web.Request, call: Call) -> web.StreamResponse:
        whole = json.dumps(backend.body(call)).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(whole)
        await response.prepare(request)
        await response.write(whole[: len(whole) // 2])
        request.transport.close()
        return response

    return respond


def reset() -> Respond:
    """A connection that is reset instead of an answer."""

    async def respond(_: ScriptedBackend, request: web.Request, __: Call) -> web.Response:
        request.transport.abort()
        return web.Response()

    return respond


def body(text: str | bytes, content_type: str = "application/json") -> Respond:
    """A 200 with that body."""
    data = text.encode() if isinstance(text, str) else text

    async def respond(_: ScriptedBackend, __: web.Request, ___: Call) -> web.Response:
        return web.Response(body=data, content_type=content_type)

    return respond


def html() -> Respond:
    """A 200 with a web page, as captive portals send it."""
    return body("<!doctype html><title>Log in</title><h1>Welcome</h1>", "text/html")


def empty() -> Respond:
    """A 200 with nothing in it."""
    return body("")


def huge(megabytes: int = 50) -> Respond:
    """A well-formed answer of that size."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"response": {"<CAPTION>": "'
        for _ in range(megabytes):
            yield b"a" * 10**6
        yield b'"}}'

    return _streamed(pieces)


def echo_key(code: int = 401) -> Respond:
    """A message that repeats the key, as careless servers send it."""

    async def respond(_: ScriptedBackend, __: web.Request, call: Call) -> web.Response:
        key = call.headers.get("Authorization", "").removeprefix("Bearer ") or call.body.get("api_key", "")
        message = f"The key {key} was refused (Bearer {key}, api_key={key[:-3]}...)"
        return web.json_response({"message": message, "response": {"<CAPTION>": message}}, status=code)

    return respond


def _streamed(pieces: Callable[[], AsyncIterator[bytes]]) -> Respond:
    async def respond(_: ScriptedBackend, request: web.Request, __: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            async for piece in pieces():
                await response.write(piece)
        return response

    return respond


def refused_url() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextlib.contextmanager
def other_program(greeting: bytes = b"SSH-2.0-OpenSSH_9.6\r\n") -> Iterator[str]:
    """The address of another program that listens here and does not speak HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def serve() -> None:
            server.settimeout(0.1)
            while not stop.is_set():
                with contextlib.suppress(TimeoutError, OSError):
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(greeting)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join(5)
