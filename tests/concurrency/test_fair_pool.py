"""Fair sharing of threads: light users wait little, and equal work is done once."""

import asyncio
import threading
import time

import pytest

from florence_ui.concurrency import fair_pool
from florence_ui.concurrency.fair_pool import HALF_LIFE, MUCH_SECONDS, MUCH_TIMES, FairPool, RecentUse
from florence_ui.visitor_identity import Visitor, current_visitor

pytestmark = pytest.mark.anyio

HOG, OTHER = Visitor("", "192.0.2.1"), Visitor("", "192.0.2.2")


def ask(pool: FairPool, visitor: Visitor, work, *args) -> asyncio.Task:
    """Work in a visitor's name, under way."""

    async def run():
        current_visitor.set(visitor)
        return await pool.run(work, *args)

    return asyncio.create_task(run())


async def test_who_asks_for_much_does_not_stop_who_asks_for_little():
    pool = FairPool("test", threads=2)
    hog = [ask(pool, HOG, time.sleep, 0.05) for _ in range(100)]
    await asyncio.sleep(0.1)
    begun = time.perf_counter()
    await ask(pool, OTHER, time.sleep, 0.05)
    assert time.perf_counter() - begun < 1, "in one line with the others it would take 2.4 s"
    for task in hog:
        task.cancel()


def blocking(go: threading.Event, running: list):
    """Work that notes that it runs, and ends when it is told to."""

    def work() -> None:
        running.append(1)
        go.wait(10)

    return work


@pytest.mark.parametrize(("threads", "at_once"), [(2, 1), (3, 2), (4, 3)], ids=lambda n: str(n))
async def test_one_visitor_leaves_a_thread_free(threads, at_once):
    pool, go, running = FairPool("test", threads), threading.Event(), []
    hog = [ask(pool, HOG, blocking(go, running)) for _ in range(6)]
    await asyncio.sleep(0.1)
    assert len(running) == at_once
    assert await asyncio.wait_for(ask(pool, OTHER, lambda: "at once"), 5) == "at once"
    go.set()
    await asyncio.gather(*hog)


async def test_one_visitor_leaves_a_thread_free_over_any_number_of_jobs():
    pool, lock, running, most = FairPool("test", threads=4), threading.Lock(), [], []

    def work(number: int) -> None:
        with lock:
            running.append(number)
            most.append(len(running))
        time.sleep(0.001 * (number % 3))
        with lock:
            running.remove(number)

    await asyncio.gather(*(ask(pool, HOG, work, number) for number in range(60)))
    assert max(most) == 3


async def test_many_visitors_have_all_threads():
    pool = FairPool("test", threads=40)
    together = threading.Barrier(40)
    await asyncio.gather(*(ask(pool, Visitor("", f"192.0.2.{n}"), together.wait, 10) for n in range(40)))


@pytest.mark.parametrize(("threads", "at_once"), [(3, 1), (4, 2), (6, 4)], ids=lambda n: str(n))
async def test_those_who_use_much_together_leave_a_thread_and_a_processor_free(threads, at_once):
    pool, go, running = FairPool("test", threads), threading.Event(), []
    hogs = [Visitor("", f"192.0.2.{number}") for number in range(10, 16)]
    for who, seconds in ((OTHER, MUCH_SECONDS / 20), *((hog, 3 * MUCH_SECONDS) for hog in hogs)):
        pool._used.add(who.share_key, seconds)
    waiting = [ask(pool, hog, blocking(go, running)) for hog in hogs for _ in range(3)]
    await asyncio.sleep(0.1)
    assert len(running) == at_once
    assert await asyncio.wait_for(ask(pool, OTHER, lambda: "at once"), 5) == "at once"
    go.set()
    await asyncio.gather(*waiting)


async def test_a_visitor_alone_may_use_much(monkeypatch):
    monkeypatch.setattr(fair_pool, "MUCH_SECONDS", 0.05)
    pool, go, running = FairPool("test", threads=3), threading.Event(), []
    await ask(pool, HOG, time.sleep, 0.1)
    waiting = [ask(pool, HOG, blocking(go, running)) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert len(running) == 2
    go.set()
    await asyncio.gather(*waiting)


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_use_adds_up_and_counts_half_after_the_half_life():
    clock = Clock()
    use = RecentUse(clock)
    use.add("a", 6)
    use.add("a", 2)
    use.add("b", 2)
    assert (use.of("a"), use.of("b"), use.of("c")) == (8, 2, 0)
    clock.now += HALF_LIFE
    assert (use.of("a"), use.of("b"), use.of("c")) == (4, 1, 0)
    use.add("a", 1)
    clock.now += 2 * HALF_LIFE
    assert (use.of("a"), use.of("b")) == (1.25, 0.25)


@pytest.mark.parametrize(
    ("others", "limit"),
    [pytest.param(0.05, MUCH_SECONDS, id="in-seconds"), pytest.param(0.5, MUCH_TIMES * 0.5, id="in-multiples")],
)
def test_much_is_more_than_some_seconds_and_than_some_times_what_another_used(others, limit):
    for used, is_much in ((limit, False), (limit + 0.01, True)):
        use = RecentUse(Clock())
        use.add("light", others)
        use.add("heavy", used)
        assert (use.is_much("heavy"), use.is_much("light")) == (is_much, False)


def test_much_use_is_forgiven_without_any_more_work():
    clock = Clock()
    use = RecentUse(clock)
    use.add("light", 0.1)
    use.add("heavy", 2.5 * MUCH_SECONDS)
    assert use.is_much("heavy")
    clock.now += 2 * HALF_LIFE
    assert not use.is_much("heavy")


def test_who_is_long_gone_makes_nobody_look_heavy():
    clock = Clock()
    use = RecentUse(clock)
    use.add("gone", 0.05)
    clock.now += 6 * HALF_LIFE
    use.add("alone", 30)
    assert not use.is_much("alone")


async def test_of_two_without_running_jobs_the_one_who_used_less_is_next():
    pool, order = FairPool("test", threads=1), []
    await ask(pool, HOG, time.sleep, 0.03)
    first = ask(pool, Visitor("", "192.0.2.3"), time.sleep, 0.05)
    await asyncio.sleep(0)
    await asyncio.gather(first, ask(pool, HOG, order.append, "hog"), ask(pool, OTHER, order.append, "other"))
    assert order == ["other", "hog"]


async def test_work_gets_its_arguments_and_the_callers_context():
    pool = FairPool("test", threads=1)
    assert await pool.run(sorted, [1, 3, 2], reverse=True) == [3, 2, 1]
    assert await ask(pool, HOG, current_visitor.get) == HOG
    assert await ask(pool, OTHER, current_visitor.get) == OTHER


async def test_turns_go_round():
    pool, order = FairPool("test", threads=1), []
    first = ask(pool, HOG, time.sleep, 0.05)
    await asyncio.sleep(0)
    tasks = [ask(pool, who, order.append, name) for who, name in
             ((HOG, "a1"), (HOG, "a2"), (HOG, "a3"), (OTHER, "b1"), (OTHER, "b2"))]  # fmt: skip
    await asyncio.gather(first, *tasks)
    assert order.index("b1") < order.index("a2")
    assert order.index("b2") < order.index("a3")


async def test_errors_come_back_and_cancelled_work_is_not_begun():
    pool, done = FairPool("test", threads=1), []
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 / 0)
    first = ask(pool, HOG, time.sleep, 0.1)
    await asyncio.sleep(0)
    second, third = (ask(pool, HOG, done.append, name) for name in ("cancelled", "behind it"))
    await asyncio.sleep(0)
    second.cancel()
    await first
    await asyncio.wait_for(third, 5)
    assert await pool.run(lambda: "goes on") == "goes on"
    assert done == ["behind it"]


async def test_equal_work_is_done_once_and_in_the_share_of_whoever_comes_first():
    pool, count = FairPool("test", threads=1), []

    def work():
        count.append(1)
        time.sleep(0.05)
        return "done"

    async def once(visitor):
        current_visitor.set(visitor)
        return await pool.run_once("equal", work)

    hog = [ask(pool, HOG, time.sleep, 0.02) for _ in range(50)]
    await asyncio.sleep(0)
    begun = time.perf_counter()
    assert await asyncio.gather(*(once(who) for who in (HOG, HOG, OTHER))) == ["done"] * 3
    assert time.perf_counter() - begun < 0.8, "not behind all that the first one asked for before"
    assert len(count) == 1
    for task in hog:
        task.cancel()


async def once(pool: FairPool, visitor: Visitor, identity: str, work):
    """Work with an identity, in a visitor's name."""
    current_visitor.set(visitor)
    return await pool.run_once(identity, work)


async def test_equal_work_is_done_again_when_it_is_over_even_after_a_failure():
    pool, go, answers = FairPool("test", threads=1), threading.Event(), iter([ValueError("not now"), "second", "third"])

    def work():
        go.wait(10)
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    both = [asyncio.create_task(once(pool, who, "a", work)) for who in (HOG, OTHER)]
    await asyncio.sleep(0)  # both ask before the work ends
    go.set()
    assert [str(outcome) for outcome in await asyncio.gather(*both, return_exceptions=True)] == ["not now"] * 2
    assert [await asyncio.wait_for(once(pool, HOG, "a", work), 5) for _ in range(2)] == ["second", "third"]


async def test_different_work_is_not_shared():
    pool = FairPool("test", threads=1)
    work = {name: (lambda name=name: name) for name in "abc"}
    assert await asyncio.gather(*(once(pool, HOG, name, work[name]) for name in work)) == list(work)


async def test_one_who_gives_up_leaves_shared_work_to_the_others():
    pool, go, running = FairPool("test", threads=1), threading.Event(), []
    first, second = (asyncio.create_task(once(pool, who, "a", blocking(go, running))) for who in (HOG, OTHER))
    await asyncio.sleep(0.05)
    first.cancel()
    go.set()
    await asyncio.wait_for(second, 5)
    assert len(running) == 1


async def test_shared_work_served_in_one_share_is_not_repeated_in_another_and_holds_nothing_up():
    pool, (held, shared), running = FairPool("test", threads=2), (threading.Event(), threading.Event()), []
    first = ask(pool, HOG, held.wait, 10)
    second = ask(pool, OTHER, time.sleep, 0.05)
    await asyncio.sleep(0)
    joined = [asyncio.create_task(once(pool, who, "a", blocking(shared, running))) for who in (HOG, OTHER)]
    await second  # the shared work begins as the other's
    behind = ask(pool, HOG, lambda: "free")
    await asyncio.sleep(0)
    held.set()
    assert await asyncio.wait_for(behind, 5) == "free"
    assert not joined[0].done()
    shared.set()
    await asyncio.gather(first, *joined)
    await ask(pool, HOG, int)
    assert len(running) == 1


async def test_work_that_replaces_abandoned_work_is_shared_like_any():
    pool, go, running = FairPool("test", threads=1), threading.Event(), []
    first = ask(pool, HOG, time.sleep, 0.05)
    await asyncio.sleep(0)
    abandoned = asyncio.create_task(once(pool, HOG, "a", blocking(go, running)))
    await asyncio.sleep(0)
    abandoned.cancel()
    await asyncio.sleep(0)
    second = asyncio.create_task(once(pool, HOG, "a", blocking(go, running)))
    await first
    await asyncio.sleep(0.05)
    third = asyncio.create_task(once(pool, OTHER, "a", blocking(go, running)))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(second, third)
    assert len(running) == 1
