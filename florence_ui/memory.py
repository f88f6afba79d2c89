"""Return of memory that is free inside the C library to the system.

glibc keeps freed blocks for reuse, in an arena of each thread: an unused gigabyte after a few large pictures that were
decoded at once, and 0.4 GB of what the features of a picture passed through in ONNX Runtime.
"""

import ctypes
import sys


def return_free_memory() -> bool:
    """Ask the C library to return what is free, https://man7.org/linux/man-pages/man3/malloc_trim.3.html; blocks.

    Returns:
        Whether it returned anything; False on macOS, Windows and musl, which return memory by themselves.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return bool(malloc_trim and malloc_trim(0))
