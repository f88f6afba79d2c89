"""Turns on ZeroGPU: calls of one visitor share one, and failures are sentences."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from florence_ui.backends.zero_gpu import MAX_CALLS, MAX_SECONDS, TurnCall, Turns, explain, turn_seconds
from florence_ui.errors import BackendBusyError, BackendError, InputError
from florence_ui.models import BASE, LARGE
from florence_ui.visitor_identity import Visitor, current_visitor

pytestmark = pytest.mark.anyio


class Card:
    """A card that notes its turns, and waits within one if a test wants to."""

    def __init__(self) -> None:
        self.turns: list[list[str]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def answer(self, calls: Sequence[TurnCall]) -> list[dict[str, Any]]:
        self.turns.append([call.prompt for call in calls])
        self.begun.set()
        self.go_on.wait(10)
        return [{"refused": "Too long."} if call.prompt == "long" else {"response": {call.prompt: 1}} for call in calls]


@pytest.fixture
def card() -> Iterator[Card]:
    card = Card()
    yield card
    card.go_on.set()


def call(prompt: str, model_id: str = BASE) -> TurnCall:
    return TurnCall(model_id, prompt, b"")


async def ask_as(turns: Turns, who: str, prompt: str) -> dict[str, Any]:
    current_visitor.set(Visitor(who, who))
    return await turns.call(call(prompt))


async def test_one_visitors_calls_share_a_turn_and_each_gets_its_own_answer(card: Card) -> None:
    turns = Turns(card.answer)
    answers = await asyncio.gather(*(ask_as(turns, "ann", prompt) for prompt in "abc"))
    assert answers == [{"response": {prompt: 1}} for prompt in "abc"]
    assert card.turns == [["a", "b", "c"]]


async def test_a_batch_that_comes_in_bit_by_bit_shares_a_turn(card: Card) -> None:
    turns, tasks = Turns(card.answer), []
    for prompt in "abcd":
        tasks.append(asyncio.create_task(ask_as(turns, "ann", prompt)))
        await asyncio.sleep(0.02)
    await asyncio.gather(*tasks)
    assert card.turns == [["a", "b", "c", "d"]]


async def test_nobodys_minutes_are_spent_on_others(card: Card) -> None:
    turns = Turns(card.answer)
    await asyncio.gather(ask_as(turns, "ann", "a"), ask_as(turns, "ben", "b"))
    assert sorted(card.turns) == [["a"], ["b"]]


async def test_what_comes_during_a_turn_shares_the_next_one(card: Card) -> None:
    turns = Turns(card.answer)
    card.go_on.clear()
    first = asyncio.create_task(ask_as(turns, "ann", "a"))
    await asyncio.to_thread(card.begun.wait, 10)
    later = [asyncio.create_task(ask_as(turns, "ann", prompt)) for prompt in "bc"]
    await asyncio.sleep(0.01)
    card.go_on.set()
    await asyncio.gather(first, *later)
    assert card.turns == [["a"], ["b", "c"]]


async def test_a_turn_has_a_limited_number_of_calls(card: Card) -> None:
    turns = Turns(card.answer)
    await asyncio.gather(*(ask_as(turns, "ann", str(number)) for number in range(MAX_CALLS + 1)))
    assert [len(turn) for turn in card.turns] == [MAX_CALLS, 1]


async def test_who_stops_before_the_turn_takes_no_part_and_holds_up_nobody(card: Card) -> None:
    turns = Turns(card.answer)
    stopped, other = (asyncio.create_task(ask_as(turns, "ann", prompt)) for prompt in "ab")
    await asyncio.sleep(0)
    stopped.cancel()
    assert await other == {"response": {"b": 1}}
    assert card.turns == [["b"]]


async def test_a_turn_that_everybody_left_is_never_taken(card: Card) -> None:
    turns = Turns(card.answer)
    only = asyncio.create_task(ask_as(turns, "ann", "a"))
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.sleep(0.1)
    assert card.turns == []
    assert await ask_as(turns, "ann", "b") == {"response": {"b": 1}}


async def test_a_refused_call_fails_alone(card: Card) -> None:
    turns = Turns(card.answer)
    refused, answered = await asyncio.gather(
        ask_as(turns, "ann", "long"), ask_as(turns, "ann", "a"), return_exceptions=True
    )
    assert isinstance(refused, InputError)
    assert str(refused) == "Too long."
    assert answered == {"response": {"a": 1}}


async def test_a_failed_turn_fails_all_of_its_calls_and_the_next_one_works(card: Card) -> None:
    fails = True

    def answer(calls: Sequence[TurnCall]) -> list[dict[str, Any]]:
        if fails:
            raise RuntimeError("worker died")
        return card.answer(calls)

    turns = Turns(answer)
    outcomes = await asyncio.gather(*(ask_as(turns, "ann", p) for p in "ab"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [BackendError, BackendError]
    fails = False
    assert await ask_as(turns, "ann", "c") == {"response": {"c": 1}}


class SpacesError(Exception):
    """As `spaces` raises it: with a title."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        pytest.param(
            SpacesError("ZeroGPU quota exceeded", "You have exceeded your free ZeroGPU quota (60s requested)"),
            BackendBusyError, "used up", id="quota",
        ),
        pytest.param(
            SpacesError("ZeroGPU pending credits exceeded", "You have too many ZeroGPU credits allocated"),
            BackendBusyError, "used up", id="credits",
        ),
        pytest.param(
            SpacesError("ZeroGPU queue timeout", "No GPU was available after 60s <a href=x>"),
            BackendBusyError, "No GPU became free", id="queue",
        ),
        pytest.param(
            SpacesError("ZeroGPU client error", "No GPU was available"),
            BackendBusyError, "No GPU became free", id="no-card",
        ),
        pytest.param(
            SpacesError("ZeroGPU worker error", "GPU task aborted"), BackendError, "taken back", id="aborted"
        ),
        pytest.param(
            SpacesError("ZeroGPU illegal duration", "The requested GPU duration is larger"),
            BackendError, "fewer pictures", id="too-long",
        ),
        pytest.param(RuntimeError("<b>boom</b>"), BackendError, "did not answer", id="anything-else"),
    ],
)  # fmt: skip
def test_every_failure_is_a_sentence_of_ours_with_a_next_step(error: Exception, kind: type, says: str) -> None:
    explained = explain(error)
    assert type(explained) is kind
    assert says in str(explained)
    assert explained.hint
    assert "<" not in str(explained)


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        pytest.param([call("<OD>")], [call("<OD>", LARGE)], id="a-larger-model"),
        pytest.param([call("<CAPTION>")], [call("<OCR_WITH_REGION>")], id="a-longer-answer"),
        pytest.param([call("<OD>")], [call("<OD>")] * 2, id="more-calls"),
    ],
)
def test_a_turn_is_as_short_as_what_is_asked(shorter: list[TurnCall], longer: list[TurnCall]) -> None:
    assert turn_seconds(shorter) < turn_seconds(longer)
    assert turn_seconds(longer * 100) == MAX_SECONDS
