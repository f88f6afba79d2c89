"""A cache of answers, bounded in memory and time, and never shared between API keys."""

import hashlib
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from starlette.datastructures import Secret

OVERHEAD = 512
"""Overhead of an entry in bytes, besides its JSON."""
SIZE_IN_MEMORY = 6
"""Memory of parsed JSON as a multiple of the size of its text."""

_SALT = secrets.token_bytes(32)


def fingerprint(key: Secret | None) -> str:
    """The substitute for an API key in a cache key: equal for equal keys, useless outside this process."""
    return hashlib.blake2b(str(key).encode(), key=_SALT, digest_size=16).hexdigest() if key else ""


class ResponseCache:
    """Recent answers; the least recently used ones are evicted first.

    Args:
        max_bytes: Memory for all of them; 0 disables the cache.
        max_seconds: Seconds that each is kept; 0 disables the cache.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, max_bytes: float, max_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self.max_seconds = max_seconds
        self._clock = clock
        self._entries: OrderedDict[Hashable, tuple[float, int, Any]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """Memory in use, as estimated."""
        return self._bytes

    def get(self, key: Hashable) -> Any | None:
        """The answer, or None if there is none or it is too old."""
        with self._lock:
            self._forget_old()
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][2]

    def put(self, key: Hashable, answer: Any, content: Any) -> None:
        """Store an answer; `content` is its JSON, from which its size is estimated."""
        size = OVERHEAD + SIZE_IN_MEMORY * len(json.dumps(content))
        if size > self.max_bytes or not self.max_seconds:
            return
        with self._lock:
            self._drop(key)
            self._entries[key] = (self._clock(), size, answer)
            self._bytes += size
            self._forget_old()
            while self._bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def _forget_old(self) -> None:
        limit = self._clock() - self.max_seconds
        for key in [key for key, (begun, _, _) in self._entries.items() if begun <= limit]:
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        if key in self._entries:
            self._bytes -= self._entries.pop(key)[1]
