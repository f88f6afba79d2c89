"""Many calls, a few at a time: each outcome as it comes, and a failure does not affect the others."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from florence_ui.errors import FlorenceUIError

T = TypeVar("T")
Job = Callable[[], Awaitable[T]]

logger = logging.getLogger(__name__)

UNEXPECTED = FlorenceUIError("Something went wrong with this one.", "Try it again.")
"""What a person reads of an unexpected error; the log has the rest."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How one job ended: with a value, or with an error.

    Attributes:
        index: Its place among the jobs.
        value: What it returned; None after an error.
        error: Why it failed; None after a success.
        seconds: How long it took.
    """

    index: int
    value: T | None
    error: FlorenceUIError | None
    seconds: float


async def run_bounded(jobs: Sequence[Job[T]], max_concurrency: int) -> AsyncIterator[Outcome[T]]:
    """Run jobs, at most `max_concurrency` at a time and in their order, and yield each outcome as it comes.

    A free place is filled at once, whatever the caller does meanwhile. When the caller leaves the loop or is
    cancelled, the jobs still running are cancelled and the rest never start; when somebody cancels a job from
    outside, all end alike.
    """
    waiting = iter(list(enumerate(jobs)))
    outcomes: asyncio.Queue[Outcome[T] | None] = asyncio.Queue()

    async def work() -> None:
        try:
            for index, job in waiting:
                outcomes.put_nowait(await _attempt(index, job))
        except asyncio.CancelledError:
            outcomes.put_nowait(None)
            raise

    workers = [asyncio.create_task(work()) for _ in range(min(max(1, max_concurrency), len(jobs)))]
    try:
        for _ in range(len(jobs)):
            outcome = await outcomes.get()
            if outcome is None:
                raise asyncio.CancelledError
            yield outcome
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _attempt(index: int, job: Job[T]) -> Outcome[T]:
    start = time.perf_counter()
    try:
        value, error = await job(), None
    except FlorenceUIError as failure:
        value, error = None, failure
    except Exception:
        logger.exception("A job failed unexpectedly")
        value, error = None, UNEXPECTED
    return Outcome(index, value, error, time.perf_counter() - start)
