"""The services behind the page, and the only path by which a visitor's question reaches the model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.datastructures import Headers

from florence_ui.backends.model_status import TRANSIENT_STATES, ServerState
from florence_ui.backends.probe import check_reachable, request_model
from florence_ui.concurrency.fair_pool import decode_pool
from florence_ui.concurrency.queueing import Charge, OnStatus, ignore_status
from florence_ui.errors import BusyError, ImageError, quote
from florence_ui.hosting.gradio_internals.oauth import signed_in_account
from florence_ui.hosting.health import Availability
from florence_ui.hosting.visitor_files import upload_path
from florence_ui.images.fetch import fetch_image
from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits, Picture, open_bytes
from florence_ui.inference.gallery import load_examples
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.recorder import record_in_background
from florence_ui.inference.recordings import Recordings
from florence_ui.inference.request import Analysis, Analyze, Question, Request, RequestTemplate
from florence_ui.logs import RunRecord, log_outcome
from florence_ui.models import BASE
from florence_ui.settings import Settings
from florence_ui.visitor_identity import Visitor, client_address, current_visitor, is_local
from florence_ui.visitors.jobs import Jobs
from florence_ui.visitors.kept_visits import Visits
from florence_ui.visitors.quota import MINUTE, Quota, QuotaLimiter, RunKind
from florence_ui.wording import format_duration

COUNT_DOWN_SECONDS = 3.0
"""Seconds between reports of the remaining wait."""


@dataclass(frozen=True)
class Services:
    """Everything that the page, its tabs and the API call.

    Attributes:
        settings: The operator's settings.
        pipeline: The pipeline that answers requests.
        limiter: The visitors' quotas.
        jobs: Calls of programs and agents that continue without their caller.
        recordings: Recorded answers about the gallery.
        visits: Sessions of pages that may be loaded again.
    """

    settings: Settings
    pipeline: Pipeline
    limiter: QuotaLimiter
    jobs: Jobs = field(default_factory=Jobs)
    recordings: Recordings = field(default_factory=Recordings)
    visits: Visits = field(default_factory=lambda: Visits(Settings.temp_seconds))

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Build all services; nothing is started."""
        quota = Quota(settings.runs_per_minute, settings.runs_at_once)
        limiter = QuotaLimiter(quota, daily=settings.daily_runs, models=settings.shared_key_models)
        visits = Visits(settings.temp_seconds)
        return cls(settings, Pipeline(settings), limiter, recordings=Recordings.load(), visits=visits)

    @property
    def image_limits(self) -> ImageLimits:
        """Limits on the size of a picture."""
        return ImageLimits(self.settings.max_upload_bytes, self.settings.max_pixels)

    def template(self, question: Question, *, key: str = "", nano_stands_in: bool = False) -> RequestTemplate:
        """Check a question, which still lacks its picture; every question takes this path.

        Args:
            question: The question as given.
            key: The API key that was typed; `""` for none.
            nano_stands_in: See `RequestTemplate`.

        Raises:
            InputError: If something is missing or cannot be used.
        """
        self.pipeline.backend(question.backend)
        return RequestTemplate.of(question, key=key, nano_stands_in=nano_stands_in)

    async def open_upload(self, value: Any) -> Picture:
        """Open the picture that a visitor uploaded.

        Raises:
            ImageError: If it is not an upload of this app, or not a picture within the limits; names the file.
        """
        path = upload_path(value)
        try:
            return await open_file(path, self.image_limits)
        except ImageError as error:
            raise ImageError(f"{quote(path.name)}: {error.message}", error.hint) from error

    async def open_own(self, path: Path) -> Picture:
        """Open one of the app's own pictures, such as an example."""
        return await open_file(path, self.image_limits)

    async def open_link(self, link: str) -> Picture:
        """Fetch the picture behind a link; this counts against the quota of links of `current_visitor`.

        Raises:
            BusyError: If that quota is used up.
            LinkError: If it cannot be fetched.
            ImageError: If it is not a picture within the limits.
        """
        with self.limiter.fetching(current_visitor.get()):
            data = await fetch_image(link, max_bytes=self.settings.max_upload_bytes)
        return await decode_pool.run(open_bytes, data, self.image_limits)

    def record_examples(self) -> asyncio.Task[None] | None:
        """Start to record base's answers about the examples if the settings ask for it; cancelled with the loop."""
        if not (self.settings.record and self.pipeline.backend(self.settings.default_backend).is_local):
            return None
        return asyncio.create_task(record_in_background(self.pipeline, self.recordings, load_examples()))

    async def health(self) -> tuple[Availability, str]:
        """The availability of the default backend, and a sentence about it."""
        backend = self.pipeline.backend(self.settings.default_backend)
        if backend.is_local:
            model_id = await self.pipeline.choose_model(backend.name, nano_stands_in=True)
            status = await self.pipeline.status(backend.name, model_id)
            if status.state is ServerState.ABSENT:  # not requested yet, and perhaps not until it is ready
                await request_model(backend, model_id)
            if status.state in TRANSIENT_STATES:
                return Availability.STARTING, status.detail
            return (Availability.OK if status.is_open else Availability.UNAVAILABLE), status.detail
        works, words = await check_reachable(backend)
        return (Availability.OK if works else Availability.UNAVAILABLE), words

    async def run(self, request: Request, on_status: OnStatus = ignore_status) -> Analysis:
        """Ask the model once; refuse a visitor whose quota is used up.

        Raises:
            FlorenceUIError: If the run is refused or fails.
        """
        async with self.admit(request, on_status) as ask:
            return await ask(request)

    @asynccontextmanager
    async def admit(self, template: RequestTemplate, on_status: OnStatus = ignore_status) -> AsyncIterator[Analyze]:
        """Hold one of the visitor's slots; yield a function that asks the model in it, once.

        Args:
            template: The question with its model, backend and key.
            on_status: Called with what the run waits for.

        Raises:
            FlorenceUIError: If the visitor's quota is used up; from the function, if anything goes wrong.
        """
        visitor, record = current_visitor.get(), self._record(template)
        with log_outcome(record, key=template.api_key), self.limiter.admit(visitor, **self._kind(template)) as charge:
            yield lambda request: self._ask(request, charge, record, on_status)

    @asynccontextmanager
    async def admit_when_free(
        self, template: RequestTemplate, on_status: OnStatus, on_place_taken: OnStatus | None = None
    ) -> AsyncIterator[Analyze]:
        """Like `admit`, but while the visitor's quota is used up, wait instead of failing.

        Args:
            template: The question with its model, backend and key.
            on_status: Called with the remaining wait for the quota.
            on_place_taken: Called when the run waits for a slot; `on_status` if omitted.

        Raises:
            FlorenceUIError: If the wait would be longer than a minute; from the function, if anything goes wrong.
        """
        visitor, kind = current_visitor.get(), self._kind(template)
        async with self.limiter.admit_when_free(visitor, on_place_taken or on_status, **kind) as charge:

            async def ask(request: Request) -> Analysis:
                record = self._record(request)
                with log_outcome(record, key=request.api_key):
                    while True:
                        try:
                            return await self._ask(request, charge, record)
                        except BusyError as busy:
                            await wait_for_quota(busy, on_status)

            yield ask

    async def _ask(
        self, request: Request, charge: Charge, record: RunRecord, on_status: OnStatus = ignore_status
    ) -> Analysis:
        record.size = request.picture.size
        analysis = await self.pipeline.analyze(request, on_status=on_status, charge=charge)
        record.model_id, record.remembered = analysis.model_id, analysis.remembered
        return analysis

    def _model_id(self, template: RequestTemplate) -> str:
        return template.model_id or self.settings.model or BASE

    def _record(self, template: RequestTemplate) -> RunRecord:
        size = template.picture.size if isinstance(template, Request) else None
        return RunRecord(template.task.token, self._model_id(template), template.backend, size)

    def _kind(self, template: RequestTemplate) -> RunKind:
        backend = self.pipeline.backend(template.backend)
        own_key = backend.needs_key and template.api_key is not None  # if none is needed, any text would pass as a key
        operator_key = backend.needs_key and not own_key and self.settings.api_key is not None
        return {"model_id": self._model_id(template), "own_key": own_key, "operator_key": operator_key}


async def wait_for_quota(busy: BusyError, on_status: OnStatus) -> None:
    """Wait until a used-up quota allows more, and report the remaining wait.

    Raises:
        BusyError: If the wait is unknown, or longer than a minute.
    """
    if not 0 < busy.seconds <= MINUTE:
        raise busy
    seconds = busy.seconds
    while seconds > 0:
        on_status(f"Waiting for your share of runs: about {format_duration(seconds)}.")
        await asyncio.sleep(min(seconds, COUNT_DOWN_SECONDS))
        seconds -= COUNT_DOWN_SECONDS


def visitor_of(request: gr.Request, settings: Settings) -> Visitor:
    """The visitor behind a request, as limits count them."""
    peer = request.client.host if request.client else None
    headers = request.headers
    # a plain dict would keep only the first of several lines: the one that a visitor writes
    known = headers if isinstance(headers, Headers) else dict(headers)
    account = signed_in_account(request) if settings.sign_in else None
    address = f"account {account.id}" if account else client_address(peer, known, settings.address_header)
    # through the tunnel of a public link, strangers arrive from this machine
    local = not (settings.address_header or settings.share) and is_local_request(request)
    owns_space = account is not None and account.id == settings.space_owner
    return Visitor(request.session_hash or "", address, local, owns_space, account)


def is_local_request(request: gr.Request) -> bool:
    """Whether a request comes from this machine to a page that is served to this machine only."""
    app = request.request.scope.get("app") if request.request else None
    bound_to = getattr(app.get_blocks(), "server_name", "") if app else ""
    return is_local(request.client and request.client.host, dict(request.headers), bound_to)
