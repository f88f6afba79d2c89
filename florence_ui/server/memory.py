"""Memory that an answer frees is kept for the next one instead of being given back to the system.

The features of a picture pass through hundreds of blocks of up to 80 MB. By itself glibc asks the system for each of
them and gives it back, and every page is handed out and cleared anew: about 60,000 page faults an answer on a network
of base's size, and 3.5 % of its time.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""The parameters' numbers in glibc's `malloc.h`; https://man7.org/linux/man-pages/man3/mallopt.3.html"""
LARGEST_KEPT = 128 * 2**20
"""Bytes of a block: all of the network's, but no decoded photograph of a camera."""
MOST_KEPT = 512 * 2**20
"""Bytes that stay with the process when nobody asks."""


def keep_freed_memory() -> bool:
    """Tells the C library; for the main thread, before it starts another.

    Returns:
        Whether the library took all of it, as glibc does. macOS, Windows and musl stay as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    parameters = {M_ARENA_MAX: 1, M_MMAP_THRESHOLD: LARGEST_KEPT, M_TRIM_THRESHOLD: MOST_KEPT}
    taken = [mallopt(parameter, value) for parameter, value in parameters.items()]
    return all(taken)
