"""Open pictures for visitors in a fair pool of threads, and each file once, however often it is requested."""

import threading
from collections.abc import Hashable
from pathlib import Path
from weakref import WeakValueDictionary

from florence_ui.concurrency.fair_pool import decode_pool
from florence_ui.images.loading import ImageLimits, Picture, open_picture

_open: WeakValueDictionary[Hashable, Picture] = WeakValueDictionary()
"""Pictures that are still in use."""
_lock = threading.Lock()


async def open_file(path: Path, limits: ImageLimits) -> Picture:
    """Open a picture in a file that belongs to this app.

    Raises:
        ImageError: If it is not a supported picture, is corrupt, or exceeds the limits.
    """
    try:
        status = path.stat()  # noqa: ASYNC240 - one look at a file of ours
    except OSError:
        return await decode_pool.run(open_picture, path, limits)  # raises the right error
    identity = path, status.st_mtime_ns, status.st_size, limits

    def work() -> Picture:
        with _lock:
            known = _open.get(identity)
        if known is not None:
            return known
        picture = open_picture(path, limits)
        with _lock:
            _open[identity] = picture
        return picture

    with _lock:
        known = _open.get(identity)
    return known if known is not None else await decode_pool.run_once(identity, work)
