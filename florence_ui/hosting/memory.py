"""Return of memory that is free inside the C library to the system.

Decoding allocates and frees blocks of 16 MB in several threads. glibc keeps such blocks in each thread's arena for
reuse, which adds up to an unused gigabyte after a few large pictures at once.
"""

import ctypes
import sys


def return_free_memory() -> bool:
    """Return free memory; blocks for some milliseconds.

    Returns:
        Whether the C library supports this, as glibc does. macOS, Windows and musl return memory by themselves.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if malloc_trim is None:
        return False
    malloc_trim(0)
    return True
