"""One question about one picture, independent of the page: from the request to the answer.

    pipeline = Pipeline(settings)
    analysis = await pipeline.analyze(Request(TASKS["<OD>"], picture=picture))

All waits are async: for the local model, for a slot in the backend's queue, for the answer. Only parsing the answer is
CPU-bound, and runs in a thread.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Literal

from cachetools import TTLCache
from starlette.datastructures import Secret

from florence_ui.backend_presets import ZERO_GPU
from florence_ui.backends.backend import Backend, available_backends
from florence_ui.backends.infer import Answer, infer, load_client
from florence_ui.backends.local_server import LocalServer
from florence_ui.backends.model_status import ServerState, ServerStatus, choose_model
from florence_ui.backends.unreachable import NotConnectedError
from florence_ui.concurrency.queueing import Charge, ConcurrencyGate, OnStatus, SingleFlight, ignore_status, uncharged
from florence_ui.errors import BackendBusyError, BackendError, BackendUnreachableError, InputError, ModelNotFoundError
from florence_ui.inference.answers import read_answer
from florence_ui.inference.request import Analysis, Request
from florence_ui.inference.response_cache import create_cache, fingerprint
from florence_ui.models import BASE, NANO, display_name
from florence_ui.prompts import build_prompt
from florence_ui.settings import Settings
from florence_ui.visitor_identity import current_visitor

MEGABYTE = 2**20
MAX_OUTCOMES = 256
"""Backends, models and keys of which it is remembered what they did last."""
OUTCOME_SECONDS = 600.0
"""Seconds after which an outcome says nothing any more."""


@dataclass(frozen=True)
class _Call:
    """A request that is ready to be sent."""

    request: Request
    backend: Backend
    prompt: str
    model_id: str
    key: Secret | None

    @property
    def identity(self) -> tuple[str, ...]:
        """A cache key, equal for calls with the same answer; it contains an API key only as a keyed hash."""
        request = self.request
        where = self.backend.name, self.backend.url, fingerprint(self.key)
        return request.picture.digest, self.prompt, self.model_id, *where


class Pipeline:
    """The way from requests to answers: cached answers, joined equal calls, and a queue for each backend.

    Args:
        settings: The operator's settings.
        local: The local server; created from the settings if not given.
    """

    def __init__(self, settings: Settings, *, local: LocalServer | None = None) -> None:
        self.settings = settings
        self.backends = available_backends(settings)
        wanted = settings.model or BASE
        self.local = local or LocalServer(settings, prepare=wanted if settings.default_backend == "local" else "")
        self.cache = create_cache(settings.cache_mb * MEGABYTE, settings.cache_seconds)
        self.calls = SingleFlight()
        self.outcomes: TTLCache[Hashable, BackendError | Literal["answered"]] = TTLCache(MAX_OUTCOMES, OUTCOME_SECONDS)
        self._gates: dict[str, ConcurrencyGate] = {}

    def start(self) -> None:
        """Start the local server if it is the default backend; otherwise it starts with its first run."""
        if self.settings.default_backend == "local":
            self.local.start()

    def stop(self) -> None:
        """End the local server."""
        self.local.stop()

    async def warm_up(self) -> None:
        """Load everything that the first run would have to wait for."""
        await load_client()

    async def analyze(
        self, request: Request, *, on_status: OnStatus = ignore_status, charge: Charge = uncharged
    ) -> Analysis:
        """Answer one request. Cancelling stops it, but a call that others also wait for continues for them.

        Args:
            request: The request.
            on_status: Called with a sentence about what the run waits for, whenever that changes.
            charge: Called to count the call if one is made: not for an answer that is cached, or that others have
                requested already.

        Raises:
            FlorenceUIError: If anything goes wrong.
        """
        begun = time.perf_counter()
        call = await self._prepare(request, on_status)
        answer = self.cache.get(call.identity)
        remembered = answer is not None
        if answer is None:
            answer = await self.calls.run(call.identity, lambda tell: self._ask(call, tell, charge()), on_status)
        answered = time.perf_counter()
        result = await asyncio.to_thread(read_answer, request, call.prompt, call.model_id, answer)
        ended = time.perf_counter()
        model_seconds = 0.0 if remembered else min(answer.seconds, answered - begun)
        steps = {"wait": answered - begun - model_seconds, "model": model_seconds, "read": ended - answered}
        return Analysis(
            result,
            call.model_id,
            call.backend.name,
            answer.server,
            ended - begun,
            remembered,
            steps,
            picture=request.picture,
        )

    async def _prepare(self, request: Request, on_status: OnStatus) -> _Call:
        """Settle a request's prompt, backend, model and key; wait for the local server if the model depends on it."""
        prompt = build_prompt(request.task, text=request.text, classes=request.classes, region=request.region)
        backend = self.backend(request.backend)
        model_id = await self._model(request, backend, on_status)
        return _Call(request, backend, prompt, model_id, self._key(request, backend, model_id))

    def backend(self, name: str) -> Backend:
        """The backend of that name.

        Raises:
            InputError: If there is none.
        """
        found = self.backends.get(name) if isinstance(name, str) else None
        if found is None:
            raise InputError("There is no such backend.", f"Choose {' or '.join(self.backends)}.", field="backend")
        return found

    async def status(self, backend: str, model_id: str = "", *, key: Secret | None = None) -> ServerStatus:
        """The state of a backend for a model; remote ones are not contacted: what they last did is told.

        Args:
            backend: The backend's name.
            model_id: The model; without one the state of the local server itself.
            key: The key that a run would send to a remote backend; the operator's if None.
        """
        known = self.backends.get(backend)
        if known is None:
            return ServerStatus(ServerState.UNAVAILABLE, "There is no such backend.")
        call = self._outcome_key(known, model_id, key or self.settings.api_key)
        if known.is_local:
            self.local.start()
            status = await self.local.status(model_id)
            return self._as_it_answered(status, call) if status.state is ServerState.UNTRIED else status
        await self.warm_up()  # a run is likely to follow
        if known.needs_key and not (key or self.settings.api_key):
            return ServerStatus(ServerState.KEY_MISSING, f"{known.title} needs an API key.", "Enter your key.")
        return self._as_it_answered(ServerStatus(ServerState.UNTRIED, f"Pictures will be sent to {known.host}."), call)

    def _as_it_answered(self, status: ServerStatus, call: Hashable) -> ServerStatus:
        """The status of a backend that reports nothing about its models, by its last answer."""
        match self.outcomes.get(call):
            case BackendError() as failure:
                return replace(status, state=ServerState.UNAVAILABLE, detail=failure.message, hint=failure.hint)
            case "answered":
                return replace(status, state=ServerState.READY)
            case _:
                return status

    @staticmethod
    def _outcome_key(backend: Backend, model_id: str, key: Secret | None) -> Hashable:
        """What tells outcomes apart: a local server is the same for all, ZeroGPU depends on the visitor's minutes."""
        if backend.name == ZERO_GPU:
            return backend.url, model_id, current_visitor.get().share_key
        return backend.url, model_id, "" if backend.is_local else fingerprint(key)

    async def choose_model(
        self, backend: str, wanted: str = "", *, example: bool = False, nano_stands_in: bool = False
    ) -> str:
        """Choose the model: `wanted`, the operator's, base, or nano; see `model_status.choose_model`."""
        chosen = wanted or self.settings.model
        if backend != "local":
            return chosen or BASE
        status = await self.status(backend)
        return choose_model(chosen, status.models, example=example, nano_stands_in=nano_stands_in)

    async def _model(self, request: Request, backend: Backend, on_status: OnStatus) -> str:
        model_id = request.model_id
        if model_id == NANO and not backend.is_local:
            raise ModelNotFoundError(
                f"{display_name(NANO)} runs on the local backend only.", "Choose it, or another model."
            )
        if backend.is_local and (request.example or not model_id):
            model_id = await self._local_model(model_id, request, on_status)
        return model_id or self.settings.model or BASE

    async def _local_model(self, wanted: str, request: Request, on_status: OnStatus) -> str:
        """Choose the model on the local backend; if base turns out not to be available, nano may take its place."""

        async def choose(wanted: str) -> str:
            example, stands_in = request.example, request.nano_stands_in
            return await self.choose_model("local", wanted, example=example, nano_stands_in=stands_in)

        self.local.start()
        await self.local.wait_ready("", on_status)
        model_id = await choose(wanted)
        if wanted or self.settings.model or model_id != BASE:
            return model_id
        try:
            await self.local.wait_ready(model_id, on_status)
        except BackendUnreachableError:
            if await choose("") == model_id:
                raise
            return NANO
        return model_id

    def _key(self, request: Request, backend: Backend, model_id: str) -> Secret | None:
        """The key to send: the visitor's, or the operator's, which is sent only to the operator's addresses.

        No key is sent to a local address that the operator did not set. A local server, which would fetch any model
        that the key may see, gets the operator's key only for the operator's models.
        """
        if not backend.takes_key:
            return None
        lent = self.settings.shared_key_models
        lends = backend.needs_key or not lent or model_id in lent
        return request.api_key or (self.settings.api_key if lends else None)

    async def _ask(self, call: _Call, on_status: OnStatus, take_back: Callable[[], None]) -> Answer:
        """Wait for the model and for a slot, then ask the server; the deadline counts from then.

        Args:
            call: The call.
            on_status: Called with what the call waits for.
            take_back: Called if this ends without having called the server.
        """
        called = False

        async def once() -> Answer:
            nonlocal called
            async with self._turn(call, on_status) as key:
                called = True
                try:
                    return await self._infer(call, key)
                except NotConnectedError:
                    called = False
                    raise

        try:
            try:
                answer = await once()
            except NotConnectedError:
                if not call.backend.is_local:
                    raise
                self.local.invalidate()
                answer = await once()  # the server was seen ready, but has ended since: wait until it is back
        finally:
            if not called:
                take_back()
        with suppress(ValueError):  # larger than the whole cache
            self.cache[call.identity] = answer
        return answer

    @asynccontextmanager
    async def _turn(self, call: _Call, on_status: OnStatus) -> AsyncIterator[Secret | None]:
        """Wait for the model and for a slot in the backend's queue; yield the key to send."""
        backend, key = call.backend, call.key
        if backend.is_local:
            self.local.start()
            status = await self.local.wait_ready(call.model_id, on_status)
            key = None if status.models else key  # our own server has no use for it
        async with self._gate(backend).slot(on_status):
            on_status(f"{display_name(call.model_id)} is looking.")
            yield key

    async def _infer(self, call: _Call, key: Secret | None) -> Answer:
        image, outcome = call.request.picture.jpeg, self._outcome_key(call.backend, call.model_id, call.key)
        try:
            answer = await infer(call.backend, model_id=call.model_id, prompt=call.prompt, image=image, api_key=key)
        except BackendError as error:
            if not isinstance(error, BackendBusyError):  # it answers, though not now
                self.outcomes[outcome] = error
            raise
        self.outcomes[outcome] = "answered"
        return answer

    def _gate(self, backend: Backend) -> ConcurrencyGate:
        new = ConcurrencyGate(backend.concurrency, self.settings.queue, backend.timeout)
        return self._gates.setdefault(backend.url, new)
