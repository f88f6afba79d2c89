"""The queue before the model: first come, first served, of limited length, and several at once where that is faster."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Generic, Protocol, TypeVar

from florence_ui.server.refusals import RefusalError

MAX_WAITING = 32
RETRY_AFTER = 5.0


class BatchModel(Protocol):
    """A model that the calls wait for."""

    @property
    def max_batch(self) -> int:
        """Calls that it may be given at once."""


class Stoppable(Protocol):
    """What a call asks."""

    @property
    def stop(self) -> threading.Event:
        """Set when nobody waits for the answer any longer."""


M = TypeVar("M", bound=BatchModel)
Q = TypeVar("Q", bound=Stoppable)
P = TypeVar("P")
A = TypeVar("A")


class _Call(Generic[M, Q, P, A]):
    """A call, what it is prepared to, and its answer to come."""

    def __init__(self, model: M, question: Q) -> None:
        self.model = model
        self.question = question
        self.is_begun = False
        self.prepared: asyncio.Future[P] = asyncio.get_running_loop().create_future()
        self.answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()


class GenerationQueue(Generic[M, Q, P, A]):
    """Callers in order of arrival; a cancelled one leaves.

    Nobody waits to be joined by others: a call begins as soon as the model is free, with those for the same model that
    are prepared by then. The next ones are prepared while the model is busy, and no more than it takes at once: all
    others wait as they came.

    Args:
        prepare: Prepares a question; an exception is raised to its caller.
        run: Answers prepared questions together.
        max_waiting: Callers that may wait besides those being served.

    Attributes:
        running: The number of callers being served.
    """

    def __init__(
        self,
        prepare: Callable[[M, Q], Awaitable[P]],
        run: Callable[[M, list[P]], Awaitable[Sequence[A]]],
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self.max_waiting = max_waiting
        self.running = 0
        self._prepare = prepare
        self._run = run
        self._inside = 0
        self._calls: deque[_Call[M, Q, P, A]] = deque()
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

    async def answer(self, model: M, question: Q) -> A:
        """Wait for the turn and the answer; when cancelled, stop it before the next one begins."""
        call = _Call[M, Q, P, A](model, question)
        self._calls.append(call)
        self._prepare_next()
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        try:
            return await asyncio.shield(call.answer)
        except asyncio.CancelledError:
            question.stop.set()
            if call.is_begun:  # its place is taken for as long as a thread works for it
                await asyncio.wait([call.prepared])
                call.prepared.exception()  # retrieved, so that asyncio does not warn about it
            if call in self._calls:
                self._calls.remove(call)
                self._prepare_next()
            else:
                await asyncio.wait([call.answer])
                call.answer.exception()
            raise

    def _prepare_next(self) -> None:
        """Begin to prepare the first calls, as many as the model takes at once."""
        for call in islice(self._calls, self._calls[0].model.max_batch if self._calls else 0):
            if not call.is_begun:
                call.is_begun = True
                call.prepared = asyncio.ensure_future(self._prepare(call.model, call.question))

    async def _serve(self) -> None:
        """Serve all calls, those for one model together."""
        while self._calls:
            first = self._calls[0]
            await asyncio.wait([first.prepared])
            prepared = (call for call in self._calls if call.model is first.model and call.prepared.done())
            await self._serve_together(first.model, list(islice(prepared, first.model.max_batch)))
        self._serving = None

    async def _serve_together(self, model: M, batch: list[_Call[M, Q, P, A]]) -> None:
        """Answer prepared calls, those that could not be prepared with the reason."""
        for call in batch:
            self._calls.remove(call)
        self._prepare_next()
        for call in batch:
            if error := call.prepared.exception():
                call.answer.set_exception(error)
        batch = [call for call in batch if not call.answer.done()]
        if not batch:
            return
        self.running = len(batch)
        try:
            answers = await self._run(model, [call.prepared.result() for call in batch])
        except Exception as error:
            for call in batch:
                call.answer.set_exception(error)
        else:
            for call, answer in zip(batch, answers, strict=True):
                call.answer.set_result(answer)
        self.running = 0
