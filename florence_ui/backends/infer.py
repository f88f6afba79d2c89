"""One question to a backend, and its answer."""

import asyncio
import base64
import importlib
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from starlette.datastructures import Secret

from florence_ui.backend_presets import ZERO_GPU
from florence_ui.backends.backend import Backend
from florence_ui.backends.unreachable import explain_failure
from florence_ui.backends.zero_gpu import TurnCall, ask
from florence_ui.errors import AnswerError, FlorenceUIError, KeyRefusedError
from florence_ui.models import MAX_NEW_TOKENS
from florence_ui.settings_readers import is_key


@dataclass(frozen=True)
class Answer:
    """One answer of a server.

    Attributes:
        response: The answer's `response`: the prompt up to its first `>` -> what the model said.
        image_size: (width, height) of the picture according to the server; None if it does not say.
        seconds: From the call to the answer.
        server: Host that answered.
    """

    response: dict[str, Any]
    image_size: tuple[int, int] | None
    seconds: float
    server: str


async def infer(backend: Backend, *, model_id: str, prompt: str, image: bytes, api_key: Secret | None = None) -> Answer:
    """Ask a server once; cancelling closes the connection.

    Nothing is retried, except that a kept-alive connection that turns out to be closed is replaced.

    Args:
        backend: The server.
        model_id: The model.
        prompt: As `build_prompt` writes it.
        image: The picture as JPEG.
        api_key: The key, if there is one.

    Raises:
        BackendError: If anything goes wrong; no other exception is raised.
    """
    key = _check_key(backend, api_key)
    begun = time.perf_counter()
    if backend.name == ZERO_GPU:
        record = await ask(TurnCall(model_id, prompt, image))
        return _read_answer(record, time.perf_counter() - begun, backend)
    try:
        client = (await load_client()).Client(backend, key)
        async with asyncio.timeout(backend.timeout):
            encoded = base64.b64encode(image).decode("ascii")
            content = await client.infer_lmm_async(
                encoded, model_id=model_id, prompt=prompt, max_new_tokens=MAX_NEW_TOKENS
            )
    except FlorenceUIError:
        raise
    except Exception as error:
        raise explain_failure(error, backend) from None
    return _read_answer(content, time.perf_counter() - begun, backend)


async def load_client() -> ModuleType:
    """The module that uses the SDK, imported in a thread the first time: it takes a second."""
    name = "florence_ui.backends.client"
    return _loaded.get(name) or _loaded.setdefault(name, await asyncio.to_thread(importlib.import_module, name))


_loaded: dict[str, ModuleType] = {}


def _check_key(backend: Backend, api_key: Secret | None) -> str | None:
    key = str(api_key).strip() if api_key and backend.takes_key else ""
    if key and not is_key(key):
        raise KeyRefusedError("That is not an API key.", "A key consists of letters, digits and signs, without blanks.")
    if backend.needs_key and not key:
        raise KeyRefusedError(
            f"{backend.title} needs an API key.", "Enter your key, or choose the local backend, which needs none."
        )
    return key or None


def _read_answer(content: Any, seconds: float, backend: Backend) -> Answer:
    response = content.get("response") if isinstance(content, dict) else None
    if not isinstance(response, dict):
        raise AnswerError(
            "The server's answer does not have the form of a Florence-2 answer.",
            "Check the backend's address and that the model is a Florence-2.",
        )
    return Answer(response, _image_size(content.get("image")), seconds, backend.host)


def _image_size(image: Any) -> tuple[int, int] | None:
    width, height = (image.get("width"), image.get("height")) if isinstance(image, dict) else (None, None)
    if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0 and max(width, height) < 10**6:
        return width, height
    return None
