"""The line before the model: one generation at a time, in the order of arrival, with an end to its length."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from florence_ui.server.refusals import RefusalError

MAX_WAITING = 32
RETRY_AFTER = 5.0


class Line:
    """Callers waiting for the model; one who is cancelled leaves it.

    Args:
        max_waiting: How many may wait besides the one being served.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self.max_waiting = max_waiting
        self.waiting = 0
        self._served = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether somebody is being served."""
        return self._served.locked()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for one's turn and holds it.

        Raises:
            RefusalError: 503 if the line is full.
        """
        if self.running and self.waiting >= self.max_waiting:
            raise RefusalError(
                503,
                f"The server is busy: {self.waiting} calls wait already.",
                "Try again in a few seconds.",
                retry_after=RETRY_AFTER,
            )
        self.waiting += 1
        try:
            await self._served.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._served.release()
