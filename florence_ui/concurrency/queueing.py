"""Waiting for a backend: a line with places, and calls that are asked once however many wait for them."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from florence_ui.errors import BackendBusyError, BusyError
from florence_ui.identity import current_visitor

OnStatus = Callable[[str], None]
"""Takes a sentence about what a run is waiting for."""
Charge = Callable[[], Callable[[], None]]
"""Counts a call that is about to be made; what it returns takes the count back where the call was not made after all.

Raises BusyError if no more calls may be made; `seconds` says when to come back.
"""


def uncharged() -> Callable[[], None]:
    """A `Charge` that counts nothing."""
    return lambda: None


@dataclass(eq=False)
class _Waiting:
    """One run that waits for a place: whose it is, how it hears that it has one, and what it is told meanwhile."""

    who: str
    place: asyncio.Future[None]
    say: OnStatus


class ConcurrencyGate:
    """Lets a few in at once. A place that comes free goes to the visitor who has the fewest, first come first served.

    Args:
        limit: How many are in at once.
        max_waiting: How many may wait. Beyond that, whoever has the most runs waiting loses the last of them.
        patience: Seconds that one may wait.
    """

    def __init__(self, limit: int, max_waiting: int, patience: float) -> None:
        self.limit = limit
        self.max_waiting = max_waiting
        self.patience = patience
        self._inside: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []

    @property
    def inside(self) -> int:
        """How many are in."""
        return self._inside.total()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def turn(self, say: OnStatus) -> AsyncIterator[None]:
        """Wait for a place and hold it while the block runs; says how many are ahead.

        Raises:
            BusyError: If too many wait already.
            BackendBusyError: If no place came free in time.
        """
        who = current_visitor.get().share_key
        if self.inside < self.limit:
            self._inside[who] += 1
        else:
            await self._wait(who, say)
        try:
            yield
        finally:
            self._leave(who)

    async def _wait(self, who: str, say: OnStatus) -> None:
        if self.waiting >= self.max_waiting:
            self._make_room(who)
        mine = _Waiting(who, asyncio.get_running_loop().create_future(), say)
        self._waiting.append(mine)
        say(_ahead(self._order().index(mine)))
        try:
            async with asyncio.timeout(self.patience):
                await mine.place
        except BaseException as error:
            if mine in self._waiting:
                self._waiting.remove(mine)
            elif mine.place.done() and not mine.place.cancelled() and not mine.place.exception():
                self._leave(who)  # a place came free in the very moment of giving up
            if isinstance(error, TimeoutError):
                raise BackendBusyError("No place came free in time.", "Try again in a minute.") from None
            raise

    def _make_room(self, who: str) -> None:
        """Turn away the last run of the visitor who has the most waiting; if that is this one, refuse.

        Raises:
            BusyError: Then.
        """
        busy = BusyError(f"This page is busy: {self.waiting} runs are waiting already.", "Try again in a minute.")
        counts = Counter(each.who for each in self._waiting)
        most = max(counts, key=counts.__getitem__)
        if counts[most] <= counts[who] + 1:
            raise busy
        last = next(each for each in reversed(self._waiting) if each.who == most)
        self._waiting.remove(last)
        if not last.place.done():
            last.place.set_exception(busy)

    def _order(self) -> list[_Waiting]:
        """Those who wait, in the order in which they will be let in as things stand."""
        ahead = Counter(self._inside)
        ranks = {}
        for each in self._waiting:
            ranks[each] = ahead[each.who]
            ahead[each.who] += 1
        return sorted(self._waiting, key=ranks.__getitem__)

    def _leave(self, who: str) -> None:
        """Hand the place on; whoever leaves still counts as in, so that places go round."""
        waiting = [each for each in self._order() if not each.place.done()]
        self._inside[who] -= 1
        self._inside += Counter()  # drops the zeroes
        if not waiting:
            return
        chosen = waiting[0]
        self._waiting.remove(chosen)
        self._inside[chosen.who] += 1
        chosen.place.set_result(None)
        for ahead, each in enumerate(self._order()):
            each.say(_ahead(ahead))


def _ahead(count: int) -> str:
    return "Waiting in line: you are next." if count == 0 else f"Waiting in line: {count} ahead of you."


class Flight:
    """One call that several wait for; it goes on until the last of them gives up.

    Args:
        work: Makes the call; is given a function that says what it waits for.
    """

    def __init__(self, work: Callable[[OnStatus], Awaitable[Any]]) -> None:
        self._listeners: list[OnStatus] = []
        self._last = ""
        self.task = asyncio.ensure_future(work(self._say))
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen, also if nobody waits

    async def wait(self, say: OnStatus) -> Any:
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


def _tell(say: OnStatus, state: str) -> None:
    with contextlib.suppress(Exception):  # one visitor's page must not end the others' call
        say(state)


class SingleFlight:
    """Calls under way, by what they ask."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def join(self, key: Hashable, work: Callable[[OnStatus], Awaitable[Any]], say: OnStatus) -> Any:
        """The outcome of the call with that key: one that is under way, or a new one."""
        flight = self._flights.get(key)
        if flight is None or flight.abandoned or flight.task.done():
            flight = self._flights[key] = Flight(work)
        try:
            return await flight.wait(say)
        finally:
            if flight.abandoned and self._flights.get(key) is flight:
                del self._flights[key]
