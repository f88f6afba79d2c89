"""The whole job without a page: picture and task in, result and drawing out.

    pipeline = Pipeline(settings)
    analysis = await pipeline.analyze(Request(picture, TASKS["<OD>"], backend="local"))
    path = await draw(analysis)

Everything a run waits for is waited for without a thread: the local model, a place in the backend's line, the
answer. What needs the processor (reading the answer, drawing, encoding) runs in threads.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image
from starlette.datastructures import Secret

from florence_ui import storage
from florence_ui.backends.backend import Backend, available_backends
from florence_ui.backends.infer import Answer, infer, load_client
from florence_ui.backends.local_server import LocalServer
from florence_ui.backends.model_status import NANO_WARNING, ServerState, ServerStatus, choose_model
from florence_ui.backends.unreachable import NotConnectedError
from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.concurrency.queueing import Charge, ConcurrencyGate, OnStatus, SingleFlight, uncharged
from florence_ui.errors import BackendUnreachableError, InputError, ModelNotFoundError
from florence_ui.images.loading import Picture, encode_jpeg
from florence_ui.inference.response_cache import ResponseCache, fingerprint
from florence_ui.models import BASE, MAX_NEW_TOKENS, NANO
from florence_ui.rendering.annotate import Style, annotate
from florence_ui.results.parsing import parse
from florence_ui.results.result import Result
from florence_ui.settings import Settings
from florence_ui.tasks import Region, Task, build_prompt

MAX_MODEL_ID = 200
MEGABYTE = 2**20
DRAWING_QUALITY = 90


@dataclass(frozen=True)
class Request:
    """What is asked.

    Attributes:
        picture: The picture.
        task: The task.
        text: A phrase, or the whole prompt of a custom task.
        classes: Names to look for.
        region: (x1, y1, x2, y2), 0 to 1.
        model_id: The model; `""` leaves the choice to `Pipeline.choose_model`.
        backend: `serverless`, `dedicated` or `local`.
        api_key: The visitor's own key; without one the operator's is used.
        max_new_tokens: The model stops after so many.
        example: Whether the picture is a bundled example, which need not wait for a download.
        nano_stands_in: Whether nano may answer, with a warning, where base is not available and no model was chosen.
    """

    picture: Picture
    task: Task
    text: str = ""
    classes: tuple[str, ...] = ()
    region: Region | None = None
    model_id: str = ""
    backend: str = "local"
    api_key: Secret | None = None
    max_new_tokens: int = MAX_NEW_TOKENS
    example: bool = False
    nano_stands_in: bool = False


@dataclass(frozen=True)
class Analysis:
    """One run, done. It holds no key.

    Attributes:
        result: The answer, parsed.
        picture: What was looked at.
        model_id: The model that answered.
        backend: The backend's name.
        server: Host that answered.
        seconds: From asking to having the result.
        remembered: Whether the answer was remembered from an earlier run.
        steps: Seconds by step: `wait` (model and line), `model` (the server's answer), `read` (parsing).
    """

    result: Result
    picture: Picture
    model_id: str
    backend: str
    server: str
    seconds: float
    remembered: bool = False
    steps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Call:
    """A request, made ready to send."""

    request: Request
    backend: Backend
    prompt: str
    model_id: str
    key: Secret | None

    @property
    def identity(self) -> tuple:
        """Equal for calls that get the same answer; a key stands in it as its keyed hash."""
        request = self.request
        return (
            *(request.picture.digest, self.prompt, self.model_id, request.max_new_tokens),
            *(self.backend.name, self.backend.url, fingerprint(self.key)),
        )


class Pipeline:
    """Runs requests: remembers answers, joins equal calls, and keeps the order of a backend's line.

    Args:
        settings: What the operator chose.
        local: The local server; made from the settings if not given.
    """

    def __init__(self, settings: Settings, *, local: LocalServer | None = None) -> None:
        self.settings = settings
        self.backends = available_backends(settings)
        wanted = settings.model or BASE
        self.local = local or LocalServer(settings, prepare=wanted if settings.default_backend == "local" else "")
        self.cache = ResponseCache(settings.cache_mb * MEGABYTE, settings.cache_seconds)
        self.calls = SingleFlight()
        self._gates: dict[str, ConcurrencyGate] = {}

    def start(self) -> None:
        """Starts the local server if it is the backend chosen at first; otherwise it starts with its first run."""
        if self.settings.default_backend == "local":
            self.local.start()

    def stop(self) -> None:
        """Ends the local server."""
        self.local.stop()

    async def warm_up(self) -> None:
        """Loads what the first run would have to wait for."""
        await load_client()

    async def analyze(
        self, request: Request, *, on_state: OnStatus | None = None, charge: Charge = uncharged
    ) -> Analysis:
        """Runs one request. Cancelling it stops it; a call that others wait for too goes on for them.

        Args:
            request: What is asked.
            on_state: Told in a sentence what the run waits for, whenever that changes.
            charge: Counts the call, if one is made: not for an answer that is remembered, or that others have asked
                for already.

        Raises:
            FlorenceUIError: Whatever went wrong, in words.
        """
        begun = time.perf_counter()
        say = on_state or (lambda _: None)
        task, region = request.task, request.region
        prompt = build_prompt(task, text=request.text, classes=request.classes, region=region)
        backend = self._backend(request)
        model_id = await self._model(request, backend, say)
        call = _Call(request, backend, prompt, model_id, self._key(request, backend, model_id))
        answer = self.cache.get(call.identity)
        remembered = answer is not None
        if not remembered:
            answer = await self.calls.run(call.identity, lambda tell: self._ask(call, tell, charge()), say)
        answered = time.perf_counter()
        picture = request.picture
        sent_size = picture.display.size
        result = await asyncio.to_thread(
            parse, task, prompt, answer.response, sent_size=sent_size, size=picture.size, region=region
        )
        ended = time.perf_counter()
        model_seconds = 0.0 if remembered else min(answer.seconds, answered - begun)
        steps = {"wait": answered - begun - model_seconds, "model": model_seconds, "read": ended - answered}
        result = _with_size_warning(result, answer, sent_size)
        if model_id == NANO and not request.example:
            result = replace(result, warnings=(NANO_WARNING, *result.warnings))
        return Analysis(result, picture, model_id, backend.name, answer.server, ended - begun, remembered, steps)

    async def status(self, backend: str, model_id: str = "") -> ServerStatus:
        """What a backend is doing, in a sentence; remote ones are not asked."""
        known = self.backends.get(backend)
        if known is None:
            return ServerStatus(ServerState.UNAVAILABLE, "That backend is not set up.")
        if known.is_local:
            self.local.start()
            return await self.local.status(model_id)
        await self.warm_up()  # whoever asks is about to run
        return ServerStatus(ServerState.READY, f"The picture goes to {known.host}.")

    async def choose_model(
        self, backend: str, wanted: str = "", *, example: bool = False, nano_stands_in: bool = False
    ) -> str:
        """The model to use: `wanted`, the operator's, base, or nano; see `model_states.choose_model`."""
        chosen = wanted or self.settings.model
        if backend != "local":
            return chosen or BASE
        status = await self.status(backend)
        return choose_model(chosen, status.models, example=example, nano_stands_in=nano_stands_in)

    async def _model(self, request: Request, backend: Backend, say: OnStatus) -> str:
        model_id = request.model_id.strip()
        if len(model_id) > MAX_MODEL_ID or not model_id.isprintable() or any(c.isspace() for c in model_id):
            raise InputError("That is not a model's id.", "Type one such as florence-2-base.", field="model_id")
        if model_id == NANO and not backend.is_local:
            raise ModelNotFoundError(f"{NANO} runs on the local backend only.", "Choose it, or another model.")
        if backend.is_local and (request.example or not model_id):
            model_id = await self._local_model(model_id, request, say)
        return model_id or self.settings.model or BASE

    async def _local_model(self, wanted: str, request: Request, say: OnStatus) -> str:
        """The choice on the local backend; where base turns out not to be available, nano may take its place."""
        pictures = {"example": request.example, "nano_stands_in": request.nano_stands_in}
        self.local.start()
        await self.local.wait_ready("", say)
        model_id = await self.choose_model("local", wanted, **pictures)
        if wanted or self.settings.model or model_id != BASE:
            return model_id
        try:
            await self.local.wait_ready(model_id, say)
        except BackendUnreachableError:
            if await self.choose_model("local", **pictures) == model_id:
                raise
            return NANO
        return model_id

    def _key(self, request: Request, backend: Backend, model_id: str) -> Secret | None:
        """The key that goes along: the visitor's, or the operator's, which goes to the operator's addresses only.

        No key goes to a local address that the operator did not set. To a local server, which would fetch any model
        that the key may see, the operator's key goes for the operator's models only.
        """
        if not backend.takes_key:
            return None
        lent = self.settings.shared_key_models
        lends = backend.needs_key or not lent or model_id in lent
        return request.api_key or (self.settings.api_key if lends else None)

    def _backend(self, request: Request) -> Backend:
        """Where the request goes."""
        backend = self.backends.get(request.backend)
        if backend is None:
            names = ", ".join(self.backends)
            raise InputError("That backend is not set up here.", f"Choose one of {names}.", field="backend")
        return backend

    async def _ask(self, call: _Call, say: OnStatus, take_back: Callable[[], None]) -> Answer:
        """The server's answer; waits for the model and for a place first, the deadline counts from then.

        Args:
            call: What to ask.
            say: Told what it waits for.
            take_back: Called if it ends without having called the server.
        """
        called = False

        async def once() -> Answer:
            nonlocal called
            async with self._turn(call, say) as key:
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
                self.local.invalidate()
                if not call.backend.is_local:
                    raise
                answer = await once()  # it was seen ready, but has ended since: wait until it is back
        finally:
            if not called:
                take_back()
        self.cache.put(call.identity, answer, answer.response)
        return answer

    @asynccontextmanager
    async def _turn(self, call: _Call, say: OnStatus) -> AsyncIterator[Secret | None]:
        """Waits for the model and for a place in the backend's line; gives the key to send."""
        backend, key = call.backend, call.key
        if backend.is_local:
            self.local.start()
            status = await self.local.wait_ready(call.model_id, say)
            key = None if status.models else key  # our own server has no use for it
        async with self._gate(backend).slot(say):
            say(f"{'This machine' if backend.is_on_this_machine else backend.host} is working on it.")
            yield key

    async def _infer(self, call: _Call, key: Secret | None) -> Answer:
        return await infer(
            call.backend,
            model_id=call.model_id,
            prompt=call.prompt,
            image=call.request.picture.jpeg,
            api_key=key,
            max_new_tokens=call.request.max_new_tokens,
        )

    def _gate(self, backend: Backend) -> ConcurrencyGate:
        new = ConcurrencyGate(backend.concurrency, self.settings.queue, backend.timeout)
        return self._gates.setdefault(backend.url, new)


def _with_size_warning(result: Result, answer: Answer, sent_size: tuple[int, int]) -> Result:
    if answer.image_size in (None, sent_size):
        return result
    width, height = answer.image_size
    words = f"The server speaks of a picture of {width} x {height} pixels; places may be wrong."
    return replace(result, warnings=(*result.warnings, words))


def render(
    analysis: Analysis, style: Style | None = None, shown: Collection[int] | None = None, *, full: bool = False
) -> Image.Image:
    """The picture with the result on it; blocks.

    Args:
        analysis: A run that is done.
        style: How to draw.
        shown: Rows of the detections to draw; None for all.
        full: At the original's size, for a download, instead of at display size.

    Returns:
        A new RGB picture.
    """
    picture = analysis.picture
    return annotate(picture.full() if full else picture.display, analysis.result, style, shown)


async def draw(
    analysis: Analysis, style: Style | None = None, shown: Collection[int] | None = None, *, full: bool = False
) -> Path:
    """`render`, saved as a JPEG file of ours, in one of the threads for drawing.

    Raises:
        FlorenceUIError: If it cannot be saved.
    """

    def work() -> Path:
        if not full and ((shown is not None and not shown) or not len(analysis.result.detections)):
            return storage.write(analysis.picture.jpeg, ".jpg", stem="result")
        return save_jpeg(render(analysis, style, shown, full=full))

    return await draw_pool.run(work)


def save_jpeg(image: Image.Image, *, stem: str = "result", quality: int = DRAWING_QUALITY) -> Path:
    """A picture as a JPEG file of ours; it ages out with the others in `storage`.

    Raises:
        FlorenceUIError: If it cannot be saved.
    """
    return storage.write(encode_jpeg(image, quality), ".jpg", stem=stem)
