"""Many jobs at once: bounded, in order, none lost, all ended when the caller leaves."""

import asyncio

import pytest

from florence_ui.errors import BackendBusyError
from florence_ui.gathering import UNEXPECTED, as_finished

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Jobs:
    """Jobs that count how many of them run at the same time."""

    def __init__(self, count: int, fail: dict[int, Exception] | None = None) -> None:
        self.fail = fail or {}
        self.running = self.peak = 0
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.jobs = [self._job(i) for i in range(count)]

    def _job(self, index: int):
        async def run() -> int:
            self.started.append(index)
            self.running += 1
            self.peak = max(self.peak, self.running)
            try:
                await asyncio.sleep(0.005)
                if index in self.fail:
                    raise self.fail[index]
                return index * index
            except asyncio.CancelledError:
                self.cancelled.append(index)
                raise
            finally:
                self.running -= 1

        return run


@pytest.mark.parametrize("at_once", [0, 1, 3, 50], ids=lambda n: f"at-once-{n}")
async def test_all_outcomes_come_and_no_more_run_at_once_than_allowed(at_once):
    jobs = Jobs(10)
    outcomes = [outcome async for outcome in as_finished(jobs.jobs, at_once)]
    assert {o.index: o.value for o in outcomes} == {i: i * i for i in range(10)}
    assert jobs.started == list(range(10))
    assert jobs.peak == min(max(at_once, 1), 10)


async def test_no_jobs_no_outcomes():
    assert [o async for o in as_finished([], 3)] == []


async def test_a_failure_is_an_outcome_and_the_rest_goes_on():
    busy = BackendBusyError("Too much to do.")
    jobs = Jobs(4, fail={1: busy, 2: ValueError("a secret path")})
    outcomes = {o.index: o async for o in as_finished(jobs.jobs, 2)}
    assert outcomes[1].error is busy
    assert outcomes[2].error is UNEXPECTED
    assert [outcomes[i].value for i in (0, 3)] == [0, 9]


async def test_leaving_the_loop_cancels_what_runs_and_starts_nothing_more():
    jobs = Jobs(20)
    stream = as_finished(jobs.jobs, 4)
    async for _ in stream:
        break
    await stream.aclose()
    assert jobs.running == 0
    assert len(jobs.started) <= 8
    started = list(jobs.started)
    await asyncio.sleep(0.03)
    assert jobs.started == started


async def test_cancelling_the_caller_cancels_what_runs():
    jobs = Jobs(3)

    async def consume():
        async for _ in as_finished([*jobs.jobs, lambda: asyncio.Event().wait()], 4):
            pass

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.002)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert jobs.running == 0
    assert sorted(jobs.cancelled) == [0, 1, 2]


async def test_a_free_place_is_filled_while_the_caller_is_busy():
    jobs = Jobs(4)
    stream = as_finished(jobs.jobs, 1)
    await anext(stream)
    await asyncio.sleep(0.05)
    assert jobs.started == [0, 1, 2, 3]
    await stream.aclose()
