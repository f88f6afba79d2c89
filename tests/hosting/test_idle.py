"""A page without visitors, and its own local server, leave the processor to others."""

import os
import sys
import time
from pathlib import Path

import pytest
from hosting.running import RunningApp

from florence_ui.backends.local_server import EAGER_SECONDS

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


def child(pid: int) -> int:
    """The one program that a program has started."""
    (found,) = (
        int(number)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for number in (task / "children").read_text().split()
    )
    return found


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processor time is counted by Linux's account")


def test_a_page_without_visitors_uses_next_to_nothing(backend: object) -> None:
    with RunningApp(FLORENCE_UI_LOCAL_URL=backend.url) as app:
        time.sleep(2.0)
        shares = [share(app.process.pid) for _ in range(2)]
        assert min(shares) < MAX_SHARE, shares


@pytest.mark.slow
def test_a_page_whose_own_server_waits_for_its_model_in_vain_uses_no_more() -> None:
    with RunningApp.with_local_server() as app:
        time.sleep(EAGER_SECONDS)
        for pid in (app.process.pid, child(app.process.pid)):
            shares = [share(pid) for _ in range(2)]
            assert min(shares) < MAX_SHARE, shares
