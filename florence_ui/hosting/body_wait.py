"""The wait for what is left of a request's body, which ends early where others need its turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BodyWait:
    """Whether a body is still on its way, and a way to end the wait for it.

    Attributes:
        finished: Whether all of the body has come.
        ended: Whether the wait was ended, so that another body has its turn.
    """

    def __init__(self) -> None:
        self.finished = self.ended = False
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def at_most(self, seconds: float) -> AsyncIterator[None]:
        """Wait in this block for no longer than some seconds.

        Raises:
            TimeoutError: If it took longer, or `end` was called.
        """
        if self.ended:
            raise TimeoutError
        try:
            async with asyncio.timeout(seconds) as self._timeout:
                yield
        finally:
            self._timeout = None

    def end(self) -> None:
        """Wait no longer."""
        self.ended = True
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())

    @property
    def why(self) -> str:
        """The sentence for whoever sent the body that came too late."""
        if self.ended:
            return "This page is busy, and the request came slowly, so another one has its turn. Please try again."
        return "The request came too slowly."
