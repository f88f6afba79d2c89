"""Threads for work that keeps a processor busy, shared fairly between the visitors who ask for it.

Such work never runs in asyncio's own threads: whoever filled those would stop everybody else's answers.
"""

import asyncio
import os
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from florence_ui.identity import current_visitor

P = ParamSpec("P")
T = TypeVar("T")

THREADS = min(8, max(2, os.cpu_count() or 2)) + 1
"""One more than processors: one visitor may use all but one of them."""


@dataclass(eq=False)
class _Job:
    """Work to do, and everybody who waits for what comes of it."""

    work: Callable[[], Any]
    identity: Hashable
    waiting: list[Future] = field(default_factory=list)
    begun: bool = False

    @property
    def abandoned(self) -> bool:
        return all(future.cancelled() for future in self.waiting)


class FairPool:
    """Runs work in a few threads. A thread that comes free takes up the visitor who has the fewest at work.

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
        self._jobs: dict[Hashable, _Job] = {}

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`asyncio.to_thread`, within the share of the visitor whose event is handled."""
        return await asyncio.wrap_future(self._submit(partial(work, *args, **kwargs), object()))

    async def run_once(self, identity: Hashable, work: Callable[[], T]) -> T:
        """`run`, but work of the same identity that is waiting or under way is done once for all who ask."""
        return await asyncio.wrap_future(self._submit(work, identity))

    def _submit(self, work: Callable[[], Any], identity: Hashable) -> Future:
        who, future = current_visitor.get().share_key, Future()
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
        """Whose turn it is: of those with the fewest at work, whoever has waited longest."""
        who = min(self._queues, key=self._running.__getitem__, default=None)
        most = max(1, self.threads - 1)
        return who if who is not None and self._running[who] < most else None

    def _work(self, who: str, job: _Job) -> None:
        value, error = None, None
        try:
            value = job.work()
        except BaseException as failure:
            error = failure
        with self._lock:
            self._forget(job)
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
