"""A cache of answers, bounded in memory and time, and never shared between API keys."""

import hashlib
import json
import secrets
from collections.abc import Hashable

from cachetools import TTLCache
from starlette.datastructures import Secret

from florence_ui.backends.infer import Answer

OVERHEAD = 512
"""Overhead of an entry in bytes, besides its JSON."""
SIZE_IN_MEMORY = 6
"""Memory of parsed JSON as a multiple of the size of its text."""

_SALT = secrets.token_bytes(32)


def fingerprint(key: Secret | None) -> str:
    """The substitute for an API key in a cache key: equal for equal keys, useless outside this process."""
    return hashlib.blake2b(str(key).encode(), key=_SALT, digest_size=16).hexdigest() if key else ""


def create_cache(max_bytes: float, max_seconds: float) -> TTLCache[Hashable, Answer]:
    """A cache of recent answers by what identifies their calls; the least recently used ones are evicted first.

    Storing an answer that is larger than the cache raises ValueError.

    Args:
        max_bytes: Memory for all of them, as estimated; 0 disables the cache.
        max_seconds: Seconds that each is kept; 0 disables the cache.
    """
    return TTLCache(max_bytes, max_seconds, getsizeof=lambda answer: estimate_memory(json.dumps(answer.response)))


def estimate_memory(text: str) -> int:
    """Bytes that an entry of a cache takes, given what it contains as text."""
    return OVERHEAD + SIZE_IN_MEMORY * len(text)
