"""Threads for work that keeps a processor busy, shared fairly between the visitors who ask for it.

Such work never runs in asyncio's own threads: whoever filled those would stop everybody else's answers.
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
"""One more than processors: one visitor may use all but one of them."""
HALF_LIFE = 10.0
"""Seconds after which the time that a visitor's work took counts half."""
MUCH_SECONDS, MUCH_TIMES = 1.0, 10
"""Who has used more than so many seconds lately, and so many times what somebody else has, leaves a processor free."""


@dataclass(eq=False)
class _Job:
    """Work to do, and everybody who waits for what comes of it."""

    work: Callable[[], Any]
    identity: Hashable
    waiting: list[Future[Any]] = field(default_factory=list)
    begun: bool = False

    @property
    def abandoned(self) -> bool:
        return all(future.cancelled() for future in self.waiting)


class RecentUse:
    """How many seconds each visitor's work took lately; what is long ago is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._since = clock()

    def add(self, who: str, seconds: float) -> None:
        """Count work that is done."""
        self._fade()
        self._seconds[who] = self.of(who) + seconds

    def of(self, who: str) -> float:
        """Seconds, with those of `HALF_LIFE` ago counted half."""
        return self._seconds.get(who, 0.0)

    def is_much(self, who: str) -> bool:
        """Whether it is far more than somebody else's."""
        return self.of(who) > max(MUCH_SECONDS, MUCH_TIMES * min(self._seconds.values(), default=0.0))

    def _fade(self) -> None:
        passed = self._clock() - self._since
        if passed > HALF_LIFE / 10:
            self._since += passed
            kept = 0.5 ** (passed / HALF_LIFE)
            self._seconds = {who: used * kept for who, used in self._seconds.items() if used * kept > 0.001}


class FairPool:
    """Runs work in a few threads. A thread that comes free takes up the visitor who has the fewest at work.

    Of several, it takes the one whose work took least time lately. Those who use far more than others get all but two
    threads together, so that whoever asks for little finds one, and a processor for it.

    Args:
        name: What its threads are called.
        threads: How many there are; one visitor gets all but one at the most.
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
        """`asyncio.to_thread`, within the share of the visitor whose event is handled."""
        return await asyncio.wrap_future(self._submit(partial(work, *args, **kwargs), object()))

    async def run_once(self, identity: Hashable, work: Callable[[], T]) -> T:
        """`run`, but work of the same identity that is waiting or under way is done once for all who ask."""
        return await asyncio.wrap_future(self._submit(work, identity))

    def _submit(self, work: Callable[[], Any], identity: Hashable) -> Future[Any]:
        who, future = current_visitor.get().share_key, Future[Any]()
        with self._lock:
            job = self._jobs.get(identity)
            if job is None or job.abandoned:
                job = self._jobs[identity] = _Job(partial(copy_context().run, work), identity)
            job.waiting.append(future)
            if not job.begun:  # in the share of each who asks: whoever's turn comes first brings it to all
                self._queues.setdefault(who, deque()).append(job)
            self._start()
        return future

    def _start(self) -> None:
        """Begin what there are threads for; with the lock held."""
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
        """Whose turn it is, with the lock held; None if nobody's."""
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
"""For opening pictures: before a call of the model, in its way."""
draw_pool = FairPool("draw")
"""For drawing answers and making files of them."""
store_pool = FairPool("store")
"""For writing uploads."""
