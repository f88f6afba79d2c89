"""Waiting for a backend: a line with places, and calls that are asked once however many wait for them."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any

from florence_ui.errors import BackendBusyError, BusyError

Say = Callable[[str], None]
"""Takes a sentence about what a run is waiting for."""


class Line:
    """Lets a few in at once, the rest in the order of their coming.

    Args:
        limit: How many are in at once.
        max_waiting: How many may wait.
        patience: Seconds that one may wait.
    """

    def __init__(self, limit: int, max_waiting: int, patience: float) -> None:
        self.limit = limit
        self.max_waiting = max_waiting
        self.patience = patience
        self.inside = 0
        self._waiting: deque[tuple[asyncio.Future[None], Say]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def turn(self, say: Say) -> AsyncIterator[None]:
        """Waits for a place and holds it while the block runs; says how many are before.

        Raises:
            BusyError: If too many wait already.
            BackendBusyError: If no place came free in time.
        """
        if self.inside < self.limit:
            self.inside += 1
        else:
            await self._wait(say)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, say: Say) -> None:
        if self.waiting >= self.max_waiting:
            raise BusyError(f"This page is busy: {self.waiting} runs wait already.", "Try again in a minute.")
        place = asyncio.get_running_loop().create_future(), say
        self._waiting.append(place)
        say(_before(self.waiting - 1))
        try:
            async with asyncio.timeout(self.patience):
                await place[0]
        except BaseException as error:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place[0].done() and not place[0].cancelled():
                self._leave()  # a place came free in the very moment of giving up
            if isinstance(error, TimeoutError):
                raise BackendBusyError("No place came free in time.", "Try again in a minute.") from None
            raise

    def _leave(self) -> None:
        """Hands the place to the next in line."""
        while self._waiting:
            place, _ = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                for before, (_, say) in enumerate(self._waiting):
                    say(_before(before))
                return
        self.inside -= 1


def _before(count: int) -> str:
    return "Waiting in line: you are next." if count == 0 else f"Waiting in line: {count} before you."


class Flight:
    """One call that several wait for; it goes on until the last of them gives up.

    Args:
        work: Makes the call; is given a function that says what it waits for.
    """

    def __init__(self, work: Callable[[Say], Awaitable[Any]]) -> None:
        self._listeners: list[Say] = []
        self._last = ""
        self.task = asyncio.ensure_future(work(self._say))
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen, also if nobody waits

    async def wait(self, say: Say) -> Any:
        """The call's outcome. Being cancelled here cancels the call only if nobody else waits for it."""
        self._listeners.append(say)
        if self._last:
            _tell(say, self._last)
        try:
            return await asyncio.shield(self.task)
        finally:
            self._listeners.remove(say)
            if not self._listeners:
                self.task.cancel()

    @property
    def abandoned(self) -> bool:
        """Whether everybody has given up."""
        return not self._listeners

    def _say(self, state: str) -> None:
        self._last = state
        for say in list(self._listeners):
            _tell(say, state)


def _tell(say: Say, state: str) -> None:
    with contextlib.suppress(Exception):  # one visitor's page must not end the others' call
        say(state)


class Flights:
    """Calls under way, by what they ask."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def join(self, key: Hashable, work: Callable[[Say], Awaitable[Any]], say: Say) -> Any:
        """The outcome of the call with that key: one that is under way, or a new one."""
        flight = self._flights.get(key)
        if flight is None or flight.abandoned or flight.task.done():
            flight = self._flights[key] = Flight(work)
        try:
            return await flight.wait(say)
        finally:
            if flight.abandoned and self._flights.get(key) is flight:
                del self._flights[key]
