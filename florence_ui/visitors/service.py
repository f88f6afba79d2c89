"""What the page is built on, and the one way in which a visitor's question reaches the model."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.datastructures import Headers, Secret

from florence_ui.backends.backend import Backend
from florence_ui.backends.model_status import TRANSIENT_STATES, ServerState
from florence_ui.backends.probe import check_reachable, request_model
from florence_ui.concurrency.fair_pool import decode_pool
from florence_ui.concurrency.queueing import Charge, OnStatus
from florence_ui.environment import is_key
from florence_ui.errors import BusyError, InputError
from florence_ui.hosting.health import Availability
from florence_ui.hosting.uploads import upload_path
from florence_ui.identity import UNKNOWN_VISITOR, Visitor, client_address, current_visitor, is_local
from florence_ui.images.fetch import fetch_image
from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits, Picture, open_bytes
from florence_ui.inference.per_object import Analyze
from florence_ui.inference.pipeline import Analysis, Pipeline, Request
from florence_ui.logs import RunRecord, log_outcome
from florence_ui.models import BASE
from florence_ui.settings import Settings
from florence_ui.visitors.jobs import Jobs
from florence_ui.visitors.quota import MINUTE, Quota, QuotaLimiter, format_duration

COUNT_DOWN_SECONDS = 3.0
"""How often those who wait are told how long it still takes."""

Opening = Callable[[], Awaitable[Request]]
"""Opens the picture of a question, once there is a place for it; gives the question about it."""


@dataclass(frozen=True)
class Services:
    """Everything that the page, its tabs and the API call.

    Attributes:
        settings: The operator's choices.
        pipeline: The whole job without any page.
        backends: By name.
        limiter: Each visitor's share.
        jobs: Calls of programs and agents that go on by themselves.
    """

    settings: Settings
    pipeline: Pipeline
    backends: dict[str, Backend]
    limiter: QuotaLimiter
    jobs: Jobs = field(default_factory=Jobs)

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Builds all of it; starts nothing."""
        share = Quota(settings.runs_per_minute, settings.runs_at_once)
        limits = QuotaLimiter(share, daily=settings.daily_runs, models=settings.shared_key_models)
        pipeline = Pipeline(settings)
        return cls(settings, pipeline, pipeline.backends, limits)

    @property
    def image_limits(self) -> ImageLimits:
        """How large a picture may be."""
        return ImageLimits(self.settings.max_upload_bytes, self.settings.max_pixels)

    def backend(self, name: str) -> Backend:
        """The backend of that name.

        Raises:
            InputError: If there is none.
        """
        found = self.backends.get(name) if isinstance(name, str) else None
        if found is None:
            raise InputError("There is no such server.", f"Choose {' or '.join(self.backends)}.", field="backend")
        return found

    async def open_upload(self, value: Any) -> Picture:
        """The picture that a visitor uploaded.

        Raises:
            ImageError: If it is not an upload of this app, or not a picture within the limits.
        """
        return await open_file(upload_path(value), self.image_limits)

    async def open_own(self, path: Path) -> Picture:
        """A picture of the app's own, such as an example."""
        return await open_file(path, self.image_limits)

    async def open_link(self, link: str) -> Picture:
        """The picture behind a link; fetching it counts against the share of links of `current_visitor`.

        Raises:
            BusyError: If that share is used up.
            LinkError: If it cannot be fetched.
            ImageError: If it is not a picture within the limits.
        """
        with self.limiter.fetching(current_visitor.get()):
            data = await fetch_image(link, max_bytes=self.settings.max_upload_bytes)
        return await decode_pool.run(open_bytes, data, self.image_limits)

    async def health(self) -> tuple[Availability, str]:
        """How the backend that is chosen at first is, and a sentence about it."""
        backend = self.backends[self.settings.default_backend]
        if backend.is_local:
            model_id = await self.pipeline.choose_model(backend.name, nano_stands_in=True)
            status = await self.pipeline.status(backend.name, model_id)
            if status.state is ServerState.ABSENT:  # nobody has asked for it yet, and nobody may until it is ready
                await request_model(backend, model_id)
            if status.state in TRANSIENT_STATES:
                return Availability.STARTING, status.detail
            return (Availability.OK if status.state is ServerState.READY else Availability.UNAVAILABLE), status.detail
        works, words = await check_reachable(backend)
        return (Availability.OK if works else Availability.UNAVAILABLE), words

    async def run(
        self,
        request: Request,
        visitor: Visitor = UNKNOWN_VISITOR,
        on_state: OnStatus | None = None,
        *,
        opening: Opening | None = None,
    ) -> Analysis:
        """Asks the model once; a visitor whose share is used up is refused.

        Args:
            request: What is asked.
            visitor: Who asks.
            on_state: Told in a sentence what the run waits for.
            opening: Opens the picture, where the request has none yet: not before there is a place for the run.

        Raises:
            FlorenceUIError: If it is refused or fails, in words.
        """
        with (
            log_outcome(self._note(request), key=request.api_key) as note,
            self.limiter.admit(visitor, **self._kind(request)) as charge,
        ):
            if opening is not None:
                request = await opening()
            return await self._ask(request, charge, note, on_state)

    @asynccontextmanager
    async def turn(
        self, template: Request, visitor: Visitor, say: OnStatus, on_wait: OnStatus | None = None
    ) -> AsyncIterator[Analyze]:
        """Waits for one of the visitor's places; gives what asks the model in it, and waits for the visitor's share.

        Args:
            template: Has the questions' model, backend and key.
            visitor: Who asks.
            say: Told for how long the share is waited for.
            on_wait: Told that a place is waited for; `say` if left out.

        Raises:
            FlorenceUIError: When asked, whatever goes wrong; also if the wait would be longer than a minute.
        """
        async with self.limiter.turn(visitor, on_wait or say, **self._kind(template)) as charge:

            async def ask(request: Request) -> Analysis:
                with log_outcome(self._note(request), key=request.api_key) as note:
                    while True:
                        try:
                            return await self._ask(request, charge, note)
                        except BusyError as busy:
                            if not 0 < busy.seconds <= MINUTE:
                                raise
                            await wait_with_countdown(busy.seconds, say)

            yield ask

    async def _ask(
        self, request: Request, charge: Charge, note: RunRecord, on_state: OnStatus | None = None
    ) -> Analysis:
        note.size = request.picture.size
        analysis = await self.pipeline.analyze(request, on_state=on_state, charge=charge)
        note.model_id, note.remembered = analysis.model_id, analysis.remembered
        return analysis

    def _model_id(self, request: Request) -> str:
        return request.model_id or self.settings.model or BASE

    def _note(self, request: Request) -> RunRecord:
        size = request.picture.size if request.picture else (0, 0)
        return RunRecord(request.task.token, self._model_id(request), self.backend(request.backend).name, size)

    def _kind(self, request: Request) -> dict[str, Any]:
        """What limits ask about a run."""
        backend = self.backend(request.backend)
        own = backend.needs_key and request.api_key is not None  # where none is needed, any text is a key
        spends = backend.needs_key and not own and self.settings.api_key is not None
        return {"model_id": self._model_id(request), "own_key": own, "operator_key": spends}


async def wait_with_countdown(seconds: float, say: OnStatus) -> None:
    """Waits so long, and says how long it still takes."""
    while seconds > 0:
        say(f"Waiting for your share of runs: about {format_duration(seconds)}.")
        await asyncio.sleep(min(seconds, COUNT_DOWN_SECONDS))
        seconds -= COUNT_DOWN_SECONDS


def parse_key(text: str | None) -> Secret | None:
    """A visitor's own key, or None where nothing was typed.

    Raises:
        InputError: If it cannot be a key; its text is not repeated.
    """
    text = (text or "").strip()
    if not text:
        return None
    if not is_key(text):
        raise InputError("That is not an API key.", "Paste the key alone, without blanks.", field="api_key")
    return Secret(text)


def visitor_of(request: gr.Request, settings: Settings) -> Visitor:
    """Who asks, as limits count them."""
    peer = request.client.host if request.client else None
    headers = request.headers
    # as a plain dict it would lose all but the first of several lines: the one that a visitor writes
    known = headers if isinstance(headers, Headers) else dict(headers)
    address = client_address(peer, known, settings.address_header)
    return Visitor(request.session_hash or "", address, not settings.address_header and is_local_request(request))


def is_local_request(request: gr.Request) -> bool:
    """Whether a request comes from this machine to a page that is served to this machine only."""
    app = request.request.scope.get("app") if request.request else None
    bound_to = getattr(app.get_blocks(), "server_name", "") if app else ""
    return is_local(request.client and request.client.host, dict(request.headers), bound_to)
