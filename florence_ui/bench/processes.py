"""Programs that the benchmark starts beside itself, on free ports of this machine."""

import os
import re
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
    """How much memory this process takes at the most, from now on; by Linux's own account, elsewhere by the system's.

    `ru_maxrss` alone would not do: on Linux a new process starts with that of the process that started it.
    """

    def __init__(self) -> None:
        self._before = self._read("VmRSS")
        if STATUS.exists():
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew

    def peak(self) -> int:
        """Bytes above what was taken at the beginning."""
        return max(0, self._read("VmHWM") - self._before)

    @staticmethod
    def _read(name: str) -> int:
        if STATUS.exists():
            return int(re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())[1]) * 1024
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_up(url: str) -> bool:
    """Whether a page comes from there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status == 200
    except (urllib.error.URLError, OSError):
        return False


def wait_for(url: str, process: subprocess.Popen, seconds: float = 180) -> None:
    """Wait until a page comes.

    Raises:
        RuntimeError: If the process ends, or nothing comes in time.
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
) -> Iterator[subprocess.Popen]:
    """A Python program that runs until the block ends; the block starts when `page` answers."""
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
