"""Freed memory goes back to the system."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from florence_ui.memory import return_free_memory

PROGRAM = """
import io, os
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
from florence_ui.memory import return_free_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

file = io.BytesIO()
Image.new("RGB", (4000, 3000), "teal").save(file, "PNG")

def decode(number):
    kept = []
    for _ in range(4):
        Image.open(io.BytesIO(file.getvalue())).convert("RGB").resize((3999, 2999))
        kept.append(bytes(1000))  # lies above the freed blocks, so that they stay with the process
    return kept

with ThreadPoolExecutor(6) as pool:
    kept = list(pool.map(decode, range(24)))
    before = resident()
    assert return_free_memory()
    print(before - resident())
"""
"""What decodes large pictures in several threads, and prints the megabytes that go back."""

BLOCK, BLOCKS = 64 * 1024, 2000
"""Small blocks, which the C library keeps, of 128 MB in all."""


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is asked")
def test_what_was_freed_is_returned() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    blocks = [libc.malloc(BLOCK) for _ in range(BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    for block in blocks[:-1]:  # the last one keeps the others from being returned at once
        libc.free(block)
    kept = resident()
    assert return_free_memory()
    assert kept - resident() > 0.8 * BLOCK * BLOCKS
    libc.free(blocks[-1])


@pytest.mark.server
@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps such memory and can be asked for it")
def test_memory_that_decoding_freed_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 100
