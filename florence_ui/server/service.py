"""The service behind the routes: the models, the queue before them, the generating thread, and answers to calls."""

import asyncio
import functools
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from florence_ui.models import MAX_NEW_TOKENS
from florence_ui.server.engine import Engine
from florence_ui.server.engine_choice import choose_engine
from florence_ui.server.errors import RefusalError
from florence_ui.server.generation_queue import MAX_WAITING, Answer, Call, GenerationQueue
from florence_ui.server.logs import log
from florence_ui.server.metrics import Metrics
from florence_ui.server.prompts import check_prompt, task_name
from florence_ui.server.registry import Model, Registry
from florence_ui.server.request_image import decode_image, read_image_bytes
from florence_ui.server.schemas import LMMRequest
from florence_ui.server.worker import Worker

if TYPE_CHECKING:
    from florence_ui.server.florence import Florence2, Inquiry

QUANTIZATIONS = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
"""Precisions as Roboflow's server writes them."""
HUNG_UP = 499
"""The status, in the log, of a call whose caller disconnected."""


class Service:
    """The server without its routes.

    Args:
        directories: Further checkpoints by alias.
        max_waiting: Maximum number of waiting calls.
        choose: The choice of the engine, for small checkpoints if `small`.
    """

    def __init__(
        self,
        directories: dict[str, Path],
        max_waiting: int = MAX_WAITING,
        choose: Callable[..., Engine] = choose_engine,
    ) -> None:
        self._choose = choose
        self.id = str(uuid.uuid4())
        self.metrics = Metrics()
        self.worker = Worker("generate")
        self.queue = GenerationQueue(prepare, self.generate, max_waiting)
        self.registry = Registry(self.engine, directories)
        self._engines: dict[bool, Future[Engine]] = {}

    def engine(self, small: bool) -> Future[Engine]:
        """The engine for small checkpoints or for others, chosen by the first call, in the thread that generates."""
        chosen = self._engines.get(small)
        if chosen is None or (chosen.done() and chosen.exception()):
            chosen = self._engines[small] = self.worker.submit(functools.partial(self._choose, small=small))
        return chosen

    async def generate(self, florence: "Florence2", inquiries: Sequence["Inquiry"]) -> list[Answer]:
        """Answer inquiries of one model, in the thread that generates."""
        ids = await asyncio.wrap_future(self.worker.submit(functools.partial(florence.generate, inquiries)))
        return list(zip(inquiries, ids, strict=True))

    def describe_engine(self) -> dict[str, str | None]:
        """What computes the loaded models, where, and in what precision; None without one."""
        infos = [model.loaded.network.info for model in self.registry.loaded() if model.loaded]
        parts = {
            "engine": [info.name for info in infos],
            "device": [info.device for info in infos],
            "precision": [info.precision for info in infos],
        }
        return {key: " and ".join(dict.fromkeys(values)) or None for key, values in parts.items()}

    def status(self) -> dict[str, Any]:
        """The state of the server."""
        return {
            "models": {alias: model.status() for alias, model in self.registry.models.items()},
            "waiting": self.queue.waiting,
            "running": self.queue.running > 0,
            **self.describe_engine(),
        }

    async def answer(self, request: Request, body: LMMRequest) -> Response:
        """Answer one call; stop the work if its caller disconnects first.

        Raises:
            RefusalError: With the status and the reason.
        """
        start, status = time.perf_counter(), HUNG_UP
        answering = asyncio.create_task(self._infer(body))
        hanging_up = asyncio.create_task(_hung_up(request))
        try:
            await asyncio.wait({answering, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                return Response(status_code=HUNG_UP)
            response = answering.result()
            status = response.status_code
            return response
        except RefusalError as error:
            status = error.status
            raise
        except Exception as error:
            log("failure", error=type(error).__name__, place=_code_location(error))
            status = 500
            raise RefusalError(500, "Internal error.") from None
        finally:
            hanging_up.cancel()
            answering.cancel()
            model_id = self.registry.alias_of(body.model_id) or "unknown"
            seconds = time.perf_counter() - start
            self.metrics.record(model_id, seconds, failed=status >= 400)
            log("inference", model=model_id, task=task_name(body.prompt), status=status, seconds=round(seconds, 3))

    async def _infer(self, body: LMMRequest) -> Response:
        start = time.perf_counter()
        model = self.registry.get(body.model_id)
        prompt = check_prompt(body.prompt)
        if body.max_new_tokens is not None and body.max_new_tokens < 1:
            raise RefusalError(400, "max_new_tokens is below 1.", f"Send {MAX_NEW_TOKENS}, or leave it out.")
        with self.queue.slot():
            call = Call(await read_image_bytes(body.image), prompt, body.max_new_tokens)
            cold = model.loaded is None
            loaded = await model.ready()
            inquiry, ids = await self.queue.answer(loaded, call)
            response = await asyncio.to_thread(loaded.read, inquiry, ids)
        info = loaded.network.info
        content = {
            "inference_id": str(uuid.uuid4()),
            "time": time.perf_counter() - start,
            "resolved_model": {
                "model_id": model.source.repo_id or model.alias,
                "model_package_id": model.alias,
                "backend": "hugging-face",
                "quantization": QUANTIZATIONS.get(info.precision, info.precision),
            },
            "image": dict(zip(("width", "height"), inquiry.image_size, strict=True)),
            "response": response,
        }
        return JSONResponse(content, headers=_headers(model, info.name, cold))


async def prepare(florence: "Florence2", call: Call) -> "Inquiry":
    """A call in the network's numbers, worked out in a thread of its own.

    Raises:
        RefusalError: 400 if its picture or its prompt cannot be read.
    """

    def inquire() -> "Inquiry":
        return florence.inquire(decode_image(call.data), call.prompt, call.max_new_tokens, call.stop)

    return await asyncio.to_thread(inquire)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _code_location(error: BaseException) -> str:
    """The file and line where an error was raised, without values."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _headers(model: Model, engine: str, cold: bool) -> dict[str, str]:
    headers = {
        "x-request-id": uuid.uuid4().hex,
        "x-inference-engine": engine,
        "x-model-cold-start": str(cold).lower(),
        "x-model-cold-start-count": str(int(cold)),
        "x-model-id": model.alias,
    }
    return headers | ({"x-model-load-time": str(model.load_seconds)} if cold else {})
