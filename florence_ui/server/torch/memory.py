"""Reuse of the memory that an answer frees for the next one, instead of its return to the system.

The features of a picture pass through hundreds of blocks of up to 80 MB. By default glibc requests each of them from
the system and returns it, and every page is allocated and cleared anew: about 60,000 page faults per answer on a
network of base's size, and 3.5 % of its time.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Parameter numbers in glibc's `malloc.h`; https://man7.org/linux/man-pages/man3/mallopt.3.html"""
LARGEST_KEPT = 128 * 2**20
"""Bytes of a block: all of the network's are smaller, a decoded photograph of a camera is larger."""
MOST_KEPT = 512 * 2**20
"""Bytes that stay with the process while it is idle."""


def keep_freed_memory() -> bool:
    """Configure the C library; call it in the main thread, before another is started.

    Returns:
        Whether the library accepted all parameters, as glibc does. macOS, Windows and musl are not configured.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    parameters = {M_ARENA_MAX: 1, M_MMAP_THRESHOLD: LARGEST_KEPT, M_TRIM_THRESHOLD: MOST_KEPT}
    taken = [mallopt(parameter, value) for parameter, value in parameters.items()]
    return all(taken)
