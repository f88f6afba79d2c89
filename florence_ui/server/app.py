"""The routes: Roboflow Inference's `/infer/lmm` and related ones, and two of our own for the models' state."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from florence_ui import __version__
from florence_ui.models import SERVER_NAME
from florence_ui.server.body_limit import BodyLimit
from florence_ui.server.docs import docs_page, route_list
from florence_ui.server.errors import RefusalError
from florence_ui.server.logs import log
from florence_ui.server.metrics import CONTENT_TYPE
from florence_ui.server.origin_guard import OriginGuard
from florence_ui.server.schemas import LMMRequest, ModelDescription, ModelRequest, ModelsDescriptions
from florence_ui.server.service import Service

WRONG_ADDRESSES = {404: "There is nothing at this address", 405: "This address does not take that method"}


def create_app(service: Service, host: str = "127.0.0.1", allowed_hosts: Collection[str] = ()) -> FastAPI:
    """Build the application for a service; `host` and `allowed_hosts` are those of the command line."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        checking = asyncio.create_task(service.registry.check_disk())
        yield
        checking.cancel()

    app = FastAPI(title=SERVER_NAME, version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
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
    """Add the routes that Roboflow's server also has."""

    @app.post("/infer/lmm", summary="Ask a model about a picture")
    async def infer(body: LMMRequest, request: Request) -> Response:
        return await service.answer(request, body)

    @app.post("/infer/lmm/{model_id:path}", summary="The same, with the model in the address")
    async def infer_by_path(model_id: str, body: LMMRequest, request: Request) -> Response:
        if body.model_id not in (None, model_id):
            raise RefusalError(400, "The model_id in the path is not the one in the body.", "Send it once.")
        return await service.answer(request, body.model_copy(update={"model_id": model_id}))

    @app.get("/info", summary="Name and version of this server, and what computes")
    async def info() -> dict[str, str | None]:
        return {"name": SERVER_NAME, "version": __version__, "uuid": service.id, **service.describe_engine()}

    @app.get("/healthz", summary="Whether the server runs")
    async def healthz() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get("/readiness", summary="Whether the server accepts calls")
    async def readiness() -> dict[str, str]:
        return {"status": "ready"}

    add_model_routes(app, service)
    add_descriptions(app, service)


def add_model_routes(app: FastAPI, service: Service) -> None:
    """Add the routes that list, load and unload models."""

    @app.get("/model/registry", summary="The models that are loaded")
    async def model_registry() -> ModelsDescriptions:
        return describe_loaded(service)

    @app.post("/model/add", summary="Download and load a model; answers when it is ready")
    async def add(body: ModelRequest) -> ModelsDescriptions:
        await service.registry.get(body.model_id).ready()
        return describe_loaded(service)

    @app.post("/model/remove", summary="Unload a model; its files stay on the disk")
    async def remove(body: ModelRequest) -> ModelsDescriptions:
        service.registry.get(body.model_id).unload()
        return describe_loaded(service)

    @app.post("/model/clear", summary="Unload all models")
    async def clear() -> ModelsDescriptions:
        for model in service.registry.models.values():
            model.unload()
        return describe_loaded(service)


def add_descriptions(app: FastAPI, service: Service) -> None:
    """Add the routes that describe the server; `/openapi.json` is FastAPI's own."""

    @app.get("/metrics", summary="The last seconds' answers, for Prometheus")
    async def metrics() -> Response:
        models = [model.alias for model in service.registry.loaded()]
        text = service.metrics.text(models, waiting=service.queue.waiting, running=service.queue.running)
        return Response(text, media_type=CONTENT_TYPE)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_page(app.openapi()))


def add_own_routes(app: FastAPI, service: Service) -> None:
    """Add the routes that only this server has."""

    @app.get("/status", summary="What each model is doing, and how many calls wait")
    async def status() -> dict[str, Any]:
        return service.status()

    @app.post("/model/prepare", status_code=202, summary="Begin to download and load a model, without waiting for it")
    async def prepare(body: ModelRequest) -> dict[str, Any]:
        model = service.registry.get(body.model_id)
        model.prepare()
        return model.status()


def describe_loaded(service: Service) -> ModelsDescriptions:
    """The loaded models."""
    return ModelsDescriptions(models=[ModelDescription(model_id=m.alias) for m in service.registry.loaded()])


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusalError)
    headers = {"Retry-After": str(max(1, round(error.retry_after)))} if error.retry_after is not None else None
    return JSONResponse({"message": str(error)}, error.status, headers)


async def _refuse_body(request: Request, error: Exception) -> Response:
    """Respond as Roboflow's server does, but without repeating the input, which may be a key or a picture."""
    assert isinstance(error, RequestValidationError)
    detail = [{key: problem[key] for key in ("type", "loc", "msg")} for problem in error.errors()]
    return JSONResponse({"detail": detail}, 422)


async def _refuse_http(request: Request, error: Exception) -> Response:
    """Respond with the error's own words; to a wrong address, with the routes that exist."""
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if wrong := WRONG_ADDRESSES.get(error.status_code):
        message = f"{wrong}. This server has {route_list(request.app.openapi())}; GET /docs describes them."
    return JSONResponse({"message": message}, error.status_code, error.headers)


async def _fail(request: Request, error: Exception) -> Response:
    log("failure", error=type(error).__name__)
    return JSONResponse({"message": "Internal error."}, 500)
