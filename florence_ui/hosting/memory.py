"""Memory that is free inside the C library goes back to the system.

Decoding takes and frees blocks of 16 MB in several threads. glibc keeps such blocks in the arena of each thread for the
next time, and after some large pictures at once that is a gigabyte that nobody uses.
"""

import ctypes
import sys


def return_free_memory() -> bool:
    """Give free memory back; blocks for some milliseconds.

    Returns:
        Whether the C library was asked, as glibc can be. macOS, Windows and musl manage by themselves.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if malloc_trim is None:
        return False
    malloc_trim(0)
    return True
