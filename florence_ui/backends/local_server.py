"""The local model server as a child process: started if nothing answers at its address, supervised, stopped at exit.

The child is `python -m florence_ui.server`. It holds the other end of a pipe and ends when the pipe closes, so it
never outlives this process, even if that is killed. The child's state is requested over HTTP: no engine is loaded here.
"""

import asyncio
import atexit
import contextlib
import importlib.util
import ipaddress
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from florence_ui.backends.backend import available_backends
from florence_ui.backends.model_status import TRANSIENT_STATES, ServerState, ServerStatus, model_status
from florence_ui.backends.port_probe import ROBOFLOW_NAME, Listener, identify_listener
from florence_ui.backends.probe import ProbeResult, probe, request_model
from florence_ui.backends.unreachable import no_server
from florence_ui.errors import BackendUnreachableError
from florence_ui.models import SERVER_NAME
from florence_ui.network.proxies import child_environment
from florence_ui.settings import Settings

NEEDED_PACKAGES = ("onnxruntime", "tokenizers", "fastapi", "uvicorn")
KEY_VARIABLES = ("API_KEY", "ROBOFLOW_API_KEY")
"""The child needs no key, so it gets none."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a child that ended is restarted; doubled each time."""
STEADY = 60.0
"""Seconds after which a running child counts as successfully started."""
WATCH_SECONDS = 5.0
PREPARE_SECONDS = 1.0
"""Seconds between requests for the first model while the child is younger than `EAGER_SECONDS`."""
EAGER_SECONDS = 10.0
SOON = 10.0
START_SECONDS = 90.0
STOP_SECONDS = 3.0
POLL_SECONDS = 0.3
FRESH_SECONDS = 0.25
READY_SECONDS = 30.0
"""Seconds for which a model seen ready is assumed to be ready, unless a call fails."""

logger = logging.getLogger(__name__)


def find_missing_packages() -> list[str]:
    """Packages that the local server needs and this Python lacks; nothing is imported."""
    return [name for name in NEEDED_PACKAGES if importlib.util.find_spec(name) is None]


def restart_delay(failures: int, first: float = FIRST_PAUSE) -> float:
    """Seconds before restarting a child that has ended so many times in a row."""
    return min(LONGEST_PAUSE, first * 2.0 ** min(failures - 1, 20))


class LocalServer:
    """The local server: started if configured, kept running, and queried for its state.

    Args:
        settings: Its address, and whether to start it.
        command: The command that starts it; `{host}`, `{port}`, `{engine}` and `{precision}` are filled in.
        first_pause: Seconds before the first restart.
        prepare: A model to prepare in the background as soon as the server answers; `""` for none.
    """

    COMMAND = (
        sys.executable, "-m", "florence_ui.server", "--host", "{host}", "--port", "{port}", "--exit-with-parent",
        "--engine", "{engine}", "--precision", "{precision}",
    )  # fmt: skip

    def __init__(
        self,
        settings: Settings,
        *,
        command: Sequence[str] = COMMAND,
        first_pause: float = FIRST_PAUSE,
        prepare: str = "",
    ) -> None:
        self.backend = available_backends(settings)["local"]
        local = self.backend.is_on_this_machine and self.backend.url.startswith("http:")
        self._wanted = settings.start_server and local
        self._options = {"engine": settings.engine, "precision": settings.precision}
        self._command, self._first_pause, self._prepare = command, first_pause, prepare
        self._child: subprocess.Popen[str] | None = None
        self._child_begun = self._next_start = 0.0
        self._last_code: int | None = None
        self._listener: tuple[Listener, str] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._preparing: threading.Thread | None = None
        self._probing: asyncio.Task[ProbeResult] | None = None
        self._seen: tuple[float, ProbeResult] | None = None
        self._ready: dict[str, tuple[float, ServerStatus]] = {}

    # --- the child -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start supervising the server in a thread and return at once. A second call does nothing."""
        if self._preparing is None and self._prepare:
            self._preparing = threading.Thread(target=self._prepare_first_model, name="first-model", daemon=True)
            self._preparing.start()
        if self._thread is None and self._wanted:
            self._thread = threading.Thread(target=self._supervise, name="local-server", daemon=True)
            self._thread.start()
            atexit.register(self.stop)

    def stop(self) -> None:
        """End the child, by force if it takes longer than `STOP_SECONDS`."""
        self._stopping.set()
        child = self._child
        if child is None or child.poll() is not None:
            return
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def _supervise(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._listener = identify_listener(self.backend.url)
            pause = WATCH_SECONDS
            if self._listener[0] is Listener.NOBODY and not find_missing_packages():
                self._last_code = self._run_child()
                ran = time.monotonic() - self._child_begun
                failures = 1 if ran > STEADY else failures + 1
                pause = restart_delay(failures, self._first_pause)
                self._next_start = time.monotonic() + pause
                if not self._stopping.is_set():
                    logger.warning("The local server ended with status %s; restarting in %g s", self._last_code, pause)
            self._stopping.wait(pause)

    def _prepare_first_model(self) -> None:
        """Request the first model, once per child, or once from a server that somebody else started."""
        done_for: float | None = None
        while not self._stopping.wait(PREPARE_SECONDS if self._is_young else WATCH_SECONDS):
            begun = self._child_begun
            if begun != done_for and asyncio.run(request_model(self.backend, self._prepare)):
                done_for = begun

    @property
    def _is_young(self) -> bool:
        """Whether the child runs but started only seconds ago."""
        return self.pid is not None and time.monotonic() - self._child_begun < EAGER_SECONDS

    def _run_child(self) -> int:
        """Start the child and wait until it ends; its output goes to the log."""
        parts = urlsplit(self.backend.url)
        values = {"host": _listen_host(parts.hostname or ""), "port": parts.port or 80, **self._options}
        command = [word.format(**values) for word in self._command]
        environ = {name: value for name, value in child_environment(os.environ).items() if name not in KEY_VARIABLES}
        root = str(Path(__file__).parents[2])
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environ.get("PYTHONPATH")]))
        self._child_begun = time.monotonic()
        child = self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        for line in child.stdout or ():
            logger.info("server: %s", line.rstrip()[:500])
        return child.wait()

    # --- its state -----------------------------------------------------------------------------------------------

    async def status(self, model_id: str = "") -> ServerStatus:
        """The state of the server, or of that model on it; never blocks the loop."""
        seen = await self._probe()
        if not seen.reachable:
            return self._not_reachable()
        if not seen.server.startswith((SERVER_NAME, ROBOFLOW_NAME)):
            return self._foreign(seen.server)
        if model_id not in seen.models:
            state = ServerState.UNTRIED if model_id else ServerState.READY
            return ServerStatus(state, f"{seen.server} answers.", models=seen.models, server=seen.server)
        return model_status(model_id, seen.models, seen.server)

    async def wait_ready(self, model_id: str, on_state: Callable[[str], None]) -> ServerStatus:
        """Wait until the model is ready, and report each change; `""` waits for the server only.

        Raises:
            BackendUnreachableError: If waiting cannot help, with the reason.
        """
        until, status = self._ready.get(model_id, (0.0, None))
        if status and time.monotonic() < until:
            return status
        reported = ""
        while True:
            status = await self.status(model_id)
            if status.is_open:
                self._ready[model_id] = time.monotonic() + READY_SECONDS, status
                return status
            if status.state not in TRANSIENT_STATES:
                raise BackendUnreachableError(status.detail, status.hint)
            if status.state is ServerState.ABSENT:
                await request_model(self.backend, model_id)
            if status.detail != reported:
                reported = status.detail
                on_state(reported)
            await asyncio.sleep(POLL_SECONDS)

    def invalidate(self) -> None:
        """Forget which models were seen ready; call it after a failed call."""
        self._ready.clear()
        self._seen = None

    async def _probe(self) -> ProbeResult:
        """The server that answers, probed at most every `FRESH_SECONDS`; concurrent callers share one probe."""
        if self._seen and self._seen[1].reachable and time.monotonic() - self._seen[0] < FRESH_SECONDS:
            return self._seen[1]
        if self._probing is None or self._probing.done() or self._probing.get_loop() is not asyncio.get_running_loop():
            self._probing = asyncio.create_task(self._probe_now())
        return await asyncio.shield(self._probing)

    async def _probe_now(self) -> ProbeResult:
        seen = await probe(self.backend)
        self._seen = time.monotonic(), seen
        return seen

    def _foreign(self, name: str) -> ServerStatus:
        called = f" ({name})" if name else ""
        return ServerStatus(
            ServerState.FOREIGN,
            f"Another program{called} uses the local server's port, {self.backend.host}.",
            "End it, set FLORENCE_UI_LOCAL_URL to another port, or choose another backend.",
        )

    def _not_reachable(self) -> ServerStatus:
        host, now = self.backend.host, time.monotonic()
        others = "choose another backend."
        if self._wanted and (missing := find_missing_packages()):
            return ServerStatus(
                ServerState.UNAVAILABLE,
                f"The local backend needs {' and '.join(missing)}, which this Python installation lacks.",
                f"Install what is in requirements.txt and restart the app, or {others}",
            )
        if self._listener and self._listener[0] is Listener.OTHER:
            return self._foreign(self._listener[1])
        if not self._wanted or self._thread is None:
            return ServerStatus(ServerState.UNAVAILABLE, no_server(host), f"Start a server there, or {others}")
        if self.pid:
            if now - self._child_begun < START_SECONDS:
                return ServerStatus(ServerState.STARTING, "The local server is starting.")
            return ServerStatus(
                ServerState.UNAVAILABLE, "The local server is running but does not answer.", f"Wait, or {others}"
            )
        if self._last_code is None or self._next_start - now < SOON:
            return ServerStatus(ServerState.STARTING, "The local server is about to start.")
        seconds = round(self._next_start - now)
        detail = f"The local server stopped unexpectedly; it restarts in {seconds} s."
        return ServerStatus(ServerState.UNAVAILABLE, detail, f"See the app's log, or {others}")


def _listen_host(host: str) -> str:
    """The address for the child to listen on, given the host that it is called by."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    return "127.0.0.1"
