"""Calls on ZeroGPU: joined into turns, one visitor's at a time, because the visitor's own minutes of GPU are spent."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from florence_ui.errors import BackendBusyError, BackendError, FlorenceUIError, InputError
from florence_ui.models import BASE, LARGE
from florence_ui.visitor_identity import current_visitor

SETUP_SECONDS = 5.0
"""Of a turn: moving the models onto the card."""
CALL_SECONDS = {BASE: 1.5, LARGE: 3.0}
"""Of a call, for an answer of some hundred tokens."""
LONG_TASKS = ("<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>", "<OCR", "<REGION_PROPOSAL>")
MAX_SECONDS = 60.0
"""Longest turn: the shorter one asks for, the sooner it comes, and a visitor's minutes a day count what was asked."""
GATHER_SECONDS, MAX_GATHER_SECONDS = 0.05, 0.5
"""A turn begins when nothing more has come for the first time, or at the latest after the second."""
MAX_CALLS = 16
"""Calls in one turn, so that it stays short."""

ELSEWHERE = "Or choose Roboflow and type a key of your own."
OUT_OF_QUOTA = (
    "Your GPU time on Hugging Face is used up for now.",
    f"Sign in to Hugging Face for more, wait until tomorrow, or duplicate this Space. {ELSEWHERE}",
)
NO_GPU = ("No GPU became free in time.", f"Try again in a minute. {ELSEWHERE}")
ABORTED = (
    "The GPU was taken back before the answer was ready.",
    f"Run it again, with fewer pictures or a shorter answer. {ELSEWHERE}",
)
FAILED = ("The GPU of this Space did not answer.", f"Run it again. {ELSEWHERE}")


@dataclass(frozen=True)
class TurnCall:
    """One call of a turn.

    Attributes:
        model_id: The model.
        prompt: As `build_prompt` writes it.
        image: The picture as JPEG.
    """

    model_id: str
    prompt: str
    image: bytes


def turn_seconds(calls: Sequence[TurnCall]) -> float:
    """The seconds of GPU to ask for, by models, tasks and the number of calls."""
    longer = [2.0 if call.prompt.startswith(LONG_TASKS) else 1.0 for call in calls]
    each = [CALL_SECONDS.get(call.model_id, CALL_SECONDS[LARGE]) for call in calls]
    return min(MAX_SECONDS, SETUP_SECONDS + sum(a * b for a, b in zip(longer, each, strict=True)))


AnswerTurn = Callable[[Sequence[TurnCall]], list[dict[str, Any]]]
"""Answers several calls in one turn; blocks. Gives a record for each, as a server's body: `response` and `image`, or
`refused`, the reason in a sentence."""


@dataclass
class _Waiting:
    """The calls of one visitor that wait for a turn."""

    calls: deque[tuple[TurnCall, asyncio.Future[dict[str, Any]]]] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class Turns:
    """Turns on the GPU.

    Args:
        answer: Answers several calls in one turn; blocks.
    """

    def __init__(self, answer: AnswerTurn) -> None:
        self._answer = answer
        self._waiting: dict[str, _Waiting] = {}

    async def call(self, call: TurnCall) -> dict[str, Any]:
        """Answer a call in the visitor's next turn. When cancelled before that, it takes no part in it.

        Returns:
            The record, as a server's body.

        Raises:
            FlorenceUIError: If there is no turn, or the call is refused.
        """
        who = current_visitor.get().share_key
        waiting = self._waiting.setdefault(who, _Waiting())
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        waiting.calls.append((call, future))
        if waiting.task is None:
            # in this visitor's context, which has the request that `spaces` takes their token from
            waiting.task = asyncio.create_task(self._take_turns(who, waiting))
        record = await future
        if refused := record.get("refused"):
            raise InputError(str(refused))
        return record

    async def _take_turns(self, who: str, waiting: _Waiting) -> None:
        await self._gather(waiting)
        while waiting.calls:
            turn = [waiting.calls.popleft() for _ in range(min(MAX_CALLS, len(waiting.calls)))]
            wanted = [(call, future) for call, future in turn if not future.cancelled()]
            if wanted:
                await self._take_turn(wanted)
        del self._waiting[who]

    @staticmethod
    async def _gather(waiting: _Waiting) -> None:
        for _ in range(round(MAX_GATHER_SECONDS / GATHER_SECONDS)):
            before = len(waiting.calls)
            await asyncio.sleep(GATHER_SECONDS)
            if len(waiting.calls) == before:
                return

    async def _take_turn(self, turn: Sequence[tuple[TurnCall, asyncio.Future[dict[str, Any]]]]) -> None:
        try:
            records = await asyncio.to_thread(self._answer, [call for call, _ in turn])
        except Exception as error:
            for _, future in turn:
                if not future.done():
                    future.set_exception(explain(error))
            return
        for (_, future), record in zip(turn, records, strict=True):
            if not future.done():
                future.set_result(record)


def explain(error: Exception) -> FlorenceUIError:
    """What `spaces` raises, as a sentence with a next step; it tells its failures apart by titles and words."""
    title, words = str(getattr(error, "title", "")), str(error)
    if "quota exceeded" in title or "credits exceeded" in title:
        return BackendBusyError(*OUT_OF_QUOTA)
    if "No GPU was available" in words or "queue timeout" in title:
        return BackendBusyError(*NO_GPU)
    if "aborted" in words or "illegal duration" in title:
        return BackendError(*ABORTED)
    return BackendError(*FAILED)


async def ask(call: TurnCall) -> dict[str, Any]:
    """Answer a call on this Space's GPU; see `Turns.call`."""
    return await _turns[0].call(call)


def use(answer: AnswerTurn) -> None:
    """Let all calls be answered by that function; called once, where the page finds itself on ZeroGPU."""
    _turns[:] = [Turns(answer)]


_turns: list[Turns] = []
