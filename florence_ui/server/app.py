"""The routes: Roboflow Inference's `/infer/lmm` and its neighbours, and two of our own for the state of the models."""

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from florence_ui import __version__
from florence_ui.server import SERVER_NAME
from florence_ui.server.body_limit import BodyLimit
from florence_ui.server.line import MAX_WAITING, Line
from florence_ui.server.logs import log
from florence_ui.server.pictures import read_picture
from florence_ui.server.prompts import check_prompt, task_name
from florence_ui.server.refusals import RefusalError
from florence_ui.server.registry import Model, Registry
from florence_ui.server.schemas import LMMRequest, PrepareRequest
from florence_ui.server.worker import Worker

HUNG_UP = 499
"""The status for the log when the caller did not wait; nobody receives it."""


class Server:
    """What the routes share: the models, the line, the thread that generates.

    Args:
        directories: Checkpoints besides the known ones, by alias.
        max_waiting: How many calls may wait.
    """

    def __init__(self, directories: dict[str, Path], max_waiting: int = MAX_WAITING) -> None:
        self.id = str(uuid.uuid4())
        self.line = Line(max_waiting)
        self.worker = Worker("generate")
        self.runtime: Future = self.worker.submit(_choose_runtime)
        self.registry = Registry(self.runtime, directories)

    def status(self) -> dict[str, Any]:
        """The state of everything, for `GET /status`."""
        runtime = self.runtime.result() if self.runtime.done() and not self.runtime.exception() else None
        return {
            "models": {alias: model.status() for alias, model in self.registry.models.items()},
            "waiting": self.line.waiting,
            "running": self.line.running,
            "device": runtime and runtime.device,
            "dtype": runtime and runtime.dtype_name,
        }

    async def infer(self, body: LMMRequest) -> Response:
        """One picture and one prompt to one answer, as Roboflow's server writes it.

        Raises:
            RefusalError: With the status and the reason.
        """
        start = time.perf_counter()
        model = self.registry.get(body.model_id)
        prompt = check_prompt(body.prompt)
        if body.max_new_tokens is not None and body.max_new_tokens < 1:
            raise RefusalError(400, "max_new_tokens is below 1.", "Send 1024, or leave it out.")
        image = await read_picture(body.image)
        cold = model.loaded is None
        loaded = await model.ready()
        stop = threading.Event()
        async with self.line.turn():
            response = await self._generate(
                lambda: loaded.answer(image, prompt, max_new_tokens=body.max_new_tokens, stop=stop), stop
            )
        content = {
            "inference_id": str(uuid.uuid4()),
            "time": time.perf_counter() - start,
            "resolved_model": {
                "model_id": model.source.repo_id or model.alias,
                "model_package_id": model.alias,
                "backend": "hugging-face",
                "quantization": loaded.runtime.quantization,
            },
            "image": {"width": image.width, "height": image.height},
            "response": response,
        }
        return JSONResponse(content, headers=_headers(model, cold))

    async def _generate(self, answer: Any, stop: threading.Event) -> dict[str, Any]:
        """Runs in the generating thread; when cancelled, ends the generation before anybody else's begins."""
        generation = asyncio.wrap_future(self.worker.submit(answer))
        try:
            return await asyncio.shield(generation)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([generation])
            generation.exception()
            raise


def create_app(server: Server) -> FastAPI:
    """The application over a server's parts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(server.registry.look())
        yield
        looking.cancel()

    app = FastAPI(title=SERVER_NAME, version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(BodyLimit)
    app.add_exception_handler(RefusalError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_body)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_exception_handler(Exception, _fail)

    @app.post("/infer/lmm")
    async def infer(body: LMMRequest, request: Request) -> Response:
        return await answer_while_connected(request, body, server.infer(body))

    @app.post("/infer/lmm/{model_id:path}")
    async def infer_by_path(model_id: str, body: LMMRequest, request: Request) -> Response:
        if body.model_id not in (None, model_id):
            raise RefusalError(400, "The model_id in the path is not the one in the body.", "Send it once.")
        body.model_id = model_id
        return await answer_while_connected(request, body, server.infer(body))

    @app.get("/info")
    async def info() -> dict[str, str]:
        return {"name": SERVER_NAME, "version": __version__, "uuid": server.id}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get("/readiness")
    async def readiness() -> dict[str, str]:
        return {"status": "ready"}

    @app.get("/model/registry")
    async def model_registry() -> dict[str, list[dict[str, Any]]]:
        return {"models": [_description(model) for model in server.registry.loaded()]}

    @app.get("/status")
    async def status() -> dict[str, Any]:
        return server.status()

    @app.post("/model/prepare", status_code=202)
    async def prepare(body: PrepareRequest) -> dict[str, Any]:
        model = server.registry.get(body.model_id)
        model.prepare()
        return model.status()

    return app


async def answer_while_connected(request: Request, body: LMMRequest, work: Coroutine[Any, Any, Response]) -> Response:
    """The work's response; when the caller hangs up, the work is cancelled. Either way one line is logged."""
    start = time.perf_counter()
    status = HUNG_UP
    answering = asyncio.create_task(work)
    hanging_up = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({answering, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            return Response(status_code=HUNG_UP)
        status = getattr(answering.exception(), "status", 500) if answering.exception() else 200
        return answering.result()
    finally:
        hanging_up.cancel()
        answering.cancel()
        seconds = round(time.perf_counter() - start, 3)
        log("inference", model=_safe(body.model_id), task=task_name(body.prompt), status=status, seconds=seconds)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _choose_runtime() -> Any:
    from florence_ui.server.runtime import choose_runtime

    return choose_runtime()


def _headers(model: Model, cold: bool) -> dict[str, str]:
    headers = {
        "x-request-id": uuid.uuid4().hex,
        "x-inference-engine": "transformers",
        "x-model-cold-start": str(cold).lower(),
        "x-model-cold-start-count": str(int(cold)),
        "x-model-id": model.alias,
    }
    return headers | ({"x-model-load-time": str(model.load_seconds)} if cold else {})


def _description(model: Model) -> dict[str, Any]:
    return {
        "model_id": model.alias,
        "task_type": "lmm",
        "batch_size": None,
        "input_height": None,
        "input_width": None,
    }


def _safe(model_id: str | None) -> str:
    """A model id for the log: what a client sent, cut short."""
    return (model_id or "")[:100]


async def _refuse(request: Request, error: RefusalError) -> Response:
    headers = {"Retry-After": str(max(1, round(error.retry_after)))} if error.retry_after is not None else None
    return JSONResponse({"message": str(error)}, error.status, headers)


async def _refuse_body(request: Request, error: RequestValidationError) -> Response:
    """As Roboflow's server, but without repeating the input, which may be a key or a picture."""
    detail = [{key: problem[key] for key in ("type", "loc", "msg")} for problem in error.errors()]
    return JSONResponse({"detail": detail}, 422)


async def _refuse_http(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"message": str(error.detail)}, error.status_code, error.headers)


async def _fail(request: Request, error: Exception) -> Response:
    log("failure", error=type(error).__name__)
    return JSONResponse({"message": "Internal error."}, 500)
