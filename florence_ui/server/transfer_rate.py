"""How fast a download goes, and how long it will still take."""

import time
from collections import deque

WINDOW_SECONDS = 10.0
"""The speed is that of the last seconds, so that it follows the connection."""
MIN_SECONDS = 1.0
"""Before that many, a speed would be a guess."""


class TransferRate:
    """The speed of one transfer, from its counts of bytes."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        """Add the number of bytes that have come so far."""
        now = time.monotonic()
        self._counts.append((now, count))
        while now - self._counts[0][0] > WINDOW_SECONDS and len(self._counts) > 2:
            self._counts.popleft()

    @property
    def bytes_per_second(self) -> float | None:
        """The speed until now; None before it is known. It drops while nothing comes."""
        if not self._counts:
            return None
        begun, first = self._counts[0]
        seconds = time.monotonic() - begun
        return (self._counts[-1][1] - first) / seconds if seconds >= MIN_SECONDS else None

    def seconds_left(self, remaining: int) -> float | None:
        """The time that so many more bytes take; None where it is not known."""
        speed = self.bytes_per_second
        return remaining / speed if speed else None
