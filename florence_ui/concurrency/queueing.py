"""Waiting for a backend: a gate with a few slots, and calls made only once for any number of callers."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from florence_ui.errors import BackendBusyError, BusyError
from florence_ui.visitor_identity import current_visitor

OnStatus = Callable[[str], None]
"""Called with a sentence about what a run is waiting for."""
Charge = Callable[[], Callable[[], None]]
"""Called to count a call before it is made; returns a function that undoes this if the call is not made after all.

Raises BusyError if no more calls may be made; its `seconds` say when to try again.
"""


def ignore_status(_: str) -> None:
    """An `OnStatus` that does nothing."""


def uncharged() -> Callable[[], None]:
    """A `Charge` that counts nothing."""
    return lambda: None


@dataclass(eq=False)
class _Waiter:
    """One run that waits for a slot: its visitor, how it learns that it has one, and how it is kept informed."""

    who: str
    slot: asyncio.Future[None]
    on_status: OnStatus


class ConcurrencyGate:
    """A gate with a few slots. A free slot goes to the visitor with the fewest, first come, first served.

    Args:
        limit: Number of slots.
        max_waiting: Runs that may wait. Beyond that, the visitor with the most runs waiting loses the last one.
        max_wait: Seconds that a run may wait.
    """

    def __init__(self, limit: int, max_waiting: int, max_wait: float) -> None:
        self.limit = limit
        self.max_waiting = max_waiting
        self.max_wait = max_wait
        self._active: Counter[str] = Counter()
        self._waiting: list[_Waiter] = []

    @property
    def active(self) -> int:
        """Slots in use."""
        return self._active.total()

    @property
    def waiting(self) -> int:
        """Runs that wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def slot(self, on_status: OnStatus) -> AsyncIterator[None]:
        """Wait for a slot and hold it while the block runs; report how many are ahead.

        Raises:
            BusyError: If too many wait already.
            BackendBusyError: If no slot becomes free in time.
        """
        who = current_visitor.get().share_key
        if self.active < self.limit:
            self._active[who] += 1
        else:
            await self._wait(who, on_status)
        try:
            yield
        finally:
            self._leave(who)

    async def _wait(self, who: str, on_status: OnStatus) -> None:
        if self.waiting >= self.max_waiting:
            self._make_room(who)
        mine = _Waiter(who, asyncio.get_running_loop().create_future(), on_status)
        self._waiting.append(mine)
        try:
            on_status(_ahead(self._order().index(mine)))
            async with asyncio.timeout(self.max_wait):
                await mine.slot
        except BaseException as error:
            if mine in self._waiting:
                self._waiting.remove(mine)
            elif mine.slot.done() and not mine.slot.cancelled() and not mine.slot.exception():
                self._leave(who)  # a slot became free at the very moment of giving up
            if isinstance(error, TimeoutError):
                raise BackendBusyError("The model stayed busy for too long.", "Try again in a minute.") from None
            raise

    def _make_room(self, who: str) -> None:
        """Turn away the last run of the visitor with the most waiting.

        Raises:
            BusyError: If that visitor is this one.
        """
        busy = BusyError(f"This page is busy: {self.waiting} runs are waiting already.", "Try again in a minute.")
        counts = Counter(each.who for each in self._waiting)
        most = max(counts, key=counts.__getitem__)
        if counts[most] <= counts[who] + 1:
            raise busy
        last = next(each for each in reversed(self._waiting) if each.who == most)
        self._waiting.remove(last)
        if not last.slot.done():
            last.slot.set_exception(busy)

    def _order(self) -> list[_Waiter]:
        """The waiting runs in the order in which they would be admitted now."""
        ahead = Counter(self._active)
        ranks = {}
        for each in self._waiting:
            ranks[each] = ahead[each.who]
            ahead[each.who] += 1
        return sorted(self._waiting, key=ranks.__getitem__)

    def _leave(self, who: str) -> None:
        """Pass the slot on; the leaving run still counts, so that slots rotate between visitors."""
        waiting = [each for each in self._order() if not each.slot.done()]
        self._active[who] -= 1
        self._active += Counter()  # drops the zeroes
        if not waiting:
            return
        chosen = waiting[0]
        self._waiting.remove(chosen)
        self._active[chosen.who] += 1
        chosen.slot.set_result(None)
        for ahead, each in enumerate(self._order()):
            each.on_status(_ahead(ahead))


def _ahead(count: int) -> str:
    return "Waiting in line: you are next." if count == 0 else f"Waiting in line: {count} ahead of you."


class SharedCall:
    """One call with several waiting callers; it continues until the last of them gives up.

    Args:
        work: Make the call; its argument is a function that reports what it waits for.
    """

    def __init__(self, work: Callable[[OnStatus], Awaitable[Any]]) -> None:
        self._listeners: list[OnStatus] = []
        self._last = ""
        self.task = asyncio.ensure_future(work(self._publish))
        self.task.add_done_callback(
            lambda task: task.cancelled() or task.exception()
        )  # retrieved, even if nobody waits

    async def wait(self, on_status: OnStatus) -> Any:
        """Wait for the call's outcome. Cancelling this cancels the call only if nobody else waits for it."""
        self._listeners.append(on_status)
        if self._last:
            _notify(on_status, self._last)
        try:
            return await asyncio.shield(self.task)
        finally:
            self._listeners.remove(on_status)
            if not self._listeners:
                self.task.cancel()

    @property
    def abandoned(self) -> bool:
        """Whether all callers have given up."""
        return not self._listeners

    def _publish(self, status: str) -> None:
        self._last = status
        for on_status in list(self._listeners):
            _notify(on_status, status)


def _notify(on_status: OnStatus, status: str) -> None:
    with contextlib.suppress(Exception):  # one visitor's page must not end the others' call
        on_status(status)


class SingleFlight:
    """Calls under way by their key: equal calls are made once."""

    def __init__(self) -> None:
        self._calls: dict[Hashable, SharedCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    async def run(self, key: Hashable, work: Callable[[OnStatus], Awaitable[Any]], on_status: OnStatus) -> Any:
        """Join the call with that key that is under way, or make a new one, and return its outcome."""
        call = self._calls.get(key)
        if call is None or call.abandoned or call.task.done():
            call = self._calls[key] = SharedCall(work)
        try:
            return await call.wait(on_status)
        finally:
            if call.abandoned and self._calls.get(key) is call:
                del self._calls[key]
