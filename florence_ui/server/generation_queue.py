"""The queue before the model: first come, first served, of limited length, and several at once where that is faster."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from florence_ui.server.errors import RefusalError

if TYPE_CHECKING:
    from florence_ui.server.florence import Florence2, Inquiry

MAX_WAITING = 32
RETRY_AFTER = 5.0

Answer = tuple["Inquiry", list[int]]
"""A prepared call with the token ids of its answer."""


@dataclass(frozen=True, eq=False)
class Call:
    """What a caller asks.

    Attributes:
        data: The picture's file.
        prompt: A prompt that `check_prompt` accepts.
        max_new_tokens: Maximum length of the answer, or None.
        stop: Set when nobody waits for the answer any longer.
    """

    data: bytes
    prompt: str
    max_new_tokens: int | None
    stop: threading.Event = field(default_factory=threading.Event)


class _Waiting:
    """A call, what it is prepared to, and its answer to come."""

    def __init__(self, model: "Florence2", call: Call) -> None:
        self.model = model
        self.call = call
        self.is_begun = False
        self.prepared: asyncio.Future[Inquiry] = asyncio.get_running_loop().create_future()
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()


class GenerationQueue:
    """Callers in order of arrival; a cancelled one leaves.

    Nobody waits to be joined by others: a call begins as soon as the model is free, with those for the same model that
    are prepared by then. The next ones are prepared while the model is busy, and no more than it takes at once: all
    others wait as they came.

    Args:
        prepare: Prepares a call; an exception is raised to its caller.
        generate: Answers prepared calls together.
        max_waiting: Callers that may wait besides those being served.

    Attributes:
        running: The number of callers being served.
    """

    def __init__(
        self,
        prepare: Callable[["Florence2", Call], Awaitable["Inquiry"]],
        generate: Callable[["Florence2", list["Inquiry"]], Awaitable[Sequence[Answer]]],
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self.max_waiting = max_waiting
        self.running = 0
        self._prepare = prepare
        self._generate = generate
        self._inside = 0
        self._calls: deque[_Waiting] = deque()
        self._serving: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """The number of callers that wait, for their turn or for their model."""
        return self._inside - self.running

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots, from arrival to answer; wait for the `answer` inside.

        Raises:
            RefusalError: 503 if all slots are taken.
        """
        if self._inside - max(1, self.running) >= self.max_waiting:
            raise RefusalError(
                503,
                f"The server is busy: {self.waiting} calls are waiting already.",
                "Try again in a few seconds.",
                retry_after=RETRY_AFTER,
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def answer(self, model: "Florence2", call: Call) -> Answer:
        """Wait for the turn and the answer; when cancelled, stop it before the next one begins."""
        mine = _Waiting(model, call)
        self._calls.append(mine)
        self._prepare_next()
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        try:
            return await asyncio.shield(mine.answer)
        except asyncio.CancelledError:
            call.stop.set()
            if mine.is_begun:  # its place is taken for as long as a thread works for it
                await asyncio.wait([mine.prepared])
                mine.prepared.exception()  # retrieved, so that asyncio does not warn about it
            if mine in self._calls:
                self._calls.remove(mine)
                self._prepare_next()
            else:
                await asyncio.wait([mine.answer])
                mine.answer.exception()
            raise

    def _prepare_next(self) -> None:
        """Begin to prepare the first calls, as many as the model takes at once."""
        for each in islice(self._calls, self._calls[0].model.max_batch if self._calls else 0):
            if not each.is_begun:
                each.is_begun = True
                each.prepared = asyncio.ensure_future(self._prepare(each.model, each.call))

    async def _serve(self) -> None:
        """Serve all calls, those for one model together."""
        while self._calls:
            first = self._calls[0]
            await asyncio.wait([first.prepared])
            prepared = (each for each in self._calls if each.model is first.model and each.prepared.done())
            await self._serve_together(first.model, list(islice(prepared, first.model.max_batch)))
        self._serving = None

    async def _serve_together(self, model: "Florence2", batch: list[_Waiting]) -> None:
        """Answer prepared calls, those that could not be prepared with the reason."""
        for each in batch:
            self._calls.remove(each)
        self._prepare_next()
        for each in batch:
            if error := each.prepared.exception():
                each.answer.set_exception(error)
        batch = [each for each in batch if not each.answer.done()]
        if not batch:
            return
        self.running = len(batch)
        try:
            answers = await self._generate(model, [each.prepared.result() for each in batch])
        except Exception as error:
            for each in batch:
                each.answer.set_exception(error)
        else:
            for each, answer in zip(batch, answers, strict=True):
                each.answer.set_result(answer)
        self.running = 0
