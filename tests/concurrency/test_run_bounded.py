"""Many jobs at once: bounded, in order, none lost, all ended when the caller leaves."""

import asyncio

import pytest

from florence_ui.concurrency.run_bounded import UNEXPECTED, run_bounded
from florence_ui.errors import BackendBusyError

pytestmark = pytest.mark.anyio


class Jobs:
    """Jobs that count how many of them run at the same time."""

    def __init__(self, count: int, fail: dict[int, Exception] | None = None, seconds: float = 0.005) -> None:
        self.fail = fail or {}
        self.seconds = seconds
        self.running = self.peak = 0
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.all_started = asyncio.Event()
        self.jobs = [self._job(i) for i in range(count)]

    def _job(self, index: int):
        async def run() -> int:
            self.started.append(index)
            self.running += 1
            self.peak = max(self.peak, self.running)
            if len(self.started) == len(self.jobs):
                self.all_started.set()
            try:
                await asyncio.sleep(self.seconds)
                if index in self.fail:
                    raise self.fail[index]
                return index * index
            except asyncio.CancelledError:
                self.cancelled.append(index)
                raise
            finally:
                self.running -= 1

        return run


async def consume(jobs, max_concurrency: int = 4) -> None:
    async for _ in run_bounded(jobs, max_concurrency):
        pass


@pytest.mark.parametrize("max_concurrency", [0, 1, 3, 50], ids=lambda n: f"at-once-{n}")
async def test_all_outcomes_come_and_no_more_run_at_once_than_allowed(max_concurrency):
    jobs = Jobs(10)
    outcomes = [outcome async for outcome in run_bounded(jobs.jobs, max_concurrency)]
    assert dict(outcomes) == {i: i * i for i in range(10)}
    assert jobs.started == list(range(10))
    assert jobs.peak == min(max(max_concurrency, 1), 10)


async def test_no_jobs_no_outcomes():
    assert [o async for o in run_bounded([], 3)] == []


async def test_a_failure_is_an_outcome_and_the_rest_goes_on(caplog):
    busy = BackendBusyError("Too much to do.")
    jobs = Jobs(4, fail={1: busy, 2: ValueError("a secret path")})
    outcomes = {index: outcome async for index, outcome in run_bounded(jobs.jobs, 2)}
    assert outcomes[1] is busy
    assert outcomes[2] is UNEXPECTED
    assert [outcomes[i] for i in (0, 3)] == [0, 9]
    assert ("A job failed unexpectedly" in caplog.text, "a secret path" in caplog.text) == (True, True)


async def test_leaving_the_loop_cancels_what_runs_and_starts_nothing_more():
    jobs = Jobs(20)
    stream = run_bounded(jobs.jobs, 4)
    async for _ in stream:
        break
    await stream.aclose()
    assert jobs.running == 0
    assert len(jobs.started) <= 8
    started = list(jobs.started)
    await asyncio.sleep(0.03)
    assert jobs.started == started


async def test_cancelling_the_caller_cancels_what_runs():
    jobs = Jobs(3, seconds=60)
    task = asyncio.create_task(consume(jobs.jobs))
    await jobs.all_started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert jobs.running == 0
    assert sorted(jobs.cancelled) == [0, 1, 2]


async def test_a_job_cancelled_from_outside_ends_all_instead_of_hanging():
    async def cancel_itself():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    jobs = Jobs(2, seconds=60)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(consume([cancel_itself, *jobs.jobs], max_concurrency=2), 10)
    assert jobs.running == 0


async def test_a_free_place_is_filled_while_the_caller_is_busy():
    jobs = Jobs(4)
    stream = run_bounded(jobs.jobs, 1)
    await anext(stream)
    await asyncio.wait_for(jobs.all_started.wait(), 10)
    await stream.aclose()
