"""Quotas: the rate and concurrency at which one visitor may run the model or have links fetched, and the use of the
operator's key.

A visitor counts by session and by address, so a new tab does not make a new visitor. A run takes a slot before any
work is done for it, and is counted only when the model is really called: cached answers and refused requests are free.
Memory is bounded: only calls that were made are remembered, for a minute.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

from florence_ui.concurrency.queueing import Charge, OnStatus
from florence_ui.errors import BusyError, InputError
from florence_ui.visitor_identity import Visitor
from florence_ui.visitors.quota_wording import LINKS, RUNS, Wording
from florence_ui.wording import count_noun, format_duration

MINUTE = 60.0
DAY = 86_400.0
RECHECK_SECONDS = 5.0
"""Seconds after which a waiting run looks for a slot again, in case it missed one that became free."""


@dataclass(frozen=True)
class Quota:
    """Limits for one visitor; 0 means no limit."""

    per_minute: int = 0
    max_concurrency: int = 0


OWN_KEY_QUOTA = Quota(per_minute=120, max_concurrency=8)
"""For visitors with their own key, to protect this machine, not anybody's credits."""


class RunKind(TypedDict, total=False):
    """The properties of a run, besides the visitor, on which quotas depend.

    Attributes:
        model_id: The model to run.
        own_key: Whether the visitor uses their own key.
        operator_key: Whether the run spends the operator's key.
    """

    model_id: str
    own_key: bool
    operator_key: bool


def _counters(visitor: Visitor, purse: str) -> list[str]:
    """The keys by which a run is counted: session and address, separately for own and operator's key."""
    parts = (("session", visitor.session), ("address", visitor.address))
    return [f"{purse} {kind} {value}" for kind, value in parts if value]


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop is running
        return None


class QuotaLimiter:
    """A limiter that admits runs, or refuses them and says when to retry.

    Args:
        shared: The quota for runs on the operator's key or machine.
        own: The quota for runs on the visitor's own key.
        daily: Calls per day (UTC) that all visitors together may make with the operator's key; 0 means no limit.
        models: Models that may be used with the operator's key; empty allows all.
        clock: A monotonic clock, in seconds.
        wall_clock: Seconds since 1970; read once, so that setting the clock neither locks anybody out nor resets the
            daily count.
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
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}
        self._today = 0.0
        self._spent = 0

    def __len__(self) -> int:
        """The number of remembered sessions and addresses."""
        return len(self._calls.keys() | self._running.keys())

    @contextmanager
    def admit(self, visitor: Visitor, **kind: Unpack[RunKind]) -> Iterator[Charge]:
        """Hold one of the visitor's slots for as long as the block runs.

        Args:
            visitor: The visitor.
            kind: See `RunKind`.

        Yields:
            The function to charge each call of the model.

        Raises:
            BusyError: If the visitor has used up all slots.
            InputError: If the operator's key may not be used for that model.
        """
        operator_key = kind.get("operator_key", False)
        if operator_key:
            self._check_model(kind.get("model_id", ""))
        quota, purse = (self.own, "own") if kind.get("own_key") else (self.shared, "shared")
        if visitor.is_local and not operator_key:  # the owner of this machine, at no cost to anybody
            quota, purse = replace(quota, per_minute=0), "owner"
        counters = _counters(visitor, purse)
        with self._place(visitor, counters, quota, RUNS), self.cancel_on_disconnect(visitor):
            yield lambda: self._charge(counters, quota, RUNS, daily=operator_key)

    @asynccontextmanager
    async def admit_when_free(
        self, visitor: Visitor, on_status: OnStatus, **kind: Unpack[RunKind]
    ) -> AsyncIterator[Charge]:
        """Like `admit`, but if all of the visitor's slots are taken, report that and wait for one."""
        with ExitStack() as place:
            charge = None
            while charge is None:
                try:
                    charge = place.enter_context(self.admit(visitor, **kind))
                except BusyError:
                    on_status("Waiting for one of your other runs to finish.")
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
        """Hold one of the visitor's slots for fetching links: as many as for runs, but counted separately.

        Raises:
            BusyError: If the visitor has used up the quota; it says when to retry.
        """
        counters = _counters(visitor, "links")
        with self._place(visitor, counters, self.shared, LINKS):
            self._charge(counters, self.shared, LINKS)
            yield

    @contextmanager
    def cancel_on_disconnect(self, visitor: Visitor) -> Iterator[None]:
        """End the task that runs the block when the visitor leaves."""
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
    def _place(self, visitor: Visitor, counters: list[str], quota: Quota, wording: Wording) -> Iterator[None]:
        for counter in counters:
            if quota.max_concurrency and self._running[counter] >= quota.max_concurrency:
                running = wording.running.format(count_noun(self._running[counter], wording.noun))
                raise BusyError(running, wording.wait, seconds=1.0)
        self._running.update(counters)
        try:
            yield
        finally:
            self._running.subtract(counters)
            self._running += Counter()  # drop the zeroes
            self._wake(visitor)

    def _wake(self, visitor: Visitor) -> None:
        waiting = self._waiting.get(visitor.share_key, ())
        while waiting:
            freed = waiting.popleft()
            if not freed.done():
                freed.set_result(None)
                return

    def cancel_session(self, session: str) -> int:
        """End a visitor's runs when their page closes.

        Returns:
            The number of runs that were ended.
        """
        tasks = [task for task in self._tasks.get(session, ()) if not task.done()]
        for task in tasks:
            task.cancel()
        return len(tasks)

    def _charge(
        self, counters: list[str], quota: Quota, wording: Wording, *, daily: bool = False
    ) -> Callable[[], None]:
        now = self._clock()
        self._forget(now)
        for counter in counters:
            self._check_minute(counter, quota, wording, now)
        if daily:
            self._check_day(now)
            self._spent += 1
        today = self._today
        for counter in counters:
            self._calls.setdefault(counter, deque()).append(now)
            self._calls.move_to_end(counter)

        def take_back() -> None:
            if daily and today == self._today:
                self._spent -= 1
            for counter in counters:
                if now in self._calls.get(counter, ()):
                    self._calls[counter].remove(now)

        return take_back

    def _check_minute(self, counter: str, quota: Quota, wording: Wording, now: float) -> None:
        calls = self._calls.get(counter, deque())
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if quota.per_minute and len(calls) >= quota.per_minute:
            wait = calls[-quota.per_minute] + MINUTE - now
            made = wording.made.format(count_noun(len(calls), wording.noun))
            hint = f"Try again in {format_duration(wait)}."
            raise BusyError(f"{made} in the last minute, which is the most one visitor may.", hint, seconds=wait)

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
