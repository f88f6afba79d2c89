"""The queue before the model: first come, first served, of limited length, and several at once where that is faster."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
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
A = TypeVar("A")


class _Call(Generic[M, Q, A]):
    """A call and its answer to come."""

    def __init__(self, model: M, question: Q) -> None:
        self.model = model
        self.question = question
        self.answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()


class GenerationQueue(Generic[M, Q, A]):
    """Callers in order of arrival; a cancelled one leaves.

    Nobody waits to be joined by others: a call begins as soon as the model is free, with those for the same model that
    wait by then.

    Args:
        run: Answers questions together; an answer that is an exception is raised to its caller.
        max_waiting: Callers that may wait besides those being served.

    Attributes:
        running: The number of callers being served.
    """

    def __init__(
        self, run: Callable[[M, list[Q]], Awaitable[Sequence[A | BaseException]]], max_waiting: int = MAX_WAITING
    ) -> None:
        self.max_waiting = max_waiting
        self.running = 0
        self._run = run
        self._inside = 0
        self._calls: deque[_Call[M, Q, A]] = deque()
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
        call = _Call[M, Q, A](model, question)
        self._calls.append(call)
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        try:
            return await asyncio.shield(call.answer)
        except asyncio.CancelledError:
            question.stop.set()
            if call in self._calls:
                self._calls.remove(call)
            else:
                await asyncio.wait([call.answer])
                call.answer.exception()  # retrieved, so that asyncio does not warn about it
            raise

    async def _serve(self) -> None:
        """Serve all calls, those for one model together."""
        while self._calls:
            model = self._calls[0].model
            batch = [call for call in self._calls if call.model is model][: model.max_batch]
            for call in batch:
                self._calls.remove(call)
            self.running = len(batch)
            try:
                answers = await self._run(model, [call.question for call in batch])
            except Exception as error:
                answers = [error] * len(batch)
            self.running = 0
            for call, answer in zip(batch, answers, strict=True):
                if isinstance(answer, BaseException):
                    call.answer.set_exception(answer)
                else:
                    call.answer.set_result(answer)
        self._serving = None
