"""Fair shares: how often and how many at once one visitor may run the model or have links fetched, and who may
spend the operator's key.

A visitor counts by session and by address, so a new tab is no new visitor. A run takes a place before anything is
done for it, and is counted only when the model is really called: remembered answers and refused requests are free.
Nothing here grows: what a visitor did is forgotten after a minute, and only calls that were made are remembered.
"""

import asyncio
import math
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from florence_ui.concurrency.queueing import Charge, OnStatus
from florence_ui.errors import BusyError, InputError
from florence_ui.identity import Visitor

MINUTE = 60.0
DAY = 86_400.0
RECHECK_SECONDS = 5.0
"""How often a run that waits for a place looks again by itself, should it have missed that one came free."""


@dataclass(frozen=True)
class Quota:
    """What one visitor may do; 0 is no limit."""

    per_minute: int = 0
    max_concurrency: int = 0


OWN_KEY_QUOTA = Quota(per_minute=120, max_concurrency=8)
"""For those who bring their own key: it protects this machine, not anybody's credits."""


def format_duration(seconds: float) -> str:
    """A waiting time as a person says it: `12 seconds`, `3 minutes`, `5 hours`."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds > length * 1.5:
            return f"{math.ceil(seconds / length)} {unit}s"
    count = max(1, math.ceil(seconds))
    return f"{count} second{'s' * (count != 1)}"


@dataclass(frozen=True)
class Wording:
    """How one speaks of what is counted; `{}` stands for a number of them.

    Attributes:
        noun: For one of them.
        going: A sentence about those under way.
        made: The beginning of a sentence about those of the last minute.
        wait: What to do about those under way.
    """

    noun: str
    going: str
    made: str
    wait: str

    def count(self, number: int) -> str:
        """`1 run`, `2 runs`."""
        return f"{number} {self.noun}{'s' * (number != 1)}"


RUNS = Wording("run", "You already have {} going.", "You have made {}", "Wait for one to finish, or stop it.")
LINKS = Wording(
    "link", "The page is fetching {} for you already.", "You have had {} fetched", "Wait until that is done."
)


def _names(visitor: Visitor, purse: str) -> list[str]:
    parts = (("session", visitor.session), ("address", visitor.address))
    return [f"{purse} {kind} {value}" for kind, value in parts if value]


def _current_task() -> asyncio.Task | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None


class QuotaLimiter:
    """Lets runs in, or refuses them with the time to come back.

    Args:
        shared: For runs on the operator's key or machine.
        own: For runs on the visitor's own key.
        daily: Calls a day (UTC) that all visitors together may make with the operator's key; 0 is no limit.
        models: Models that may be used with the operator's key; empty allows all.
        clock: Seconds that never go back.
        wall_clock: Seconds since 1970; read once, so that setting the clock neither locks anybody out nor gives
            everybody a second day.
    """

    def __init__(
        self,
        shared: Quota,
        own: Quota = OWN_KEY_QUOTA,
        *,
        daily: int = 0,
        models: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.shared = shared
        self.own = own
        self.daily = daily
        self.models = tuple(models)
        self._clock = clock
        self._since_1970 = wall_clock() - clock()
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._tasks: dict[str, set[asyncio.Task]] = {}
        self._today = 0
        self._spent = 0

    def __len__(self) -> int:
        """How many sessions and addresses are remembered."""
        return len(self._calls.keys() | self._running.keys())

    @contextmanager
    def admit(
        self, visitor: Visitor, *, model_id: str = "", own_key: bool = False, operator_key: bool = False
    ) -> Iterator[Charge]:
        """Hold one of the visitor's places for as long as the block runs.

        Args:
            visitor: Who asks.
            model_id: What they want to run.
            own_key: Whether they brought their own key.
            operator_key: Whether the run spends the operator's key.

        Yields:
            What each call of the model is charged to.

        Raises:
            BusyError: If the visitor has used up all places.
            InputError: If the operator's key is not for that model.
        """
        if operator_key:
            self._check_model(model_id)
        share, purse = (self.own, "own") if own_key else (self.shared, "shared")
        if visitor.is_local and not operator_key:  # the owner of this machine, at no cost to anybody
            share, purse = replace(share, per_minute=0), "owner"
        names = _names(visitor, purse)
        with self._place(visitor, names, share, RUNS), self.cancel_on_disconnect(visitor):
            yield lambda: self._charge(names, share, RUNS, daily=operator_key)

    @asynccontextmanager
    async def turn(self, visitor: Visitor, say: OnStatus, **kind: Any) -> AsyncIterator[Charge]:
        """`admit`, but where all of the visitor's places are taken, wait for one and say so."""
        with ExitStack() as place:
            charge = None
            while charge is None:
                try:
                    charge = place.enter_context(self.admit(visitor, **kind))
                except BusyError:
                    say("Waiting for one of your other runs to finish.")
                    await self._place_freed(visitor)
            yield charge

    async def _place_freed(self, visitor: Visitor) -> None:
        freed = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(visitor.share_key, deque())
        waiting.append(freed)
        try:
            async with asyncio.timeout(RECHECK_SECONDS):
                await freed
        except TimeoutError:
            return
        finally:
            if freed in waiting:
                waiting.remove(freed)
            if not waiting and self._waiting.get(visitor.share_key) is waiting:
                del self._waiting[visitor.share_key]

    @contextmanager
    def fetching(self, visitor: Visitor) -> Iterator[None]:
        """Hold one of the visitor's places for fetching links: as many as for runs, but counted apart.

        Raises:
            BusyError: If the visitor has used up the share; says when to come back.
        """
        names = _names(visitor, "links")
        with self._place(visitor, names, self.shared, LINKS):
            self._charge(names, self.shared, LINKS)
            yield

    @contextmanager
    def cancel_on_disconnect(self, visitor: Visitor) -> Iterator[None]:
        """The task that runs the block ends when the visitor leaves."""
        session, task = visitor.session, _current_task()
        if not session or task is None or task in self._tasks.get(session, ()):
            yield
            return
        self._tasks.setdefault(session, set()).add(task)
        try:
            yield
        finally:
            self._tasks[session].discard(task)
            if not self._tasks[session]:
                del self._tasks[session]

    @contextmanager
    def _place(self, visitor: Visitor, names: list[str], share: Quota, words: Wording) -> Iterator[None]:
        for name in names:
            if share.max_concurrency and self._running[name] >= share.max_concurrency:
                raise BusyError(words.going.format(words.count(self._running[name])), words.wait, seconds=1.0)
        self._running.update(names)
        try:
            yield
        finally:
            self._running.subtract(names)
            self._running += Counter()  # drops the zeroes
            self._wake(visitor)

    def _wake(self, visitor: Visitor) -> None:
        waiting = self._waiting.get(visitor.share_key, ())
        while waiting:
            freed = waiting.popleft()
            if not freed.done():
                freed.set_result(None)
                return

    def cancel_session(self, session: str) -> int:
        """End what a visitor left running when their page closed.

        Returns:
            The number of runs that were ended.
        """
        tasks = [task for task in self._tasks.get(session, ()) if not task.done()]
        for task in tasks:
            task.cancel()
        return len(tasks)

    def _charge(self, names: list[str], share: Quota, words: Wording, *, daily: bool = False) -> Callable[[], None]:
        now = self._clock()
        self._forget(now)
        for name in names:
            self._check_minute(name, share, words, now)
        if daily:
            self._check_day(now)
            self._spent += 1
        today = self._today
        for name in names:
            self._calls.setdefault(name, deque()).append(now)
            self._calls.move_to_end(name)

        def take_back() -> None:
            if daily and today == self._today:
                self._spent -= 1
            for name in names:
                if now in self._calls.get(name, ()):
                    self._calls[name].remove(now)

        return take_back

    def _check_minute(self, name: str, share: Quota, words: Wording, now: float) -> None:
        calls = self._calls.get(name, deque())
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if share.per_minute and len(calls) >= share.per_minute:
            wait = calls[-share.per_minute] + MINUTE - now
            made = words.made.format(words.count(len(calls)))
            hint = f"Try again in {format_duration(wait)}."
            raise BusyError(f"{made} in the last minute, which is all that one visitor may.", hint, seconds=wait)

    def _check_model(self, model_id: str) -> None:
        if self.models and model_id not in self.models:
            raise InputError(
                "This page's key is not for that model.",
                f"Choose {' or '.join(self.models)}, or type your own key.",
                field="model_id",
            )

    def _check_day(self, now: float) -> None:
        utc = now + self._since_1970
        if utc // DAY != self._today:
            self._today, self._spent = utc // DAY, 0
        if self.daily and self._spent >= self.daily:
            wait = (self._today + 1) * DAY - utc
            raise BusyError(
                "This page has used up its runs for today.",
                f"Come back in {format_duration(wait)}, type your own key, or choose the local backend.",
                seconds=wait,
            )

    def _forget(self, now: float) -> None:
        while self._calls:
            name, calls = next(iter(self._calls.items()))
            if calls and calls[-1] > now - MINUTE:
                return
            del self._calls[name]
