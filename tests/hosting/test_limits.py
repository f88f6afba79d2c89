"""Quotas, with a clock that the tests set."""

import asyncio
import time
from contextlib import ExitStack

import pytest
from sentences import reads_as_sentences

from florence_ui.errors import BusyError, InputError
from florence_ui.visitor_identity import Visitor, client_address, is_local
from florence_ui.visitors import quota as quota_module
from florence_ui.visitors.quota import Quota, QuotaLimiter


class Clock:
    """Tells the time that it is told."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


ANNA = Visitor("anna", "192.0.2.1")
SAME_ADDRESS = Visitor("other-tab", "192.0.2.1")
SAME_SESSION = Visitor("anna", "192.0.2.2")
BEN = Visitor("ben", "192.0.2.9")


def run(limits: QuotaLimiter, visitor: Visitor = ANNA, **kind: object) -> None:
    """A run that calls the model once."""
    with limits.admit(visitor, **kind) as charge:  # type: ignore[arg-type]
        charge()


@pytest.mark.parametrize("again", [ANNA, SAME_ADDRESS, SAME_SESSION], ids=["same", "new session", "new address"])
def test_too_many_runs_a_minute_are_refused_with_the_time_to_come_back(clock: Clock, again: Visitor) -> None:
    limits = QuotaLimiter(Quota(per_minute=3), clock=clock)
    for _ in range(3):
        run(limits)
        clock.now += 10
    with pytest.raises(BusyError, match="Try again in 30 seconds") as caught:
        run(limits, again)
    assert caught.value.seconds == 30
    assert reads_as_sentences(caught.value)
    run(limits, BEN)
    clock.now += 30
    run(limits, again)


def test_a_refused_run_costs_nothing(clock: Clock) -> None:
    limits = QuotaLimiter(Quota(per_minute=1), clock=clock)
    run(limits)
    for _ in range(50):
        clock.now += 1
        with pytest.raises(BusyError):
            run(limits)
    clock.now += 10
    run(limits)


@pytest.mark.parametrize("again", [ANNA, SAME_ADDRESS, SAME_SESSION], ids=["same", "new session", "new address"])
def test_too_many_runs_at_once_are_refused_until_one_ends(again: Visitor) -> None:
    limits = QuotaLimiter(Quota(max_concurrency=2))
    with limits.admit(ANNA):
        with limits.admit(ANNA):
            with pytest.raises(BusyError, match="2 runs going") as caught:
                run(limits, again)
            assert caught.value.hint.startswith("Wait for one to finish")
            assert caught.value.seconds == 1, "a program may try again soon"
            assert reads_as_sentences(caught.value)
            run(limits, BEN)
        run(limits, again)


def test_a_run_that_fails_gives_its_place_back() -> None:
    limits = QuotaLimiter(Quota(max_concurrency=1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limits.admit(ANNA):
            raise ZeroDivisionError
    run(limits)


def test_a_run_that_ends_gives_back_its_own_place_only() -> None:
    limits = QuotaLimiter(Quota(max_concurrency=1))
    with limits.admit(ANNA):
        run(limits, BEN)
        with pytest.raises(BusyError, match="1 run going"):
            run(limits, ANNA)


def test_an_own_key_has_limits_of_its_own(clock: Clock) -> None:
    limits = QuotaLimiter(Quota(per_minute=1), Quota(per_minute=2), daily=1, clock=clock, wall_clock=clock)
    run(limits, operator_key=True)
    run(limits, own_key=True)
    run(limits, own_key=True)
    with pytest.raises(BusyError, match="minute"):
        run(limits, own_key=True)
    with pytest.raises(BusyError, match="minute"):
        run(limits)


def test_the_operators_key_has_a_daily_cap_for_all_together(clock: Clock) -> None:
    clock.now = 86_400.0 * 20_000 + 3600 * 20
    limits = QuotaLimiter(Quota(), daily=2, clock=clock, wall_clock=clock)
    run(limits, ANNA, operator_key=True)
    run(limits, BEN, operator_key=True)
    with pytest.raises(BusyError, match="Come back in 4 hours") as caught:
        run(limits, Visitor("c", "192.0.2.3"), operator_key=True)
    assert caught.value.seconds == 4 * 3600
    assert reads_as_sentences(caught.value)
    run(limits, ANNA)
    clock.now += 4 * 3600
    run(limits, ANNA, operator_key=True)


def test_the_operators_key_is_for_the_operators_models_only() -> None:
    limits = QuotaLimiter(Quota(), models=("florence-2-base", "florence-2-large"))
    run(limits, model_id="florence-2-base", operator_key=True)
    with pytest.raises(InputError, match="florence-2-base or florence-2-large") as caught:
        run(limits, model_id="someone/7", operator_key=True)
    assert caught.value.field == "model_id"
    assert reads_as_sentences(caught.value)
    run(limits, model_id="someone/7", own_key=True)
    run(limits, model_id="someone/7")


def test_no_limits_means_none() -> None:
    limits = QuotaLimiter(Quota())
    with ExitStack() as stack:
        for _ in range(200):
            charge = stack.enter_context(limits.admit(ANNA, operator_key=True, model_id="any"))
            charge()


def test_what_visitors_did_is_forgotten(clock: Clock) -> None:
    limits = QuotaLimiter(Quota(per_minute=5, max_concurrency=2), clock=clock)
    for number in range(2000):
        run(limits, Visitor(f"s{number}", f"192.0.{number % 256}.{number // 256}"))
        clock.now += 1
    assert len(limits) <= 122
    clock.now += 61
    run(limits)
    assert len(limits) == 2


def test_leaving_ends_the_visitors_runs_and_nobody_elses() -> None:
    async def story() -> list[str]:
        limits, ended = QuotaLimiter(Quota()), []

        async def work(visitor: Visitor) -> None:
            try:
                with limits.admit(visitor):
                    await asyncio.sleep(30)
            except asyncio.CancelledError:
                ended.append(visitor.session)
                raise

        tasks = [asyncio.create_task(work(visitor)) for visitor in (ANNA, ANNA, BEN)]
        await asyncio.sleep(0)
        assert limits.cancel_session("anna") == 2
        assert limits.cancel_session("nobody") == 0
        await asyncio.wait(tasks, timeout=0.05)
        assert limits.cancel_session("anna") == 0
        seen = list(ended)
        tasks[2].cancel()
        return seen

    assert asyncio.run(story()) == ["anna", "anna"]


def test_leaving_ends_nothing_that_is_not_a_visitors_run_at_that_time() -> None:
    async def story() -> list[int]:
        limits = QuotaLimiter(Quota())
        with limits.admit(ANNA):
            pass
        ended = [limits.cancel_session("anna")]  # the task goes on, but its run is over
        with limits.admit(Visitor("", "192.0.2.1")):
            ended.append(limits.cancel_session(""))  # visitors without a session have nothing in common
        return ended

    assert asyncio.run(story()) == [0, 0]
    limits = QuotaLimiter(Quota())
    with limits.admit(ANNA):  # in a thread, where no task runs
        assert limits.cancel_session("anna") == 0


def test_links_are_counted_apart_from_runs(clock: Clock) -> None:
    limits = QuotaLimiter(Quota(per_minute=2, max_concurrency=1), clock=clock)
    with (
        limits.fetching(ANNA),
        pytest.raises(BusyError, match="already fetching 1 link for you"),
        limits.fetching(ANNA),
    ):
        pass
    with limits.fetching(ANNA):
        run(limits)
    with pytest.raises(BusyError, match="had 2 links fetched in the last minute"):
        limits.fetching(SAME_ADDRESS).__enter__()
    with limits.fetching(BEN):
        run(limits)


def test_links_take_nothing_from_the_operators_daily_cap(clock: Clock) -> None:
    limits = QuotaLimiter(Quota(), daily=1, clock=clock, wall_clock=clock)
    for _ in range(3):
        with limits.fetching(ANNA):
            pass
    run(limits, operator_key=True)


def test_leaving_ends_what_was_begun_before_the_run() -> None:
    async def story() -> bool:
        limits = QuotaLimiter(Quota())

        async def work() -> None:
            with limits.cancel_on_disconnect(ANNA):
                with limits.admit(ANNA):
                    pass
                await asyncio.sleep(30)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        assert limits.cancel_session("anna") == 1
        await asyncio.wait([task], timeout=5)
        return task.cancelled()

    assert asyncio.run(story())


def test_what_is_not_called_is_not_counted(clock: Clock) -> None:
    limits = QuotaLimiter(Quota(per_minute=1), daily=1, clock=clock, wall_clock=clock)
    for _ in range(20):
        with limits.admit(ANNA, operator_key=True):
            pass  # answered from memory, or refused for its fields
        with limits.admit(ANNA, operator_key=True) as charge:
            take_back = charge()
            take_back()  # the line was full
    run(limits, operator_key=True)
    with pytest.raises(BusyError, match="minute"):
        run(limits, operator_key=True)
    clock.now += 61
    with pytest.raises(BusyError, match="today"):
        run(limits, operator_key=True)


def test_a_call_is_taken_back_from_its_own_day_and_key_only(clock: Clock) -> None:
    clock.now = 86_400.0 * 20_000 - 30
    limits = QuotaLimiter(Quota(), daily=1, clock=clock, wall_clock=clock)
    with limits.admit(ANNA, operator_key=True) as charge:
        take_back = charge()
    clock.now += 60
    run(limits, operator_key=True)
    take_back()  # yesterday's
    with limits.admit(ANNA) as charge:
        charge()()  # did not spend the operator's key
    with pytest.raises(BusyError, match="today"):
        run(limits, operator_key=True)


def test_a_call_may_be_taken_back_after_it_was_forgotten(clock: Clock) -> None:
    limits = QuotaLimiter(Quota(per_minute=1), clock=clock)
    with limits.admit(ANNA) as charge:
        take_back = charge()
    clock.now += 61
    run(limits, BEN)
    take_back()
    run(limits)


@pytest.mark.parametrize("step", [-3600, -7 * 86_400, 86_400], ids=["an hour back", "a week back", "a day ahead"])
def test_a_clock_that_is_set_locks_nobody_out_and_gives_no_second_day(clock: Clock, step: int) -> None:
    wall, hour = Clock(), 3600
    wall.now = 86_400.0 * 20_000 + 20 * hour
    limits = QuotaLimiter(Quota(per_minute=1), daily=2, clock=clock, wall_clock=wall)
    run(limits, operator_key=True)
    clock.now += 30
    wall.now += 30 + step
    with pytest.raises(BusyError, match="Try again in 30 seconds"):
        run(limits, operator_key=True)
    clock.now += 30
    run(limits, operator_key=True)
    with pytest.raises(BusyError, match="Come back in 4 hours"):
        run(limits, BEN, operator_key=True)
    clock.now += 4 * hour
    run(limits, BEN, operator_key=True)


def test_limits_look_at_a_clock_that_nobody_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = QuotaLimiter(Quota(per_minute=1))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    run(limits)
    with pytest.raises(BusyError, match="Try again in 60 seconds"):
        run(limits)


def test_the_owner_of_the_machine_has_no_share_where_no_key_is_spent() -> None:
    limits, owner = QuotaLimiter(Quota(per_minute=1), Quota(per_minute=1)), Visitor("owner", "127.0.0.1", is_local=True)
    for _ in range(200):
        run(limits, owner)
        run(limits, owner, own_key=True)
    limits = QuotaLimiter(Quota(per_minute=1))
    run(limits, owner, operator_key=True)
    with pytest.raises(BusyError, match="minute"):
        run(limits, owner, operator_key=True)


def test_a_turn_waits_for_a_place_and_takes_it_at_once() -> None:
    async def story() -> tuple[list[str], float]:
        limits, said = QuotaLimiter(Quota(max_concurrency=1)), []

        async def hold() -> None:
            with limits.admit(SAME_ADDRESS):
                await asyncio.sleep(0.2)

        holding = asyncio.create_task(hold())
        await asyncio.sleep(0)
        begun = time.perf_counter()
        async with limits.admit_when_free(ANNA, said.append):
            took = time.perf_counter() - begun
        await holding
        return said, took

    said, took = asyncio.run(story())
    assert said == ["Waiting for one of your other runs to finish."]
    assert 0.1 < took < 2


@pytest.mark.parametrize(
    ("holder", "waits"),
    [pytest.param(SAME_ADDRESS, 1.0, id="woken"), pytest.param(SAME_SESSION, 0.05, id="looks again by itself")],
)
def test_who_waits_for_a_place_gets_it_and_leaves_nothing_behind(
    holder: Visitor, waits: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visitor's other address is not known to be theirs, so a place that becomes free there wakes nobody."""
    monkeypatch.setattr(quota_module, "RECHECK_SECONDS", waits)

    async def story() -> None:
        limits, said = QuotaLimiter(Quota(max_concurrency=1)), []

        async def wait() -> None:
            async with limits.admit_when_free(ANNA, said.append):
                pass

        with limits.admit(holder):
            tasks = [asyncio.create_task(wait()) for _ in range(3)]
            await asyncio.sleep(0.01)
            tasks[0].cancel()
            await asyncio.sleep(0.12)
            assert said
        async with asyncio.timeout(0.5):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, type(None), type(None)]
        assert not limits._waiting
        assert len(limits) == 0

    asyncio.run(story())


def test_who_waits_keeps_to_the_quota_of_their_own_key() -> None:
    async def story() -> list[str]:
        limits, said = QuotaLimiter(Quota(max_concurrency=1), Quota()), []
        with limits.admit(ANNA):
            async with limits.admit_when_free(ANNA, said.append, own_key=True):
                return said

    assert asyncio.run(story()) == []


LOCAL = {"Host": "localhost:7860"}


@pytest.mark.parametrize(
    ("peer", "headers", "bound_to", "expected"),
    [
        pytest.param("127.0.0.1", LOCAL, "127.0.0.1", True, id="on this machine"),
        pytest.param("::1", {"host": "[::1]:7860"}, "::1", True, id="IPv6"),
        pytest.param("127.0.0.1", LOCAL, "0.0.0.0", False, id="served to others too"),
        pytest.param("192.0.2.1", LOCAL, "127.0.0.1", False, id="from elsewhere"),
        pytest.param("127.0.0.1", {"Host": "demo.example.com"}, "127.0.0.1", False, id="by another name"),
        pytest.param("127.0.0.1", LOCAL | {"X-Forwarded-For": "6.6.6.6"}, "127.0.0.1", False, id="behind a proxy"),
        pytest.param(None, LOCAL, "127.0.0.1", False, id="unknown"),
        pytest.param("127.0.0.1", {"Host": "[::1]evil.example"}, "127.0.0.1", False, id="a name behind an address"),
        pytest.param("127.0.0.1", {"Host": "localhost:x.example"}, "127.0.0.1", False, id="a name behind a name"),
    ],
)
def test_who_is_on_this_machine(peer: str | None, headers: dict[str, str], bound_to: str, expected: bool) -> None:
    assert is_local(peer, headers, bound_to) is expected


@pytest.mark.parametrize(
    ("peer", "headers", "trusted", "expected"),
    [
        pytest.param("192.0.2.1", {}, "", "192.0.2.1", id="the connection's"),
        pytest.param("192.0.2.1", {"X-Forwarded-For": "6.6.6.6"}, "", "192.0.2.1", id="a header that is not trusted"),
        pytest.param("10.0.0.1", {"X-Forwarded-For": "6.6.6.6"}, "x-forwarded-for", "6.6.6.6", id="a trusted header"),
        pytest.param("10.0.0.1", {"X-Real-IP": "1.1.1.1, 6.6.6.6"}, "x-real-ip", "6.6.6.6", id="forged start"),
        pytest.param("10.0.0.1", {"X-Real-IP": "6.6.6.6"}, "x-forwarded-for", "10.0.0.1", id="another header"),
        pytest.param("10.0.0.1", {"X-Real-IP": "nonsense"}, "x-real-ip", "10.0.0.1", id="nonsense in the header"),
        pytest.param("10.0.0.1", {"X-Real-IP": "6.6.6.6:443"}, "x-real-ip", "6.6.6.6", id="with a port"),
        pytest.param("2001:db8:1:2:3::4", {}, "", "2001:db8:1::/56", id="one home's network of IPv6"),
        pytest.param("::1", {"A": "[2001:db8::7]:80"}, "a", "2001:db8::/56", id="IPv6 with a port"),
        pytest.param("fe80::1%eth0", {}, "", "fe80::/56", id="IPv6 with a zone"),
        pytest.param("10.0.0.1", {"A": "[::1]evil"}, "a", "10.0.0.1", id="more than an address in the header"),
        pytest.param("::ffff:192.0.2.1", {}, "", "192.0.2.1", id="IPv4 in IPv6"),
        pytest.param(None, {}, "", "", id="unknown"),
    ],
)  # fmt: skip
def test_the_address_that_counts(peer: str | None, headers: dict[str, str], trusted: str, expected: str) -> None:
    assert client_address(peer, headers, trusted) == expected
