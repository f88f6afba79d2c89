"""Many calls, a few at a time: results arrive as they complete, and a failure does not affect the others."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TypeVar

from florence_ui.errors import FlorenceUIError

T = TypeVar("T")
Job = Callable[[], Awaitable[T]]

logger = logging.getLogger(__name__)

UNEXPECTED = FlorenceUIError("Something went wrong with this one.", "Try it again.")
"""The message for an unexpected error; the log has the details."""


async def run_bounded(jobs: Sequence[Job[T]], max_concurrency: int) -> AsyncGenerator[tuple[int, T | FlorenceUIError]]:
    """Run jobs in order, at most `max_concurrency` at a time, and yield each one's index with its value or error.

    A free slot is filled at once, even while the caller is busy. When the caller leaves the loop or is cancelled,
    the running jobs are cancelled and the rest never start; the same happens when a job is cancelled from outside.
    """
    waiting = iter(list(enumerate(jobs)))
    results: asyncio.Queue[tuple[int, T | FlorenceUIError] | None] = asyncio.Queue()

    async def work() -> None:
        try:
            for index, job in waiting:
                results.put_nowait((index, await _attempt(job)))
        except asyncio.CancelledError:
            results.put_nowait(None)
            raise

    workers = [asyncio.create_task(work()) for _ in range(min(max(1, max_concurrency), len(jobs)))]
    try:
        for _ in range(len(jobs)):
            result = await results.get()
            if result is None:
                raise asyncio.CancelledError
            yield result
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _attempt(job: Job[T]) -> T | FlorenceUIError:
    try:
        return await job()
    except FlorenceUIError as error:
        return error
    except Exception:
        logger.exception("A job failed unexpectedly")
        return UNEXPECTED
