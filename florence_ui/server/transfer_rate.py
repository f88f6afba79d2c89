"""The speed of a download, and its remaining time."""

import time
from collections import deque

WINDOW_SECONDS = 10.0
"""Seconds over which the speed is measured, so that it follows the connection."""
MIN_SECONDS = 1.0
"""Seconds before the speed is known; any earlier it would be a guess."""


class TransferRate:
    """The speed of one transfer, from its counts of bytes."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        """Add the number of bytes received so far."""
        now = time.monotonic()
        self._counts.append((now, count))
        while now - self._counts[0][0] > WINDOW_SECONDS and len(self._counts) > 2:
            self._counts.popleft()

    @property
    def bytes_per_second(self) -> float | None:
        """The current speed; None before it is known. It drops while nothing arrives."""
        if not self._counts:
            return None
        begun, first = self._counts[0]
        seconds = time.monotonic() - begun
        return (self._counts[-1][1] - first) / seconds if seconds >= MIN_SECONDS else None

    def seconds_left(self, remaining: int) -> float | None:
        """The seconds that so many more bytes take; None if unknown."""
        speed = self.bytes_per_second
        return remaining / speed if speed else None
