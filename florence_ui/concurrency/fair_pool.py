"""Threads for CPU-bound work, shared fairly between visitors.

Such work never runs in asyncio's own threads: a visitor who filled those would block everybody else.
"""

import asyncio
import os
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from florence_ui.visitor_identity import current_visitor

P = ParamSpec("P")
T = TypeVar("T")

THREADS = min(8, max(2, os.cpu_count() or 2)) + 1
"""One more than there are processors: one visitor may use all threads but one."""
HALF_LIFE = 10.0
"""Seconds after which the time used by a visitor counts half."""
MUCH_SECONDS, MUCH_TIMES = 1.0, 10
"""A visitor who has recently used more than so many seconds, and so many times more than another, must leave a
processor free."""


@dataclass(eq=False)
class _Job:
    """A piece of work, and everybody who waits for its outcome."""

    work: Callable[[], Any]
    identity: Hashable
    waiting: list[Future[Any]] = field(default_factory=list)
    begun: bool = False

    @property
    def abandoned(self) -> bool:
        return all(future.cancelled() for future in self.waiting)


class RecentUse:
    """Seconds that each visitor's work took recently, with exponential decay."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._since = clock()

    def add(self, who: str, seconds: float) -> None:
        """Count finished work."""
        self._seconds[who] = self.of(who) + seconds

    def of(self, who: str) -> float:
        """The seconds used, those of `HALF_LIFE` ago counted half."""
        self._fade()
        return self._seconds.get(who, 0.0)

    def is_much(self, who: str) -> bool:
        """Whether a visitor has used far more than another."""
        return self.of(who) > max(MUCH_SECONDS, MUCH_TIMES * min(self._seconds.values(), default=0.0))

    def _fade(self) -> None:
        passed = self._clock() - self._since
        if passed > HALF_LIFE / 10:
            self._since += passed
            kept = 0.5 ** (passed / HALF_LIFE)
            self._seconds = {who: used * kept for who, used in self._seconds.items() if used * kept > 0.001}


class FairPool:
    """A small thread pool in which a free thread serves the visitor with the fewest running jobs.

    Among several such visitors, the one whose work took the least time recently is next. Visitors who use far more than
    others get all but two threads together, so that a light user finds a free thread, and a processor for it.

    Args:
        name: The prefix of the threads' names.
        threads: Number of threads; one visitor gets at most all but one.
    """

    def __init__(self, name: str, threads: int = THREADS) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._queues: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._used = RecentUse()
        self._jobs: dict[Hashable, _Job] = {}

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function as `asyncio.to_thread` does, within the share of the current visitor."""
        return await asyncio.wrap_future(self._submit(partial(work, *args, **kwargs), object()))

    async def run_once(self, identity: Hashable, work: Callable[[], T]) -> T:
        """Run a function as `run` does, but join work of the same identity that is waiting or under way."""
        return await asyncio.wrap_future(self._submit(work, identity))

    def _submit(self, work: Callable[[], Any], identity: Hashable) -> Future[Any]:
        who, future = current_visitor.get().share_key, Future[Any]()
        with self._lock:
            job = self._jobs.get(identity)
            if job is None or job.abandoned:
                job = self._jobs[identity] = _Job(partial(copy_context().run, work), identity)
            job.waiting.append(future)
            if not job.begun:  # queued in every caller's share: the first turn serves all of them
                self._queues.setdefault(who, deque()).append(job)
            self._start()
        return future

    def _start(self) -> None:
        """Start as many jobs as there are free threads; call it with the lock held."""
        while self._running.total() < self.threads and (who := self._next()) is not None:
            job = self._queues[who].popleft()
            if not self._queues[who]:
                del self._queues[who]
            else:
                self._queues.move_to_end(who)
            if job.begun:
                continue
            if job.abandoned:
                self._forget(job)
                continue
            job.begun = True
            self._running[who] += 1
            self._executor.submit(self._work, who, job)

    def _next(self) -> str | None:
        """The visitor whose turn it is, or None; call it with the lock held."""
        much = {who for who in self._queues.keys() | self._running.keys() if self._used.is_much(who)}
        at_work = sum(self._running[who] for who in much)
        full = at_work >= max(1, self.threads - 2)
        most = max(1, self.threads - 1)
        able = [who for who in self._queues if self._running[who] < most and not (full and who in much)]
        return min(able, key=lambda who: (self._running[who], self._used.of(who)), default=None)

    def _work(self, who: str, job: _Job) -> None:
        value, error, begun = None, None, time.monotonic()
        try:
            value = job.work()
        except BaseException as failure:
            error = failure
        with self._lock:
            self._forget(job)
            self._used.add(who, time.monotonic() - begun)
            self._running[who] -= 1
            self._running += Counter()  # drops the zeroes
            self._start()
        for future in job.waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(error) if error is not None else future.set_result(value)

    def _forget(self, job: _Job) -> None:
        if self._jobs.get(job.identity) is job:
            del self._jobs[job.identity]


decode_pool = FairPool("decode")
"""For opening pictures, which delays calls of the model."""
draw_pool = FairPool("draw")
"""For drawing and exporting answers."""
store_pool = FairPool("store")
"""For writing uploads."""
