"""The line before the model: one generation at a time, in the order of arrival, with an end to its length."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from florence_ui.server.refusals import RefusalError

MAX_WAITING = 32
RETRY_AFTER = 5.0


class GenerationQueue:
    """Callers in order; one who is cancelled leaves.

    Args:
        max_waiting: How many may wait besides the one being served.

    Attributes:
        turn: The lock of the one being served; asyncio hands it on in the order of arrival.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self.max_waiting = max_waiting
        self.turn = asyncio.Lock()
        self._inside = 0

    @property
    def running(self) -> bool:
        """Whether somebody is being served."""
        return self.turn.locked()

    @property
    def waiting(self) -> int:
        """How many wait, for their turn or for their model."""
        return self._inside - self.running

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Holds one of the places, from the arrival to the answer; wait for `turn` inside.

        Raises:
            RefusalError: 503 if all are taken.
        """
        if self._inside > self.max_waiting:
            raise RefusalError(
                503,
                f"The server is busy: {self.waiting} calls wait already.",
                "Try again in a few seconds.",
                retry_after=RETRY_AFTER,
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
