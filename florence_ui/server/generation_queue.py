"""The queue before the model: one generation at a time, first come, first served, of limited length."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from florence_ui.server.refusals import RefusalError

MAX_WAITING = 32
RETRY_AFTER = 5.0


class GenerationQueue:
    """Callers in order of arrival; a cancelled one leaves.

    Args:
        max_waiting: Callers that may wait besides the one being served.

    Attributes:
        turn: The lock of the one being served; asyncio passes it on in order of arrival.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self.max_waiting = max_waiting
        self.turn = asyncio.Lock()
        self._inside = 0

    @property
    def running(self) -> bool:
        """Whether a caller is being served."""
        return self.turn.locked()

    @property
    def waiting(self) -> int:
        """The number of callers that wait, for their turn or for their model."""
        return self._inside - self.running

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots, from arrival to answer; wait for `turn` inside.

        Raises:
            RefusalError: 503 if all slots are taken.
        """
        if self._inside > self.max_waiting:
            raise RefusalError(
                503,
                f"The server is busy: {self.waiting} calls are waiting already.",
                "Try again in a few seconds.",
                retry_after=RETRY_AFTER,
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
