"""Shutdown: SIGTERM ends the app and its child, and removes its files, within five seconds."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import faults
import pytest
from hosting.running import RunningApp

from florence_ui.bench.scripted_backend import ScriptedBackend

pytestmark = pytest.mark.server

SECONDS = 5.0


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sorted(
        {int(child) for t in threads for child in (t / "children").read_text().split()} | set(map(int, listed))
    )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_ends_in_mid_run_with_visitors_connected(picture: bytes, name: signal.Signals) -> None:
    with ScriptedBackend(fault=faults.hang()) as backend, RunningApp(FLORENCE_UI_LOCAL_URL=backend.url) as app:
        threading.Thread(target=lambda: quietly(app, picture), daemon=True).start()
        backend.wait_for(lambda b: b.running == 1)
        assert app.disk > 0
        with app.client.stream("GET", "/gradio_api/heartbeat/visitor"):
            begun = time.monotonic()
            app.process.send_signal(name)
            assert app.process.wait(30) == 0
            assert time.monotonic() - begun < SECONDS + 1
        backend.wait_for(lambda b: b.running == 0)
        assert app.disk == 0, "its files are gone"
        assert "Traceback" not in app.log


def quietly(app: RunningApp, picture: bytes) -> None:
    """A run whose end nobody minds."""
    with contextlib.suppress(Exception):
        app.analyze(picture, task="<OD>")


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGKILL], ids=["told", "killed"])
def test_its_local_server_ends_with_it(name: signal.Signals) -> None:
    pytest.importorskip("torch")
    with RunningApp.with_local_server() as app:
        until = time.monotonic() + 30
        while not (started := children(app.process.pid)) and time.monotonic() < until:
            time.sleep(0.1)
        assert started
        time.sleep(3)
        begun = time.monotonic()
        os.kill(app.process.pid, name)
        app.process.wait(30)
        while any(map(is_alive, started)) and time.monotonic() - begun < 30:
            time.sleep(0.1)
        assert not any(map(is_alive, started))
        assert time.monotonic() - begun < (SECONDS + 1 if name is signal.SIGTERM else 15)
