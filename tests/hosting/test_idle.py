"""A page without visitors leaves the processor to others."""

import os
import sys
import time
from pathlib import Path

import pytest
from hosting.running import RunningApp

MAX_SHARE = 0.005
"""Of a core."""
WINDOW_SECONDS = 6.0


def processor_seconds(pid: int) -> float:
    """Linux's account of a process, in user and system time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(pid: int) -> float:
    """What part of a core a process uses."""
    before, begun = processor_seconds(pid), time.monotonic()
    time.sleep(WINDOW_SECONDS)
    return (processor_seconds(pid) - before) / (time.monotonic() - begun)


@pytest.mark.skipif(sys.platform != "linux", reason="processor time is counted by Linux's account")
def test_a_page_without_visitors_uses_next_to_nothing(backend: object) -> None:
    with RunningApp(FLORENCE_UI_LOCAL_URL=backend.url) as app:
        time.sleep(2.0)
        shares = [share(app.process.pid) for _ in range(2)]
        assert min(shares) < MAX_SHARE, shares
