"""inference-sdk's client with a transport that is safe to aim at servers having a bad day.

`infer_lmm_async` of the SDK decides what is sent; how it travels is decided here, because the SDK's own way has no
deadline, follows redirects with the picture, reads answers of any size, and loses the server's message. This module
is imported late: the SDK takes a second to load.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
from inference_sdk import ApiKeyTransport, InferenceConfiguration, InferenceHTTPClient
from requests.utils import select_proxy, should_bypass_proxies

from florence_ui.backends.refusals import redact_all, refusal
from florence_ui.errors import AnswerError, BackendUnreachableError
from florence_ui.network.proxies import operator_proxies

MAX_ANSWER = 4 * 2**20
"""Most bytes of an answer; Florence-2's longest are under 100 kB."""
MAX_REFUSAL = 2**16
CONNECT_SECONDS = 15.0
IDLE_SECONDS = 4.0
"""Connections are kept for the next call this long: less than the five seconds after which uvicorn closes them."""
CHUNK = 2**16

UNUSABLE_PROXY = "The outbound proxy that is set for this server is not an HTTP proxy, and others cannot be used."
PROXY_HINT = "Set HTTPS_PROXY to an address such as http://proxy:3128, or name the server in NO_PROXY."
NO_FLORENCE = "Check the backend's address, or choose another backend."


class Client(InferenceHTTPClient):
    """The SDK's client for one call.

    Args:
        backend: Name of the backend, for the words of errors.
        url: Base address without a trailing slash; with one, the genuine server answers 405.
        key: The API key; it travels in the Authorization header only, where no server repeats it in an error.
        proxy: Address of the outbound proxy to call through.
    """

    def __init__(self, backend: str, url: str, key: str | None, *, proxy: str | None = None) -> None:
        super().__init__(api_url=url, api_key=key)
        self.configure(InferenceConfiguration(api_key_transport=ApiKeyTransport.HEADER))
        self._backend, self._url, self._key, self._proxy = backend, url, key, proxy

    async def _post_images_async(
        self,
        inference_input: str,
        endpoint: str,
        model_id: str | None = None,
        extra_payload: dict[str, Any] | None = None,
    ) -> Any:
        """Posts one picture, already base64, and reads the answer; called by the SDK's `infer_lmm_async`."""
        payload = {**(extra_payload or {}), "image": {"type": "base64", "value": inference_input}}
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        session = await open_session()
        for is_last in (False, True):
            connection: dict[str, bool] = {}
            try:
                async with session.post(
                    self._url + endpoint, json=payload, headers=headers, allow_redirects=False,
                    trace_request_ctx=connection, proxy=self._proxy,
                ) as response:  # fmt: skip
                    return await self._read(response)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if is_last or not connection.get("reused"):
                    raise  # else the server had closed a connection that was kept for it: a new one is due
        raise AssertionError("the last try returns or raises")

    async def _read(self, response: aiohttp.ClientResponse) -> Any:
        if response.status != 200:
            body = await read_start(response, MAX_REFUSAL)
            raise refusal(response.status, body, backend=self._backend, key=self._key)
        return self._decode(await read_whole(response))

    def _decode(self, body: bytes) -> Any:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise AnswerError(f"The server sent {_kind(body)} instead of an answer.", NO_FLORENCE) from None
        repeated = self._key and (self._key.encode() in body or b"\\" in body)
        return redact_all(content, self._key) if repeated else content


def proxy_for(url: str) -> str | None:
    """The operator's outbound proxy for an address: the one that the SDK's own calls, by `requests`, would take.

    Raises:
        BackendUnreachableError: If it cannot be used here; its address, with a password perhaps, is not repeated.
    """
    known = operator_proxies()
    if should_bypass_proxies(url, no_proxy=known.get("no", "")) or not (found := select_proxy(url, known)):
        return None
    address = found if "://" in found else f"http://{found}"
    try:
        parts = urlsplit(address)
        usable = bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:
        usable = False
    if not usable:
        raise BackendUnreachableError(UNUSABLE_PROXY, PROXY_HINT)
    return address


def _kind(body: bytes) -> str:
    start = body[:200].lstrip()
    if not start:
        return "nothing"
    return "a web page" if start.startswith(b"<") else "something unreadable"


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body, given up as soon as it is too large.

    Raises:
        AnswerError: If it is larger than `MAX_ANSWER`.
    """
    body = await read_start(response, MAX_ANSWER + 1)
    if len(body) > MAX_ANSWER:
        raise AnswerError(
            f"The server's answer is larger than {MAX_ANSWER // 2**20} MB, which no answer of Florence-2 is.",
            NO_FLORENCE,
        )
    return body


async def read_start(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body's first bytes, `most` or a little more; the rest is never read."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) >= most:
            break
    return bytes(body)


_sessions: WeakKeyDictionary[Any, tuple[aiohttp.ClientSession, AsyncGenerator]] = WeakKeyDictionary()


async def open_session() -> aiohttp.ClientSession:
    """The running loop's session: connections are reused, cookies are not kept, a proxy is used where named."""
    loop = asyncio.get_running_loop()
    for other in [other for other in _sessions if other.is_closed()]:
        del _sessions[other]
    if loop not in _sessions:
        lifetime = _session_of_this_loop()
        _sessions[loop] = (await anext(lifetime), lifetime)
    return _sessions[loop][0]


async def _session_of_this_loop() -> AsyncGenerator[aiohttp.ClientSession]:
    """A session that closes with its loop, which ends all its generators when it shuts down."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_note_reuse)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]
    ) as session:
        yield session


async def _note_reuse(_: aiohttp.ClientSession, context: Any, __: aiohttp.TraceConnectionReuseconnParams) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx["reused"] = True


async def fetch_json(method: str, url: str, body: Any = None, *, proxy: str | None = None) -> Any:
    """The JSON that an address answers; None where it answers anything else. No key is sent."""
    session = await open_session()
    async with session.request(method, url, json=body, allow_redirects=False, proxy=proxy) as response:
        content = await read_start(response, MAX_REFUSAL)
        try:
            return json.loads(content) if response.status < 300 else None
        except (ValueError, RecursionError):
            return None
