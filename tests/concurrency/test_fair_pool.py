"""Fair sharing of threads: light users wait little, and equal work is done once."""

import asyncio
import threading
import time

import pytest

from florence_ui.concurrency.fair_pool import FairPool
from florence_ui.images import load_once, loading
from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits
from florence_ui.inference.batch import Batch
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


async def test_one_visitor_leaves_a_thread_free():
    pool, go, running = FairPool("test", threads=3), threading.Event(), []

    def work():
        running.append(1)
        go.wait(10)

    hog = [ask(pool, HOG, work) for _ in range(5)]
    await asyncio.sleep(0.1)
    assert len(running) == 2
    assert await asyncio.wait_for(ask(pool, OTHER, lambda: "at once"), 5) == "at once"
    go.set()
    await asyncio.gather(*hog)


async def test_those_who_use_much_together_leave_a_thread_and_a_processor_free():
    pool, go, running = FairPool("test", threads=3), threading.Event(), []
    hogs = [Visitor("", f"192.0.2.{number}") for number in range(10, 13)]
    await ask(pool, OTHER, time.sleep, 0.01)  # little, but not so little that it is forgotten
    await asyncio.gather(*(ask(pool, hog, time.sleep, 1.5) for hog in hogs))

    def work():
        running.append(1)
        go.wait(10)

    waiting = [ask(pool, hog, work) for hog in hogs for _ in range(3)]
    await asyncio.sleep(0.1)
    assert len(running) == 1
    assert await asyncio.wait_for(ask(pool, OTHER, lambda: "at once"), 5) == "at once"
    go.set()
    await asyncio.gather(*waiting)


async def test_a_visitor_alone_may_use_much():
    pool, go, running = FairPool("test", threads=3), threading.Event(), []
    await ask(pool, HOG, time.sleep, 1.1)

    def work():
        running.append(1)
        go.wait(10)

    waiting = [ask(pool, HOG, work) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert len(running) == 2
    go.set()
    await asyncio.gather(*waiting)


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
    second = ask(pool, HOG, done.append, 1)
    await asyncio.sleep(0)
    second.cancel()
    await first
    assert await pool.run(lambda: "goes on") == "goes on"
    assert done == []


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


async def test_a_file_is_opened_once_however_often_a_batch_names_it(tmp_path, monkeypatch):
    from workbench import picture_in, template, workbench

    path, other = picture_in(tmp_path).path, tmp_path / "other.png"
    loading.Image.new("RGB", (30, 20)).save(other)
    opened = []
    monkeypatch.setattr(load_once, "open_picture", lambda *args: opened.append(args[0]) or loading.open_picture(*args))
    with workbench() as (_, pipeline):
        batch = Batch.of([path, other] * 50)
        async for _ in batch.run(pipeline.analyze, template()):
            pass
    assert len(batch.done) == 100
    assert sorted(opened) == sorted([path, other])


async def test_a_file_that_changed_is_opened_again(tmp_path):
    path = tmp_path / "a.png"
    loading.Image.new("RGB", (30, 20)).save(path)
    first = await open_file(path, ImageLimits())
    assert await open_file(path, ImageLimits()) is first
    loading.Image.new("RGB", (31, 20)).save(path)
    assert (await open_file(path, ImageLimits())).size == (31, 20)
