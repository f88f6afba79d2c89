"""The scripted server on a bad day: every way in which a model's server fails, over real sockets.

    with ScriptedBackend(fault=Fault.status(401)) as backend:
        ...

`backend.fault` may be changed at any time, also to None. `genuine_error(status)` is the body that the genuine
server sends with a status.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from florence_ui.bench import scripted_backend
from florence_ui.bench.scripted_backend import Call, plausible_answer

__all__ = ["Call", "Fault", "ScriptedBackend", "genuine_error", "other_program", "plausible_answer", "refused_url"]

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


Respond = Callable[["ScriptedBackend", web.Request, Call], Any]


@dataclass(frozen=True)
class Fault:
    """One way to fail; `respond` answers, badly, in place of the server."""

    name: str
    respond: Respond

    @staticmethod
    def status(status: int, body: Any = None, headers: dict[str, str] | None = None) -> "Fault":
        """That status, with the genuine server's body or the one given (text as it is, else as JSON)."""
        content = genuine_error(status) if body is None else body

        async def respond(_: "ScriptedBackend", __: web.Request, ___: Call) -> web.Response:
            if isinstance(content, str):
                return web.Response(status=status, text=content, content_type="text/html", headers=headers)
            return web.json_response(content, status=status, headers=headers)

        return Fault(f"status-{status}", respond)

    @staticmethod
    def redirect(to: str, status: int = 307) -> "Fault":
        """A redirect to that address."""
        return Fault.status(status, "moved", {"Location": to})

    @staticmethod
    def hang() -> "Fault":
        """Takes the call and never answers."""

        async def respond(_: "ScriptedBackend", __: web.Request, ___: Call) -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        return Fault("hang", respond)

    @staticmethod
    def drip(interval: float = 0.05) -> "Fault":
        """Answers a byte at a time, for ever."""

        async def pieces() -> AsyncIterator[bytes]:
            yield b'{"response": {"<CAPTION>": "'
            while True:
                await asyncio.sleep(interval)
                yield b"a"

        return _streamed("drip", pieces)

    @staticmethod
    def cut_off() -> "Fault":
        """Promises a long answer, sends its first half and drops the connection."""

        async def respond(backend: "ScriptedBackend", request: web.Request, call: Call) -> web.StreamResponse:
            whole = json.dumps(backend.body(call)).encode()
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            response.content_length = len(whole)
            await response.prepare(request)
            await response.write(whole[: len(whole) // 2])
            request.transport.close()
            return response

        return Fault("cut-off", respond)

    @staticmethod
    def reset() -> "Fault":
        """Reads the call and drops the connection without a word."""

        async def respond(_: "ScriptedBackend", request: web.Request, __: Call) -> web.Response:
            request.transport.abort()
            return web.Response()

        return Fault("reset", respond)

    @staticmethod
    def body(text: str | bytes, content_type: str = "application/json", name: str = "body") -> "Fault":
        """A 200 with that body."""
        data = text.encode() if isinstance(text, str) else text

        async def respond(_: "ScriptedBackend", __: web.Request, ___: Call) -> web.Response:
            return web.Response(body=data, content_type=content_type)

        return Fault(name, respond)

    @staticmethod
    def html() -> "Fault":
        """A 200 with a web page, as captive portals send."""
        return Fault.body("<!doctype html><title>Log in</title><h1>Welcome</h1>", "text/html", "html")

    @staticmethod
    def empty() -> "Fault":
        """A 200 with nothing in it."""
        return Fault.body("", name="empty")

    @staticmethod
    def huge(megabytes: int = 50) -> "Fault":
        """A well-formed answer of that size."""

        async def pieces() -> AsyncIterator[bytes]:
            yield b'{"response": {"<CAPTION>": "'
            for _ in range(megabytes):
                yield b"a" * 10**6
            yield b'"}}'

        return _streamed("huge", pieces)

    @staticmethod
    def echo_key(status: int = 401) -> "Fault":
        """Repeats the key in its message, as careless servers do."""

        async def respond(_: "ScriptedBackend", __: web.Request, call: Call) -> web.Response:
            key = call.headers.get("Authorization", "").removeprefix("Bearer ") or call.body.get("api_key", "")
            message = f"The key {key} was refused (Bearer {key}, api_key={key[:-3]}...)"
            return web.json_response({"message": message, "response": {"<CAPTION>": message}}, status=status)

        return Fault("echo-key", respond)


def _streamed(name: str, pieces: Callable[[], AsyncIterator[bytes]]) -> Fault:
    async def respond(_: "ScriptedBackend", request: web.Request, __: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            async for piece in pieces():
                await response.write(piece)
        return response

    return Fault(name, respond)


@dataclass
class ScriptedBackend(scripted_backend.ScriptedBackend):
    """The scripted server with a fault, if one is set."""

    fault: Fault | None = None

    async def respond(self, request: web.Request, call: Call) -> web.StreamResponse:
        fault = self.fault  # a test may take it back meanwhile
        if fault is None:
            return await super().respond(request, call)
        await asyncio.sleep(self.delay)
        return await fault.respond(self, request, call)


def refused_url() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextlib.contextmanager
def other_program(greeting: bytes = b"SSH-2.0-OpenSSH_9.6\r\n") -> Iterator[str]:
    """The address of some other program that listens here and speaks no HTTP."""
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
