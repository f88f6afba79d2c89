"""The three places where the model can run, behind one function: `infer`.

    serverless   Roboflow's cloud, with a key
    dedicated    a Roboflow Dedicated Deployment, at the operator's address
    local        Roboflow Inference or this project's own server, on this machine

All speak the same `POST /infer/lmm` and are called by inference-sdk. Every failure becomes a `BackendError`: what
happened and what to do next. Nothing that a visitor typed is ever given to the SDK as a picture, because it would
read a string as the name of a file or as a link; it gets base64 of bytes that this app encoded.
"""

import asyncio
import base64
import importlib
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Secret

from florence_ui.errors import (
    AnswerError,
    BackendError,
    BackendTimeoutError,
    BackendUnreachableError,
    FlorenceUIError,
    KeyRefusedError,
    quote,
)
from florence_ui.network.origins import host_name, is_loopback_host
from florence_ui.settings import LOCAL_URL, SERVERLESS_URL, Settings, is_key

MAX_NEW_TOKENS = 1024
"""Always sent: left out, the genuine server may stop after 20 tokens, which looks like an answer and is none."""
PROBE_SECONDS = 5.0


class NotConnectedError(BackendUnreachableError):
    """The call reached nobody, so nothing is done twice if it is made again."""


@dataclass(frozen=True)
class Backend:
    """One place where the model runs.

    Attributes:
        name: `serverless`, `dedicated` or `local`.
        title: Its name for people.
        url: Base address, without a trailing slash.
        needs_key: Whether it answers nobody without an API key.
        takes_key: Whether a key may go there: not to a local address that nobody set, where any program may listen.
        timeout: Seconds that an answer may take.
        concurrency: Calls that it gets at once.
    """

    name: str
    title: str
    url: str
    needs_key: bool = False
    timeout: float = 120.0
    concurrency: int = 16
    takes_key: bool = True

    @property
    def host(self) -> str:
        """Host, and port where one is named: `localhost:9001`."""
        return urlsplit(self.url).netloc

    @property
    def is_local(self) -> bool:
        """Whether it is the local backend."""
        return self.name == "local"

    @property
    def is_on_this_machine(self) -> bool:
        """Whether pictures stay on this machine."""
        return is_loopback(self.url)

    @property
    def uses_proxy(self) -> bool:
        """Whether calls go through the operator's outbound proxy, where there is one."""
        return not (self.is_local or self.is_on_this_machine)


@dataclass(frozen=True)
class Answer:
    """One answer of a server.

    Attributes:
        response: The answer's `response`: the prompt up to its first `>` -> what the model said.
        image_size: (width, height) that the server says the picture had; None where it does not say.
        seconds: From the call to the answer.
        server: Host that answered.
    """

    response: dict[str, Any]
    image_size: tuple[int, int] | None
    seconds: float
    server: str


@dataclass(frozen=True)
class ProbeResult:
    """What a server says of itself.

    Attributes:
        reachable: Whether it answered.
        server: Its name and version; empty where it does not say.
        ours: Whether it is this project's own server.
        models: For ours: alias -> `{"state", "percent", "reason", "on_disk", ...}`.
        loaded: Models that answer at once.
        reason: One sentence where it is not reachable or is something else.
    """

    reachable: bool
    server: str = ""
    ours: bool = False
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    loaded: tuple[str, ...] = ()
    reason: str = ""


def backends_from(settings: Settings) -> dict[str, Backend]:
    """The backends that the settings allow, by name; `dedicated` only where its address is set."""
    remote, max_concurrency = settings.remote_timeout, settings.backend_concurrency
    found = [Backend("serverless", "Roboflow serverless", SERVERLESS_URL, True, remote, max_concurrency)]
    if settings.dedicated_url:
        found.append(
            Backend("dedicated", "Dedicated deployment", settings.dedicated_url, True, remote, max_concurrency)
        )
    url, timeout = settings.local_url or LOCAL_URL, settings.local_timeout
    found.append(Backend("local", "Local", url, False, timeout, max_concurrency, takes_key=bool(settings.local_url)))
    return {backend.name: backend for backend in found}


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    return is_loopback_host(host_name(urlsplit(url).hostname or ""))


async def infer(
    backend: Backend,
    *,
    model_id: str,
    prompt: str,
    image: bytes,
    api_key: Secret | None = None,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> Answer:
    """Asks a server once. Cancelling it hangs up; no failure is tried again, but a kept connection that turns out
    to be closed is replaced.

    Args:
        backend: Where.
        model_id: Which model.
        prompt: As `build_prompt` writes it.
        image: An encoded picture (JPEG).
        api_key: The key, where there is one.
        max_new_tokens: The model stops after so many.

    Raises:
        BackendError: Whatever went wrong, in words; never anything else.
    """
    key = _check_key(backend, api_key)
    sdk = await load_client()
    begun = time.perf_counter()
    try:
        client = sdk.Client(backend.name, backend.url, key, proxy=_proxy_for(backend, sdk))
        async with asyncio.timeout(backend.timeout):
            encoded = base64.b64encode(image).decode("ascii")
            content = await client.infer_lmm_async(
                encoded, model_id=model_id, prompt=prompt, max_new_tokens=max_new_tokens
            )
    except FlorenceUIError:
        raise
    except Exception as error:
        raise translate(error, backend) from None
    return _answer(content, time.perf_counter() - begun, backend)


async def load_client() -> Any:
    """The module that uses the SDK, imported in a thread the first time: it takes a second."""
    name = "florence_ui.backends.client"
    return _loaded.get(name) or _loaded.setdefault(name, await asyncio.to_thread(importlib.import_module, name))


_loaded: dict[str, Any] = {}


def _proxy_for(backend: Backend, client: Any) -> str | None:
    return client.proxy_for(backend.url) if backend.uses_proxy else None


def _check_key(backend: Backend, api_key: Secret | None) -> str | None:
    key = str(api_key).strip() if api_key and backend.takes_key else ""
    if key and not is_key(key):
        raise KeyRefusedError("That is not an API key.", "A key has letters, digits and signs, and no blanks.")
    if backend.needs_key and not key:
        raise KeyRefusedError(
            f"{backend.title} needs an API key.",
            "Type yours, or choose the local backend, which needs none.",
        )
    return key or None


def _answer(content: Any, seconds: float, backend: Backend) -> Answer:
    response = content.get("response") if isinstance(content, dict) else None
    if not isinstance(response, dict):
        raise AnswerError(
            "The server answered, but not in the form of Florence-2's answers.",
            "Check the backend's address and that the model is a Florence-2.",
        )
    image = content.get("image")
    size = (image.get("width"), image.get("height")) if isinstance(image, dict) else (None, None)
    known = all(isinstance(side, int) and 0 < side < 10**6 for side in size)
    return Answer(response, size if known else None, seconds, backend.host)


PROXY_HINT = "Check HTTPS_PROXY and HTTP_PROXY, or name the server in NO_PROXY, and start the app again."
UNREACHABLE_HINTS = {
    "serverless": "Check this machine's connection to the internet, or choose the local backend.",
    "dedicated": "Check that the deployment is running and that its address is right.",
    "local": "Wait until it has started, start it with python -m florence_ui.server, or choose another backend.",
}


def translate(error: BaseException, backend: Backend) -> BackendError:
    """The words for an exception of the SDK, of aiohttp, or of the clock.

    The SDK hides aiohttp's exceptions behind its own; what counts is the one it came from.
    """
    import aiohttp

    source = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    hint = UNREACHABLE_HINTS.get(backend.name, "")
    match source:
        case aiohttp.ConnectionTimeoutError():
            return BackendUnreachableError(f"Nobody picks up at {backend.host}.", hint)
        case TimeoutError():
            return BackendTimeoutError(
                f"No answer from {backend.host} within {backend.timeout:g} seconds; the call was ended.",
                "Try again, or choose a smaller model or another backend.",
            )
        case aiohttp.ClientProxyConnectionError():
            return BackendUnreachableError(f"The proxy on the way to {backend.host} does not answer.", PROXY_HINT)
        case aiohttp.ClientHttpProxyError(status=status):
            words = f"The proxy on the way to {backend.host} does not let the call pass (status {status})."
            return BackendUnreachableError(words, PROXY_HINT)
        case aiohttp.ClientSSLError():
            return BackendUnreachableError(f"The certificate of {backend.host} cannot be trusted.", hint)
        case aiohttp.ClientConnectorError():
            return NotConnectedError(f"Nobody answers at {backend.host}.", hint)
        case aiohttp.ClientPayloadError():
            return AnswerError(f"The answer from {backend.host} broke off in the middle.", "Try again.")
        case aiohttp.ClientConnectionError() | OSError():
            return BackendUnreachableError(f"{backend.host} closed the connection without an answer.", hint)
        case aiohttp.ClientResponseError():
            return AnswerError(
                f"What answers at {backend.host} is not a model's server.", "Another program may use that port."
            )
        case _:
            return BackendError(
                f"The call to {backend.host} failed ({type(source).__name__}).", "Try again, or choose another backend."
            )


async def probe(backend: Backend, *, seconds: float = PROBE_SECONDS) -> ProbeResult:
    """Asks a server who it is and which models it has; no model is loaded by it, and nothing is raised."""
    try:
        async with asyncio.timeout(seconds):
            info = await _get(backend, "/info")
            status = await _get(backend, "/status") if backend.is_local else None
            registry = await _get(backend, "/model/registry")
    except FlorenceUIError as error:
        return ProbeResult(reachable=False, reason=str(error))
    except Exception as error:
        return ProbeResult(reachable=False, reason=str(translate(error, backend)))
    if not isinstance(info, dict) or not isinstance(info.get("name"), str):
        return ProbeResult(reachable=False, reason=f"Another program answers at {backend.host}.")
    models = status.get("models") if isinstance(status, dict) else None
    ours = isinstance(models, dict)
    known = {str(alias): state for alias, state in models.items() if isinstance(state, dict)} if ours else {}
    name = quote(f"{info['name']} {info.get('version', '')}")[:100]
    return ProbeResult(True, name, ours, known, _loaded_models(registry))


async def check_reachable(backend: Backend, *, seconds: float = PROBE_SECONDS) -> tuple[bool, str]:
    """Whether anything answers at a backend's address, and a sentence about it; no key is sent."""
    try:
        async with asyncio.timeout(seconds):
            await _get(backend, "/info")
    except Exception as error:
        return False, str(error if isinstance(error, FlorenceUIError) else translate(error, backend))
    return True, f"{backend.host} answers."


def _loaded_models(registry: Any) -> tuple[str, ...]:
    models = registry.get("models") if isinstance(registry, dict) else None
    listed = models if isinstance(models, list) else []
    return tuple(str(model["model_id"]) for model in listed if isinstance(model, dict) and "model_id" in model)


async def _get(backend: Backend, path: str) -> Any:
    """A small JSON from a server; None where it answers something else."""
    client = await load_client()
    return await client.fetch_json("GET", backend.url + path, proxy=_proxy_for(backend, client))


async def post_json(url: str, body: Any, *, seconds: float = PROBE_SECONDS) -> Any:
    """Posts a small JSON without a key or a proxy; returns the JSON that comes back, None where it is anything else.

    Raises:
        Exception: Those of aiohttp and TimeoutError.
    """
    client = await load_client()
    async with asyncio.timeout(seconds):
        return await client.fetch_json("POST", url, body)
