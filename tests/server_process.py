"""The real local server, as a process on a free port of this machine.

with ServerProcess("--model", f"tiny={directory}") as server:
    requests.get(f"{server.url}/info")
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import requests

ROOT = Path(__file__).parents[1]
START_SECONDS = 120


class ServerProcess:
    """A running `python -m florence_ui.server`.

    Args:
        arguments: Of its command line, besides host and port.
        environ: What is different from this process's environment; None as a value takes a variable away.
    """

    def __init__(self, *arguments: str, environ: Mapping[str, str | None] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long-lived as the process
        changed = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | dict(environ or {})
        self.process = subprocess.Popen(
            self.command("-m", "florence_ui.server", "--port", str(self.port), *arguments),
            cwd=ROOT,
            env={k: v for k, v in (os.environ | changed).items() if v is not None},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
        )
        self._wait_until_it_answers()

    def command(self, *arguments: str) -> list[str]:
        """The command line that starts Python with these arguments."""
        return [sys.executable, *arguments]

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has written so far."""
        self._log.seek(0)
        return self._log.read()

    def status(self) -> dict:
        """`GET /status`."""
        return requests.get(f"{self.url}/status", timeout=10).json()

    def model(self, alias: str) -> dict:
        """One model's part of `GET /status`."""
        return self.status()["models"][alias]

    def infer(self, **body: object) -> requests.Response:
        """`POST /infer/lmm`."""
        return requests.post(f"{self.url}/infer/lmm", json=body, timeout=300)

    def stop(self) -> None:
        """End it politely, and after ten seconds otherwise."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                requests.get(f"{self.url}/info", timeout=5)
                return
            except requests.ConnectionError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"The server did not start: {self.log}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(condition, seconds: float = 300.0):
    """Ask repeatedly until the answer is true; return it, or fail."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.25)
    raise AssertionError(f"It did not happen within {seconds} s.")
