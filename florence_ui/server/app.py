"""The routes: Roboflow Inference's `/infer/lmm` and its neighbours, and two of our own for the state of the models."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from florence_ui import __version__
from florence_ui.server import SERVER_NAME
from florence_ui.server.body_limit import BodyLimit
from florence_ui.server.logs import log
from florence_ui.server.origin_guard import OriginGuard
from florence_ui.server.refusals import RefusalError
from florence_ui.server.registry import Model
from florence_ui.server.schemas import LMMRequest, PrepareRequest
from florence_ui.server.service import Service


def create_app(service: Service, host: str = "127.0.0.1", allowed_hosts: Collection[str] = ()) -> FastAPI:
    """The application over a service; `host` and `allowed_hosts` are those of the command line."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(service.registry.look())
        yield
        looking.cancel()

    app = FastAPI(
        title=SERVER_NAME, version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(OriginGuard, host=host, allowed_hosts=allowed_hosts)
    app.add_exception_handler(RefusalError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_body)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_exception_handler(Exception, _fail)
    add_contract_routes(app, service)
    add_own_routes(app, service)
    return app


def add_contract_routes(app: FastAPI, service: Service) -> None:
    """What Roboflow's server has too."""

    @app.post("/infer/lmm")
    async def infer(body: LMMRequest, request: Request) -> Response:
        return await service.answer(request, body)

    @app.post("/infer/lmm/{model_id:path}")
    async def infer_by_path(model_id: str, body: LMMRequest, request: Request) -> Response:
        if body.model_id not in (None, model_id):
            raise RefusalError(400, "The model_id in the path is not the one in the body.", "Send it once.")
        return await service.answer(request, body.model_copy(update={"model_id": model_id}))

    @app.get("/info")
    async def info() -> dict[str, str]:
        return {"name": SERVER_NAME, "version": __version__, "uuid": service.id}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get("/readiness")
    async def readiness() -> dict[str, str]:
        return {"status": "ready"}

    @app.get("/model/registry")
    async def model_registry() -> dict[str, list[dict[str, Any]]]:
        return {"models": [_description(model) for model in service.registry.loaded()]}


def add_own_routes(app: FastAPI, service: Service) -> None:
    """What only this server has."""

    @app.get("/status")
    async def status() -> dict[str, Any]:
        return service.status()

    @app.post("/model/prepare", status_code=202)
    async def prepare(body: PrepareRequest) -> dict[str, Any]:
        model = service.registry.get(body.model_id)
        model.prepare()
        return model.status()


def _description(model: Model) -> dict[str, Any]:
    return {
        "model_id": model.alias,
        "task_type": "lmm",
        "batch_size": None,
        "input_height": None,
        "input_width": None,
    }


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
