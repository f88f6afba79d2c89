"""inference-sdk's client with a transport that copes with misbehaving servers.

The SDK's `infer_lmm_async` decides what is sent, this module how, because the SDK's own transport has no deadline,
follows redirects with the picture, reads answers of any size, and loses the server's message. Import this module late:
the SDK takes a second to load.
"""

import json
from typing import Any

import aiohttp
from inference_sdk import ApiKeyTransport, InferenceConfiguration, InferenceHTTPClient

from florence_ui.backends.backend import Backend
from florence_ui.backends.http_session import MAX_JSON, open_session, proxy_for, read_start
from florence_ui.backends.refusals import error_for_status
from florence_ui.errors import AnswerError
from florence_ui.redaction import redact_all

MAX_ANSWER = 4 * 2**20
"""Maximum size of an answer in bytes; Florence-2's longest are under 100 kB."""
CHECK_ADDRESS = "Check the backend's address, or choose another backend."


class Client(InferenceHTTPClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client for one call.

    Args:
        backend: The backend; its address must not end in a slash, or Roboflow's server answers 405.
        key: The API key; sent only in the Authorization header, which no server repeats in an error.
    """

    def __init__(self, backend: Backend, key: str | None) -> None:
        super().__init__(api_url=backend.url, api_key=key)
        self.configure(InferenceConfiguration(api_key_transport=ApiKeyTransport.HEADER))
        self._backend, self._key = backend, key

    async def _post_images_async(
        self,
        inference_input: str,
        endpoint: str,
        model_id: str | None = None,
        extra_payload: dict[str, Any] | None = None,
    ) -> Any:
        """Post one picture, already base64, and read the answer; called by the SDK's `infer_lmm_async`."""
        payload = {**(extra_payload or {}), "image": {"type": "base64", "value": inference_input}}
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        session, proxy = await open_session(), proxy_for(self._backend)
        for is_last in (False, True):
            connection: dict[str, bool] = {}
            try:
                async with session.post(
                    self._backend.url + endpoint, json=payload, headers=headers, allow_redirects=False,
                    trace_request_ctx=connection, proxy=proxy,
                ) as response:  # fmt: skip
                    return await self._read(response)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if is_last or not connection.get("reused"):
                    raise  # otherwise the server has closed a kept-alive connection: use a new one
        raise AssertionError("the last try returns or raises")

    async def _read(self, response: aiohttp.ClientResponse) -> Any:
        if response.status != 200:
            body = await read_start(response, MAX_JSON)
            raise error_for_status(response.status, body, backend=self._backend.name, key=self._key)
        body = await read_start(response, MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER:
            raise AnswerError(
                f"The server's answer is larger than {MAX_ANSWER // 2**20} MB, which no Florence-2 answer is.",
                CHECK_ADDRESS,
            )
        return self._decode(body)

    def _decode(self, body: bytes) -> Any:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise AnswerError(f"The server sent {_kind(body)} instead of an answer.", CHECK_ADDRESS) from None
        if self._key and (self._key.encode() in body or b"\\" in body):
            return redact_all(content, self._key)
        return content


def _kind(body: bytes) -> str:
    start = body[:200].lstrip()
    if not start:
        return "nothing"
    return "a web page" if start.startswith(b"<") else "something unreadable"
