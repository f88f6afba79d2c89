"""Removal of unused files, sessions and answers, which keeps disk and memory flat while the page is served."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import gradio as gr
from gradio.routes import App

from florence_ui.hosting.admission import MAX_EVENTS
from florence_ui.hosting.gradio_internals.queue import finished_sessions, forget_answers, raise_concurrency
from florence_ui.hosting.gradio_internals.server import remove_cors
from florence_ui.hosting.gradio_internals.sessions import SessionStore, sessions_of
from florence_ui.hosting.gradio_internals.uploads import forget_missing_files, forget_upload, tracked_uploads
from florence_ui.hosting.request_limits import UPLOAD_SECONDS
from florence_ui.memory import return_free_memory
from florence_ui.storage import DiskBudget, remove_abandoned

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60.0
UNFETCHED_ANSWER_SECONDS = 900.0
"""Seconds that a program may take to fetch the answer of a finished call."""


class Housekeeping:
    """Preparation of Gradio's app when it starts, then regular sweeps until it ends.

    Args:
        budget: The disk budget, which knows the temporary files.
        on_start: Called with the page when the app starts.
        max_age: Seconds after which an unused file, or an idle session, is removed.
        interval: Seconds from one sweep to the next.
    """

    def __init__(
        self,
        budget: DiskBudget,
        *,
        on_start: Callable[[gr.Blocks], object],
        max_age: float = 7200.0,
        interval: float | None = None,
    ) -> None:
        self.budget = budget
        self.on_start = on_start
        self.max_age = max_age
        self.interval = min(SWEEP_SECONDS, max_age / 4) if interval is None else interval
        self._finished = Ages()
        self._uploads = Ages()

    @asynccontextmanager
    async def lifespan(self, app: App) -> AsyncIterator[None]:
        """Sweep for as long as the app runs, beginning with what a killed page has left behind."""
        remove_cors(app)
        SessionStore.install(app)
        self.on_start(app.get_blocks())
        raise_concurrency(app, MAX_EVENTS)
        sweeping = asyncio.create_task(self._sweep_forever(app))
        try:
            yield
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping

    async def _sweep_forever(self, app: App) -> None:
        await asyncio.to_thread(remove_abandoned, self.budget.folder.parent)
        while True:
            await asyncio.sleep(self.interval)
            try:
                await self.sweep(app)
            except Exception:
                log.exception("Housekeeping failed and will be tried again.")

    async def sweep(self, app: App) -> None:
        """Remove old files, idle sessions and what Gradio keeps of finished calls and uploads; return free memory."""
        await asyncio.to_thread(self.budget.delete_expired, self.max_age)
        forget_missing_files(app)
        sessions_of(app).forget_idle(self.max_age)
        forget_answers(
            app, self._finished.older_than(min(UNFETCHED_ANSWER_SECONDS, self.max_age), finished_sessions(app))
        )
        for name in self._uploads.older_than(UPLOAD_SECONDS, tracked_uploads()):
            forget_upload(name)
        await asyncio.to_thread(return_free_memory)


class Ages:
    """How long names have been present without interruption."""

    def __init__(self) -> None:
        self._first_seen: dict[str, float] = {}

    def older_than(self, seconds: float, names: Iterable[str]) -> list[str]:
        """The names that have been present for this long; names that are missing now start over."""
        now = time.monotonic()
        self._first_seen = {name: self._first_seen.get(name, now) for name in names}
        return [name for name, since in self._first_seen.items() if now - since >= seconds]
