"""HTTP requests to backends, by aiohttp, which comes with the SDK and can be cancelled at any moment.

Only `port_probe` uses http.client instead: it runs in a thread before anything else is loaded, and reports the first
words of a program that does not speak HTTP.
"""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from requests.utils import select_proxy, should_bypass_proxies

from florence_ui.backends.backend import Backend
from florence_ui.errors import BackendUnreachableError
from florence_ui.network.proxies import operator_proxies

CONNECT_SECONDS = 15.0
IDLE_SECONDS = 4.0
"""Seconds that a connection is kept for the next call: fewer than the five after which uvicorn closes it."""
MAX_JSON = 2**16
"""Maximum size of a status or an error in bytes."""
CHUNK = 2**16

UNUSABLE_PROXY = "The outbound proxy that is set for this server is not an HTTP proxy; no other kind is supported."
UNUSABLE_PROXY_HINT = "Set HTTPS_PROXY to an address such as http://proxy:3128, or name the server in NO_PROXY."

Session = aiohttp.ClientSession
_current = threading.local()
"""The running loop of each thread, with its session and what ends it."""


async def open_session() -> Session:
    """The running loop's session: connections are reused, cookies are not kept, a proxy is used if given."""
    loop = asyncio.get_running_loop()
    if getattr(_current, "loop", None) is not loop:
        _current.lifetime = _session_of_this_loop()
        _current.loop, _current.session = loop, await anext(_current.lifetime)
    session: Session = _current.session
    return session


async def _session_of_this_loop() -> AsyncGenerator[Session]:
    """A session that closes with its loop, which closes all its generators when it shuts down."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_mark_as_reused)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]
    ) as session:
        yield session


async def _mark_as_reused(_: Session, context: Any, __: aiohttp.TraceConnectionReuseconnParams) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx["reused"] = True


async def fetch_json(backend: Backend, path: str, body: dict[str, str] | None = None) -> tuple[int, Any]:
    """Send a request without a key, by POST if there is a body; return the status and the JSON, None for other content.

    Raises:
        BackendUnreachableError: If the outbound proxy cannot be used.
        aiohttp.ClientError, OSError: If there is no answer.
    """
    session, method, proxy = await open_session(), "POST" if body else "GET", proxy_for(backend)
    async with session.request(method, backend.url + path, json=body, allow_redirects=False, proxy=proxy) as response:
        content = await read_start(response, MAX_JSON)
        try:
            return response.status, json.loads(content) if response.status < 300 else None
        except (ValueError, RecursionError):
            return response.status, None


async def read_start(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The body's first bytes, `max_bytes` or a little more; the rest is never read."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) >= max_bytes:
            break
    return bytes(body)


def proxy_for(backend: Backend) -> str | None:
    """The operator's outbound proxy for a backend: the one that the SDK's own calls, by `requests`, would use.

    Raises:
        BackendUnreachableError: If it cannot be used here; its address, which may hold a password, is not repeated.
    """
    known = operator_proxies() if backend.uses_proxy else {}
    if should_bypass_proxies(backend.url, no_proxy=known.get("no", "")):
        return None
    found = select_proxy(backend.url, known)
    if not found:
        return None
    address = found if "://" in found else f"http://{found}"
    try:
        parts = urlsplit(address)
        usable = bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:
        usable = False
    if not usable:
        raise BackendUnreachableError(UNUSABLE_PROXY, UNUSABLE_PROXY_HINT)
    return address
