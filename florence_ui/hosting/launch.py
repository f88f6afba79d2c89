"""How the page is served to strangers: what `launch` is told, what is tidied up, and whether all is well.

`prepare_environment` comes before the page is built, `launch_options` when it is served:

    prepare_environment()
    demo = build(...)
    demo.launch(**launch_options(settings, probe=..., on_start=serve_tools, on_leave=limits.leave), theme=..., css=...)

`serve` does the last and waits until the process is told to end.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import Scope

from florence_ui import storage
from florence_ui.hosting.admission import Admission
from florence_ui.hosting.file_routes import FileRoutes
from florence_ui.hosting.gradio_internals.server import PageCompression, set_shutdown_grace
from florence_ui.hosting.health import Health, Probe
from florence_ui.hosting.housekeeping import Housekeeping
from florence_ui.hosting.origin_guard import OriginGuard
from florence_ui.hosting.routes import Doors
from florence_ui.identity import client_address
from florence_ui.settings import Settings

log = logging.getLogger(__name__)

SESSION_CAPACITY = 256
"""Sessions whose components Gradio keeps in memory; each may hold a posted body."""
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
    set_shutdown_grace(demo, GRACE)
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
