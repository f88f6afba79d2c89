"""Freed memory goes back to the system."""

import ctypes
import sys
from pathlib import Path

import pytest

from florence_ui.server.onnx.memory import return_freed_memory

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
    assert return_freed_memory()
    assert kept - resident() > 0.8 * BLOCK * BLOCKS
    libc.free(blocks[-1])
