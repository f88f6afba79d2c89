"""How the page is served to strangers: what `launch` is told, what is tidied up, and whether all is well.

`prepare_environment` comes before the page is built, `launch_options` when it is served:

    prepare_environment()
    demo = build(...)
    demo.launch(**launch_options(settings, probe=..., on_start=serve_tools, on_leave=limits.leave), theme=..., css=...)

`serve` does the last and waits until the process is told to end.
"""

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import gradio as gr
from gradio.routes import file_upload_statuses
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import Scope

from florence_ui import storage
from florence_ui.hosting.admission import Admission, let_all_run
from florence_ui.hosting.compression import PageCompression
from florence_ui.hosting.file_routes import FileRoutes
from florence_ui.hosting.health import Health, Probe
from florence_ui.hosting.memory import return_free_memory
from florence_ui.hosting.origin_guard import OriginGuard, replace_gradios_cors
from florence_ui.hosting.requests import UPLOAD_SECONDS
from florence_ui.hosting.routes import Doors
from florence_ui.hosting.sessions import Sessions
from florence_ui.identity import client_address
from florence_ui.settings import Settings
from florence_ui.storage import DiskBudget, remove_abandoned

log = logging.getLogger(__name__)

SWEEP_EVERY = 60.0
SESSION_CAPACITY = 256
"""Sessions whose components Gradio keeps in memory; each may hold a posted body."""
ANSWERS_KEPT = 900.0
"""Seconds for which a program may fetch the answer of a call that is over."""
END_SECONDS = 4.5
FORWARDED_IGNORED = (
    "FORWARDED_ALLOW_IPS is not used here, because visitors could forge their address with it. Name the header that "
    "your proxy sets in FLORENCE_UI_ADDRESS_HEADER instead."
)
GRACE = 1
"""Seconds that answers under way may still take when the page closes."""
FILES_AT_A_TIME = 20
"""Full-sized pictures that fit into one upload request."""


def prepare_environment() -> None:
    """Set what Gradio and uvicorn read from the environment; what the operator has set stays."""
    storage.use_private_folder()
    if os.environ.get("FORWARDED_ALLOW_IPS"):
        log.warning(FORWARDED_IGNORED)
    # uvicorn would believe any address in X-Forwarded-For, from this machine or, with a star, from everybody; only
    # the header that the operator names in our own setting is believed.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    defaults = {
        "GRADIO_ANALYTICS_ENABLED": "False",
        # Gradio sums up its last 10,000 events after each one, for a page that is closed here.
        "GRADIO_ANALYTICS_MAX_EVENTS": "1",
        "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
        # Gradio asks matplotlib for its backend at each event; unless one is set, the first one imports pyplot for it.
        "MPLBACKEND": "agg",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def launch_options(
    settings: Settings, *, probe: Probe, on_start: Callable[[gr.Blocks], object], on_leave: Callable[[str], object]
) -> dict[str, Any]:
    """Arguments for `gr.Blocks.launch` that make the page safe in public.

    Args:
        settings: Gives the upload limit.
        probe: Asks the first backend how it is; called at most every few seconds.
        on_start: Called with the page when the app starts.
        on_leave: Called with the session when a visitor's page closes; ends their runs.
    """
    budget = storage.budget()
    budget.set_limits(int(settings.temp_mb * 2**20), max_age=settings.temp_seconds)
    keeper = Housekeeping(budget, on_start=on_start, max_age=settings.temp_seconds)
    most, header = settings.max_upload_bytes, settings.address_header

    def whose(scope: Scope) -> str:
        return client_address(scope["client"] and scope["client"][0], Headers(scope=scope), header)

    guard = OriginGuard.of(settings, os.environ)
    doors = Middleware(
        Doors,
        max_upload_bytes=FILES_AT_A_TIME * most,
        on_leave=on_leave,
        whose=whose,
        guard=guard,
        admission=Admission(settings.runs_at_once),
    )
    return {
        "app_kwargs": {
            "middleware": [*guard.middleware, doors, Middleware(PageCompression)],
            "routes": [*Health(probe).routes, *FileRoutes(whose).routes],
            "lifespan": keeper.lifespan,
        },
        "max_file_size": most,
        "state_session_capacity": SESSION_CAPACITY,
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "strict_cors": True,
        "ssr_mode": False,
        "pwa": False,
        "share": False,
        # Otherwise Gradio ends the app where its own page takes over three seconds the first time: on a busy machine.
        "_frontend": False,
        "max_threads": 200,
    }


def serve(demo: gr.Blocks, *, on_end: Callable[[], object]) -> None:
    """Serve the page until SIGTERM or Ctrl-C, then end within `END_SECONDS`, whoever is still connected.

    Args:
        demo: The page.
        on_end: Ends what was started besides it; runs while the page closes.
    """
    told = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: told.set())
    demo.launch(prevent_thread_lock=True)
    demo.server.config.timeout_graceful_shutdown = GRACE
    told.wait()
    _end_for_certain(END_SECONDS)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # or each visitor who is cut off is a traceback
    ending = threading.Thread(target=on_end)
    ending.start()
    demo.close()
    storage.remove()
    ending.join()


def _end_for_certain(seconds: float) -> None:
    """End the process then, even if a thread still hangs in a call; its files go all the same."""

    def end() -> None:
        storage.remove(seconds=0)
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


class Housekeeping:
    """Keeps disk and memory flat: files and sessions that nobody uses any more go.

    Args:
        budget: Knows the files.
        on_start: Called with the page when the app starts.
        max_age: Seconds after which an unused file, and the memory of a silent session, goes.
        every: Seconds from one sweep to the next.
    """

    def __init__(
        self,
        budget: DiskBudget,
        *,
        on_start: Callable[[gr.Blocks], object],
        max_age: float = 7200.0,
        every: float | None = None,
    ) -> None:
        self.budget = budget
        self.on_start = on_start
        self.max_age = max_age
        self.every = min(SWEEP_EVERY, max_age / 4) if every is None else every
        self._over: dict[str, float] = {}
        self._progress: dict[str, float] = {}

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Tidy up for as long as the app runs; first what a page that was killed has left."""
        replace_gradios_cors(app)
        Sessions.take_over(app)
        self.on_start(app.get_blocks())
        let_all_run(app.get_blocks()._queue)
        sweeping = asyncio.create_task(self._sweep_for_ever(app))
        try:
            yield
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping

    async def _sweep_for_ever(self, app: Any) -> None:
        await asyncio.to_thread(remove_abandoned, self.budget.folder.parent)
        while True:
            await asyncio.sleep(self.every)
            try:
                await self.sweep(app)
            except Exception:
                log.exception("Tidying up failed; it is tried again.")

    async def sweep(self, app: Any) -> None:
        """Delete old files, forget old sessions and what Gradio's queue keeps of calls that are over, free memory."""
        await asyncio.to_thread(self.budget.age_out, self.max_age)
        blocks = app.get_blocks()
        for names in blocks.temp_file_sets:
            names.intersection_update([name for name in names if os.path.exists(name)])  # noqa: ASYNC240 - not shared
        self._forget_sessions(app.state_holder)
        self._forget_calls(app, blocks._queue)
        self._forget_progress(file_upload_statuses)
        await asyncio.to_thread(return_free_memory)

    def _forget_sessions(self, holder: Any) -> None:
        oldest = datetime.now() - timedelta(seconds=self.max_age)
        for session in [s for s, used in holder.time_last_used.items() if used < oldest]:
            holder.delete_state(session)
            holder.session_data.pop(session, None)
            holder.time_last_used.pop(session, None)

    def _forget_calls(self, app: Any, queue: Any) -> None:
        """Gradio keeps the answers of a caller who never fetches them."""
        now = time.monotonic()
        over = {
            session: self._over.get(session, now)
            for session, events in queue.pending_event_ids_session.items()
            if not any(event in queue.event_ids_to_events for event in events)
        }
        self._over = over
        for session in [s for s, since in over.items() if now - since >= min(ANSWERS_KEPT, self.max_age)]:
            queue.pending_event_ids_session.pop(session, None)
            queue.pending_messages_per_session.pop(session, None)
        app.iterators_to_reset.intersection_update(queue.event_ids_to_events)

    def _forget_progress(self, progress: Any) -> None:
        """Gradio keeps each name by which somebody asked how far an upload is, for ever."""
        now = time.monotonic()
        self._progress = {name: self._progress.get(name, now) for name in progress._signals}
        for name in [name for name, since in self._progress.items() if now - since >= UPLOAD_SECONDS]:
            progress._signals.pop(name, None)
            progress.stop_tracking(name)
