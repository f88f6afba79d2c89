"""Programs that the benchmark starts, on free ports of this machine."""

import os
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

STATUS = Path("/proc/self/status")


class Memory:
    """Peak memory of this process from now on, from /proc on Linux and from `getrusage` elsewhere.

    On Linux `ru_maxrss` is useless: a new process inherits it from its parent.
    """

    def __init__(self) -> None:
        self._before = self._read("VmRSS")
        if STATUS.exists():
            Path("/proc/self/clear_refs").write_text("5")  # resets the peak

    def peak(self) -> int:
        """Bytes above what was in use at the beginning."""
        return max(0, self._read("VmHWM") - self._before)

    @staticmethod
    def _read(name: str) -> int:
        if STATUS.exists():
            lines = dict(line.split(":") for line in STATUS.read_text().splitlines())
            return int(lines[name].removesuffix("kB")) * 1024
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_up(url: str) -> bool:
    """Whether the URL answers with status 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return bool(page.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 180) -> None:
    """Wait until the URL answers.

    Raises:
        RuntimeError: If the process ends, or does not answer in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the program ended with {process.returncode}")
        if is_up(url):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer in {seconds:.0f} s")


@contextmanager
def program(
    arguments: Sequence[str], page: str, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python program for the length of the block, which starts when `page` answers."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(environ or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(page, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
