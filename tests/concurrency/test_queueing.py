"""The gate's order and limits, and calls that are made once for several callers and end with the last of them."""

import asyncio
import gc
import random

import pytest
from sentences import reads_as_sentences

from florence_ui.concurrency.queueing import ConcurrencyGate, OnStatus, SingleFlight
from florence_ui.errors import BackendBusyError, BusyError
from florence_ui.visitor_identity import Visitor, current_visitor

pytestmark = pytest.mark.anyio


def silent(_: str) -> None:
    """Say nothing."""


async def settle() -> None:
    """Let every task that can continue do so."""
    for _ in range(20):
        await asyncio.sleep(0)


class Visit:
    """A task that holds a slot of a gate until it is told to go."""

    def __init__(self, gate: ConcurrencyGate) -> None:
        self.said: list[str] = []
        self.inside = False
        self.go = asyncio.Event()
        self.task = asyncio.create_task(self._stay(gate))

    async def _stay(self, gate: ConcurrencyGate) -> None:
        async with gate.slot(self.said.append):
            self.inside = True
            await self.go.wait()
        self.inside = False


async def test_a_gate_admits_a_few_and_the_rest_in_order() -> None:
    gate = ConcurrencyGate(2, 10, 30)
    visits = [Visit(gate) for _ in range(5)]
    await settle()
    assert [visit.inside for visit in visits] == [True, True, False, False, False]
    assert visits[4].said == ["Waiting in line: 2 ahead of you."]
    visits[1].go.set()
    await settle()
    assert [visit.inside for visit in visits] == [True, False, True, False, False]
    assert visits[4].said[-1] == "Waiting in line: 1 ahead of you."
    assert visits[3].said[-1] == "Waiting in line: you are next."
    for visit in visits:
        visit.go.set()
    await asyncio.gather(*(visit.task for visit in visits))
    assert (gate.active, gate.waiting) == (0, 0)


async def test_who_gives_up_leaves_no_gap() -> None:
    gate = ConcurrencyGate(1, 10, 30)
    visits = [Visit(gate) for _ in range(4)]
    await settle()
    for gone in (visits[1], visits[0]):
        gone.task.cancel()
        await settle()
    assert [visit.inside for visit in visits[2:]] == [True, False]
    assert gate.waiting == 1
    for visit in visits[2:]:
        visit.go.set()
        await visit.task
    assert gate.active == 0


@pytest.mark.parametrize(
    ("steps", "inside"),
    [pytest.param(1, False, id="before-it-hears-of-its-slot"), pytest.param(2, True, id="just-after-it-got-in")],
)
async def test_a_slot_given_at_the_moment_of_giving_up_is_handed_on(steps: int, inside: bool) -> None:
    gate = ConcurrencyGate(1, 10, 30)
    visits = [Visit(gate) for _ in range(3)]
    await settle()
    visits[0].go.set()
    for _ in range(steps):  # in the first, the first visit leaves and hands its slot to the second
        await asyncio.sleep(0)
    assert (visits[1].inside, gate.waiting) == (inside, 1)
    visits[1].task.cancel()
    await settle()
    assert visits[2].inside
    visits[2].go.set()
    await visits[2].task
    assert (gate.active, gate.waiting) == (0, 0)


async def test_a_full_queue_is_refused_politely() -> None:
    gate = ConcurrencyGate(1, 1, 30)
    visits = [Visit(gate), Visit(gate)]
    await settle()
    with pytest.raises(BusyError, match="busy: 1 runs are waiting") as caught:
        async with gate.slot(silent):
            pass
    assert caught.value.hint == "Try again in a minute."
    for visit in visits:
        visit.go.set()
        await visit.task


async def test_nobody_waits_for_ever() -> None:
    gate = ConcurrencyGate(1, 10, 0.05)
    first = Visit(gate)
    await settle()
    with pytest.raises(BackendBusyError, match="stayed busy") as caught:
        async with gate.slot(silent):
            pass
    assert caught.value.hint == "Try again in a minute."
    assert reads_as_sentences(caught.value)
    assert gate.waiting == 0
    first.go.set()
    await first.task
    assert gate.active == 0


class Work:
    """A call that ends when it is told to, and counts."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self, say: OnStatus) -> str:
        self.begun += 1
        say("working")
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "done"


async def test_equal_calls_are_made_once() -> None:
    calls, work, said = SingleFlight(), Work(), []
    waiters = [asyncio.create_task(calls.run("key", work, said.append)) for _ in range(2)]
    other = asyncio.create_task(calls.run("other", work, silent))
    await settle()
    waiters.append(asyncio.create_task(calls.run("key", work, said.append)))
    await settle()
    assert work.begun == 2
    assert said == ["working"] * 3, "who joins later hears the state too"
    work.go.set()
    assert await asyncio.gather(*waiters, other) == ["done"] * 4
    assert len(calls) == 0


async def test_one_that_stops_never_stops_the_others_and_the_last_ends_the_call() -> None:
    calls, work = SingleFlight(), Work()
    waiters = [asyncio.create_task(calls.run("key", work, silent)) for _ in range(3)]
    await settle()
    waiters[0].cancel()
    waiters[1].cancel()
    await settle()
    assert work.cancelled == 0
    waiters[2].cancel()
    await settle()
    assert work.cancelled == 1
    assert len(calls) == 0
    assert all(waiter.cancelled() for waiter in waiters)


async def test_a_call_after_an_abandoned_one_is_a_new_one() -> None:
    calls, work = SingleFlight(), Work()
    first = asyncio.create_task(calls.run("key", work, silent))
    await settle()
    first.cancel()
    second = asyncio.create_task(calls.run("key", work, silent))
    await settle()
    work.go.set()
    assert await second == "done"
    assert (work.begun, work.cancelled) == (2, 1)


async def test_a_page_that_fails_to_show_the_state_ends_nobodys_call() -> None:
    def broken(_: str) -> None:
        raise RuntimeError

    calls, work = SingleFlight(), Work()
    waiters = [asyncio.create_task(calls.run("key", work, say)) for say in (broken, silent)]
    await settle()
    waiters.append(asyncio.create_task(calls.run("key", work, broken)))
    await settle()
    work.go.set()
    assert await asyncio.gather(*waiters) == ["done"] * 3
    assert work.begun == 1


async def test_a_failure_reaches_everybody_and_is_not_kept() -> None:
    async def fail(_: OnStatus) -> None:
        await asyncio.sleep(0)
        raise BackendBusyError("no")

    calls = SingleFlight()
    outcomes = await asyncio.gather(*(calls.run("key", fail, silent) for _ in range(2)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [BackendBusyError] * 2
    assert len(calls) == 0


@pytest.mark.parametrize("steps", range(1, 6))
async def test_a_caller_who_comes_after_a_calls_end_never_gets_its_outcome(steps: int) -> None:
    calls, go, ended = SingleFlight(), asyncio.Event(), []

    async def work(_: OnStatus) -> int:
        await go.wait()
        ended.append(1)
        return len(ended)

    first = asyncio.create_task(calls.run("key", work, silent))
    await settle()
    go.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    is_over = bool(ended)
    assert await calls.run("key", work, silent) == 1 + is_over
    assert await first == 1
    assert len(calls) == 0


@pytest.mark.parametrize("fails", [False, True], ids=["that-ends", "that-fails-as-it-ends"])
async def test_a_call_that_everybody_left_is_no_error_in_the_log(fails: bool) -> None:
    async def work(_: OnStatus) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            if fails:
                raise RuntimeError("while cleaning up")

    complaints: list[dict] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    waiter = asyncio.create_task(SingleFlight().run("key", work, silent))
    await settle()
    waiter.cancel()
    await settle()
    del waiter  # with it goes the call, which would complain now
    gc.collect()
    assert complaints == []
    asyncio.get_running_loop().set_exception_handler(None)


HOG, OTHER = Visitor("", "192.0.2.1"), Visitor("", "192.0.2.2")


async def visit_of(gate: ConcurrencyGate, visitor: Visitor) -> Visit:
    """A visit in a visitor's name."""
    token = current_visitor.set(visitor)
    visit = Visit(gate)
    current_visitor.reset(token)
    await settle()
    return visit


async def test_a_place_goes_to_who_has_the_fewest() -> None:
    gate = ConcurrencyGate(2, 10, 30)
    hog = [await visit_of(gate, HOG) for _ in range(5)]
    other = await visit_of(gate, OTHER)
    assert other.said == ["Waiting in line: you are next."]
    hog[0].go.set()
    await settle()
    assert other.inside
    assert not hog[2].inside
    for visit in (*hog, other):
        visit.go.set()
    await asyncio.gather(*(visit.task for visit in (*hog, other)))
    assert (gate.active, gate.waiting) == (0, 0)


async def test_a_full_line_turns_away_the_last_of_who_has_the_most() -> None:
    gate = ConcurrencyGate(1, 3, 30)
    hog = [await visit_of(gate, HOG) for _ in range(4)]
    other = await visit_of(gate, OTHER)
    with pytest.raises(BusyError, match="busy: 3 runs are waiting"):
        await hog[3].task
    with pytest.raises(BusyError):
        await (await visit_of(gate, HOG)).task
    assert gate.waiting == 3
    hog[0].go.set()
    await settle()
    assert other.inside
    for visit in (*hog, other):
        visit.go.set()
    await asyncio.gather(*(visit.task for visit in (*hog[:3], other)))
    assert (gate.active, gate.waiting) == (0, 0)


@pytest.mark.parametrize("roles", [(HOG, OTHER), (OTHER, HOG)], ids=["hog-first", "hog-last"])
@pytest.mark.parametrize(
    ("heavy_waits", "light_waits", "is_admitted"),
    [(1, 0, False), (2, 0, True), (2, 1, False), (3, 1, True)],
    ids=lambda n: str(n),
)
async def test_room_is_made_only_where_the_heavier_keeps_as_much(roles, heavy_waits, light_waits, is_admitted) -> None:
    """In a full line, a visitor loses a run only to one who then has no more waiting."""
    heavy, light = roles
    gate = ConcurrencyGate(1, heavy_waits + light_waits, 30)
    visits = [await visit_of(gate, Visitor("", "192.0.2.3"))]
    visits += [await visit_of(gate, visitor) for visitor in [light] * light_waits + [heavy] * heavy_waits]
    last = await visit_of(gate, light)
    turned_away = visits[-1] if is_admitted else last
    with pytest.raises(BusyError, match=f"busy: {heavy_waits + light_waits} runs are waiting"):
        await turned_away.task
    rest = [visit for visit in (*visits, last) if visit is not turned_away]
    for visit in rest:
        visit.go.set()
    await asyncio.gather(*(visit.task for visit in rest))
    assert (gate.active, gate.waiting) == (0, 0)


async def test_runs_of_visitors_with_equally_many_wait_in_the_order_they_came() -> None:
    gate = ConcurrencyGate(1, 10, 30)
    visits = [await visit_of(gate, visitor) for visitor in (HOG, OTHER, OTHER, HOG)]
    assert [visit.said[-1] for visit in visits[1:]] == [
        "Waiting in line: you are next.",
        "Waiting in line: 1 ahead of you.",
        "Waiting in line: 2 ahead of you.",
    ]
    for visit in visits:
        visit.task.cancel()


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_slots_are_never_exceeded_and_never_lost(limit: int) -> None:
    """Three visitors come; each now and then leaves, or gives up while it waits."""
    gate, chance, present = ConcurrencyGate(limit, 1000, 30), random.Random(limit), []
    for step in range(200):
        if step < 100 and chance.random() < 0.6:
            present.append(await visit_of(gate, chance.choice([HOG, OTHER, Visitor("", "192.0.2.3")])))
        elif present:
            gone = present.pop(chance.randrange(len(present)))
            gone.task.cancel()
        await settle()
        inside = sum(visit.inside for visit in present)
        assert inside == gate.active == min(limit, len(present))
        assert gate.waiting == len(present) - inside
    assert present == []
