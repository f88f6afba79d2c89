"""Launch of the page for the public: the environment, the options of `launch`, and an orderly shutdown.

Call `prepare_environment` before the page is built, and `launch_options` when it is served:

    prepare_environment()
    demo = build(...)
    demo.launch(**launch_options(settings, probe=..., on_start=serve_tools, on_leave=limits.leave), theme=..., css=...)

`serve` launches a page and waits for SIGTERM or Ctrl-C.
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
from florence_ui.hosting.api_description import CompletedDescriptions
from florence_ui.hosting.file_routes import FileRoutes
from florence_ui.hosting.gradio_internals.server import PageCompression, end_public_links, set_shutdown_grace
from florence_ui.hosting.health import Health, Probe
from florence_ui.hosting.housekeeping import Housekeeping
from florence_ui.hosting.origin_guard import OriginGuard
from florence_ui.hosting.password import PasswordGuard
from florence_ui.hosting.qr_code import ROUTES as QR_CODE_ROUTES
from florence_ui.hosting.routes import RouteGuard
from florence_ui.hosting.sign_in import SignInGuard
from florence_ui.settings import Settings
from florence_ui.visitor_identity import client_address

log = logging.getLogger(__name__)

SESSION_CAPACITY = 256
"""Maximum number of sessions in memory."""
END_SECONDS = 4.5
FORWARDED_IGNORED = (
    "FORWARDED_ALLOW_IPS is ignored, because it would let visitors forge their address. Set FLORENCE_UI_ADDRESS_HEADER "
    "to the header that your proxy sets instead."
)
SHARED = (
    "FLORENCE_UI_SHARE opens a public link: everybody who has it can use this page, this machine's model and the "
    "operator's key, and all of them count as one visitor."
)
GRACE = 1
"""Seconds that responses in progress may still take when the page closes."""
FILES_AT_A_TIME = 20
"""Pictures of the maximum size that fit into one upload request."""


def prepare_environment() -> None:
    """Set the variables that Gradio and uvicorn read from the environment; keep the operator's own values."""
    storage.use_private_folder()
    if os.environ.get("FORWARDED_ALLOW_IPS"):
        log.warning(FORWARDED_IGNORED)
    # uvicorn would trust any address in X-Forwarded-For, from this machine or, with a star, from everybody. Only the
    # header in our own setting is trusted.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    defaults = {
        "GRADIO_ANALYTICS_ENABLED": "False",
        # Gradio summarizes its last 10,000 events after each one, for a page that is disabled here.
        "GRADIO_ANALYTICS_MAX_EVENTS": "1",
        "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
        # Gradio asks matplotlib for its backend at each event, which imports pyplot unless one is set.
        "MPLBACKEND": "agg",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def launch_options(
    settings: Settings, *, probe: Probe, on_start: Callable[[gr.Blocks], object], on_leave: Callable[[str], object]
) -> dict[str, Any]:
    """Arguments for `gr.Blocks.launch` that make the page safe in public.

    Args:
        settings: The operator's settings.
        probe: The probe of the default backend; called every few seconds at most.
        on_start: Called with the page when the app starts.
        on_leave: Called with the session when a visitor's page closes, to end their runs.
    """
    budget = storage.budget()
    budget.set_limits(int(settings.temp_mb * 2**20), max_age=settings.temp_seconds)
    keeper = Housekeeping(budget, on_start=on_start, max_age=settings.temp_seconds)
    most, header = settings.max_upload_bytes, settings.address_header

    def address_of(scope: Scope) -> str:
        return client_address(scope["client"] and scope["client"][0], Headers(scope=scope), header)

    guard = OriginGuard.of(settings, os.environ)
    route_guard = Middleware(
        RouteGuard,
        max_upload_bytes=FILES_AT_A_TIME * most,
        on_leave=on_leave,
        client_address=address_of,
        guard=guard,
        admission=Admission(settings.runs_at_once),
        sign_in=settings.sign_in,
    )
    sign_in = [Middleware(SignInGuard)] if settings.sign_in else []
    password = Middleware(PasswordGuard, pairs=settings.auth, client_address=address_of, framed_by=guard.framed_by)
    if settings.share:
        log.warning(SHARED if settings.auth else f"{SHARED} Set FLORENCE_UI_AUTH to ask them for a password.")
    return {
        "app_kwargs": {
            "middleware": [
                *guard.middleware,
                *([password] if settings.auth else []),
                route_guard,
                *sign_in,
                Middleware(PageCompression),
                Middleware(CompletedDescriptions),
            ],
            "routes": [*Health(probe).routes, *FileRoutes(address_of).routes, *QR_CODE_ROUTES],
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
        "share": settings.share,
        # Otherwise Gradio ends the app if its page first takes over three seconds, as on a busy machine.
        "_frontend": False,
        "max_threads": 200,
    }


def serve(demo: gr.Blocks, *, on_end: Callable[[], object]) -> None:
    """Serve the page until SIGTERM or Ctrl-C, then end within `END_SECONDS`, even if visitors are connected.

    Args:
        demo: The page.
        on_end: Called while the page closes, to stop everything else that was started.
    """
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    demo.launch(prevent_thread_lock=True)
    set_shutdown_grace(demo, GRACE)
    stopped.wait()
    end_public_links()
    _force_end_after(END_SECONDS)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # else a traceback per visitor cut off
    ending = threading.Thread(target=on_end)
    ending.start()
    demo.close()
    storage.remove()
    ending.join()


def _force_end_after(seconds: float) -> None:
    """End the process after that time, even if a thread hangs in a call; still remove its files."""

    def end() -> None:
        storage.remove(seconds=0)
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
