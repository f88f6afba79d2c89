"""What the page is built on, and the one way in which a visitor's question reaches the model."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.datastructures import Headers, Secret

from florence_ui.backends import Backend, answers
from florence_ui.errors import InputError
from florence_ui.fetching import fetch_image
from florence_ui.images import ImageLimits, Picture, open_bytes, open_picture
from florence_ui.limits import Limits, Share, Visitor, address_of
from florence_ui.logs import RunNote, recorded
from florence_ui.model_states import BASE, WAITING_HELPS, State
from florence_ui.pipeline import Analysis, Pipeline, Request
from florence_ui.settings import Settings, is_key
from florence_ui.ui.health import Works
from florence_ui.ui.uploads import uploaded

NOBODY = Visitor("", "")

asking: ContextVar[Visitor] = ContextVar("asking", default=NOBODY)
"""Whose event is handled just now; set for every event of the page and every call of a program."""


@dataclass(frozen=True)
class Services:
    """Everything that the page, its tabs and the API call.

    Attributes:
        settings: The operator's choices.
        pipeline: The whole job without any page.
        backends: By name.
        limits: Each visitor's share.
    """

    settings: Settings
    pipeline: Pipeline
    backends: dict[str, Backend]
    limits: Limits

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Builds all of it; starts nothing."""
        share = Share(settings.runs_per_minute, settings.runs_at_once)
        limits = Limits(share, daily=settings.daily_runs, models=settings.lent_models)
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
        return await asyncio.to_thread(open_picture, uploaded(value), self.image_limits)

    async def open_own(self, path: Path) -> Picture:
        """A picture of the app's own, such as an example."""
        return await asyncio.to_thread(open_picture, path, self.image_limits)

    async def open_link(self, link: str) -> Picture:
        """The picture behind a link; fetching it counts against the share of links of the visitor `asking`.

        Raises:
            BusyError: If that share is used up.
            LinkError: If it cannot be fetched.
            ImageError: If it is not a picture within the limits.
        """
        with self.limits.fetching(asking.get()):
            data = await fetch_image(link, max_bytes=self.settings.max_upload_bytes)
        return await asyncio.to_thread(open_bytes, data, self.image_limits)

    async def health(self) -> tuple[Works, str]:
        """How the backend that is chosen at first is, and a sentence about it."""
        backend = self.backends[self.settings.first_backend]
        if backend.is_local:
            model_id = await self.pipeline.choose_model(backend.name)
            status = await self.pipeline.status(backend.name, model_id)
            if status.state is State.ABSENT:  # nobody has asked for it yet, and nobody may until it is ready
                await self.pipeline.local.prepare(model_id)
            if status.state in WAITING_HELPS:
                return Works.STARTING, status.detail
            return (Works.OK if status.state is State.READY else Works.UNAVAILABLE), status.detail
        works, words = await answers(backend)
        return (Works.OK if works else Works.UNAVAILABLE), words

    async def run(
        self, request: Request, visitor: Visitor = NOBODY, on_state: Callable[[str], None] | None = None
    ) -> Analysis:
        """Asks the model: the one way for every question that a visitor starts.

        Raises:
            FlorenceUIError: If it is refused or fails, in words.
        """
        backend = self.backend(request.backend)
        model_id = request.model_id or self.settings.model or BASE
        own = backend.needs_key and request.api_key is not None  # where none is needed, any text is a key
        spends = backend.needs_key and not own and self.settings.api_key is not None
        note = RunNote(request.task.token, model_id, backend.name, request.picture.size)
        with (
            recorded(note, key=request.api_key),
            self.limits.admit(visitor, model_id=model_id, own_key=own, operator_key=spends),
        ):
            analysis = await self.pipeline.analyse(request, on_state=on_state)
            note.model_id, note.remembered = analysis.model_id, analysis.remembered
            return analysis


def typed_key(text: str | None) -> Secret | None:
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
    address = address_of(peer, known, settings.address_header)
    return Visitor(request.session_hash or "", address)
