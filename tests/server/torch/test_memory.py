"""The server keeps the memory that its answers free, if the C library supports that."""

import ctypes
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from server_process import ROOT, ServerProcess
from tiny_checkpoint import to_base64

from florence_ui.server.torch import memory

FAULTS = """
import resource, sys, threading
from florence_ui.server.torch.memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()

def faults_of_ten_blocks():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        b"." * 64_000_000
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

faults = []
for _ in range(2):
    thread = threading.Thread(target=faults_of_ten_blocks)
    thread.start()
    thread.join()
print(faults[-1])
"""


def page_faults(memory_is: str) -> int:
    """Of the second of two threads that use and free ten blocks."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, memory_is], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return int(done.stdout)


glibc = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="a C library without mallopt"
)


@glibc
def test_a_freed_block_is_used_again_instead_of_being_fetched_anew() -> None:
    assert page_faults("kept") < page_faults("given back") / 100


@glibc
@pytest.mark.server
def test_the_server_answers_in_memory_that_it_has(offline: dict) -> None:
    """2,100 pages of 4 kB were fetched anew for each answer of nano about a photograph of a megapixel."""
    with ServerProcess("--engine", "torch", environ=offline | {"OMP_NUM_THREADS": "2"}) as server:
        faults = []
        for number in range(6):
            image = {"type": "base64", "value": to_base64(Image.new("RGB", (1200, 900), (40 * number, 99, 99)))}
            assert server.infer(model_id="florence-2-nano", prompt="<OD>", image=image).ok
            faults.append(page_faults_of(server.process.pid))
    assert min(later - earlier for earlier, later in pairwise(faults)) < 500


def page_faults_of(pid: int) -> int:
    """Linux's tenth figure, the name in brackets being the second; https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


@pytest.mark.parametrize(
    ("platform", "library"),
    [pytest.param("darwin", None, id="macos"), pytest.param("linux", object(), id="musl")],
)
def test_other_systems_stay_as_they_are(platform: str, library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", platform)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: library)
    assert memory.keep_freed_memory() is False
