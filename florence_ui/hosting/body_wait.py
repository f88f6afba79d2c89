"""The wait for the rest of a request's body, which ends early when other requests need its slot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BodyWait:
    """Whether a body is still arriving, and a way to stop waiting for it.

    Attributes:
        finished: Whether the whole body has arrived.
        ended: Whether the wait was ended in favor of another request.
    """

    def __init__(self) -> None:
        self.finished = self.ended = False
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def at_most(self, seconds: float) -> AsyncIterator[None]:
        """Limit the time that this block takes.

        Raises:
            TimeoutError: If it takes longer, or `end` is called.
        """
        if self.ended:
            raise TimeoutError
        try:
            async with asyncio.timeout(seconds) as self._timeout:
                yield
        finally:
            self._timeout = None

    def end(self) -> None:
        """Stop waiting."""
        self.ended = True
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())

    @property
    def why(self) -> str:
        """The error message for a body that did not arrive in time."""
        if self.ended:
            return "This page is busy, and this request arrived too slowly to keep its place. Please try again."
        return "The request arrived too slowly."
