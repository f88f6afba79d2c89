"""Questions that take several calls: how many at once, in the visitor's share, and one answer made of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from enum import Enum
from typing import TypeVar

from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import FlorenceUIError
from florence_ui.identity import Visitor
from florence_ui.inference.batch import Batch, ItemState, Turn
from florence_ui.inference.per_class import Strategy, find_classes
from florence_ui.inference.per_object import Analyze
from florence_ui.inference.pipeline import Analysis, Request
from florence_ui.visitors.quota import OWN_KEY_QUOTA
from florence_ui.visitors.service import Services

T = TypeVar("T")


class _End(Enum):
    """Stands behind the last of what is heard."""

    END = 0


def max_concurrency(services: Services, request: Request) -> int:
    """How many calls a question may make at the same time: what the backend bears and the visitor's share allows."""
    bears = services.backend(request.backend).concurrency
    share = OWN_KEY_QUOTA.max_concurrency if request.api_key else services.settings.runs_at_once
    return min(bears, share or bears)


def retry_when_rate_limited(services: Services, visitor: Visitor, say: OnStatus = lambda _: None) -> Analyze:
    """Asks the model like `Services.run`; where the visitor's share is used up for a while, waits instead of failing.

    Raises:
        FlorenceUIError: When asked, whatever goes wrong; also if the wait would be longer than a minute.
    """

    async def ask(request: Request) -> Analysis:
        async with services.turn(request, visitor, say) as turn:
            return await turn(request)

    return ask


def batch_turn(services: Services, batch: Batch, template: Request, visitor: Visitor, say: OnStatus) -> Turn:
    """What each picture of a batch waits for before it is opened; silent while others of the batch are at work."""

    def say_if_all_wait(words: str) -> None:
        if not batch.count(ItemState.RUNNING):
            say(words)

    return lambda: services.turn(template, visitor, say, say_if_all_wait)


async def with_status(start: Callable[[OnStatus], AsyncIterator[T]]) -> AsyncIterator[str | T]:
    """What a stream yields, and between that what it says while it waits; leaving the loop early ends the stream."""
    heard: asyncio.Queue[str | T | _End] = asyncio.Queue()

    async def listen() -> None:
        async with contextlib.aclosing(start(heard.put_nowait)) as stream:
            async for each in stream:
                heard.put_nowait(each)

    work = asyncio.ensure_future(listen())
    work.add_done_callback(lambda _: heard.put_nowait(_End.END))
    try:
        while (each := await heard.get()) is not _End.END:
            yield each
        work.result()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, FlorenceUIError):
            await work


async def find_classes_in_turn(
    services: Services, request: Request, strategy: Strategy, visitor: Visitor, say: OnStatus
) -> Analysis:
    """Looks for the classes of a request in one of three ways.

    Raises:
        FlorenceUIError: If the classes cannot be used, or every call failed.
    """
    answers: list[Analysis] = []
    ask = retry_when_rate_limited(services, visitor, say)

    async def keep(each: Request) -> Analysis:
        answers.append(await ask(each))
        return answers[-1]

    async with contextlib.aclosing(
        find_classes(keep, request, request.classes, strategy, max_concurrency=max_concurrency(services, request))
    ) as going:
        async for progress in going:
            say(f"Looked for {progress.done} of {progress.total} classes")
    remembered = all(answer.remembered for answer in answers)
    return replace(answers[0], result=progress.result, seconds=progress.seconds, remembered=remembered)
