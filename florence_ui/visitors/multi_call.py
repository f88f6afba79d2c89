"""Questions that need several calls: their concurrency, within the visitor's quota, and the merged answer."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TypeVar

from florence_ui.concurrency.queueing import OnStatus
from florence_ui.concurrency.run_bounded import run_bounded
from florence_ui.errors import FlorenceUIError
from florence_ui.inference.batch import Batch, ItemState, Turn
from florence_ui.inference.per_class import find_classes
from florence_ui.inference.request import Analysis, Analyze, Request, RequestTemplate, Strategy
from florence_ui.tasks import InputKind
from florence_ui.visitors.quota import OWN_KEY_QUOTA
from florence_ui.visitors.service import Services

T = TypeVar("T")
S = TypeVar("S")


class _End(Enum):
    """A mark for the end of a stream."""

    END = 0


def max_concurrency(services: Services, template: RequestTemplate) -> int:
    """Calls that a question may make at the same time: no more than the backend takes and the quota allows."""
    takes = services.pipeline.backend(template.backend).concurrency
    allowed = OWN_KEY_QUOTA.max_concurrency if template.api_key else services.settings.runs_at_once
    return min(takes, allowed or takes)


def retry_when_rate_limited(services: Services, on_status: OnStatus) -> Analyze:
    """A function like `Services.run` that waits instead of failing while the visitor's quota is used up.

    Raises:
        FlorenceUIError: From the function, if anything goes wrong, or the wait would be longer than a minute.
    """

    async def ask(request: Request) -> Analysis:
        async with services.admit_when_free(request, on_status) as ask_now:
            return await ask_now(request)

    return ask


def batch_turn(services: Services, batch: Batch, template: RequestTemplate, on_status: OnStatus) -> Turn:
    """The wait of each picture of a batch before it is opened; silent while others of the batch are running."""

    def say_if_all_wait(words: str) -> None:
        if not batch.count(ItemState.RUNNING):
            on_status(words)

    return lambda: services.admit_when_free(template, on_status, say_if_all_wait)


async def with_status(start: Callable[[Callable[[S], None]], AsyncGenerator[T]]) -> AsyncGenerator[S | T]:
    """Yield a stream's items, and in between its messages while it waits; leaving the loop early ends the stream.

    Args:
        start: OnStatus -> the stream, which calls it with its messages.
    """
    heard: asyncio.Queue[S | T | _End] = asyncio.Queue()

    async def listen() -> None:
        async with contextlib.aclosing(start(heard.put_nowait)) as stream:
            async for each in stream:
                heard.put_nowait(each)

    work = asyncio.ensure_future(listen())
    work.add_done_callback(lambda _: heard.put_nowait(_End.END))
    try:
        while not isinstance(each := await heard.get(), _End):
            yield each
        work.result()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, FlorenceUIError):
            await work


async def answer(services: Services, request: Request, on_status: OnStatus) -> Analysis:
    """Answer a question, by one call, which is refused when the quota is used up, or by one per class.

    Raises:
        FlorenceUIError: If anything goes wrong.
    """
    if _asks_by_class(request):
        return await find_classes_in_turn(services, request, on_status)
    return await services.run(request, on_status)


async def ask_sides(
    services: Services, requests: Mapping[str, Request]
) -> AsyncGenerator[tuple[str, str | Analysis | FlorenceUIError]]:
    """Ask two sides at the same time; yield what each waits for, until it has its answer or its error.

    Leaving the loop early ends both.
    """
    names = list(requests)

    def start(say: Callable[[tuple[str, str]], None]) -> AsyncGenerator[tuple[int, Analysis | FlorenceUIError]]:
        def tell_for(name: str) -> OnStatus:
            return lambda words: say((name, words))

        jobs = [partial(_answer_in_turn, services, request, tell_for(name)) for name, request in requests.items()]
        return run_bounded(jobs, len(jobs))

    async with contextlib.aclosing(with_status(start)) as heard:
        async for who, said in heard:
            yield (names[who] if isinstance(who, int) else who), said


async def _answer_in_turn(services: Services, request: Request, on_status: OnStatus) -> Analysis:
    if _asks_by_class(request):
        return await find_classes_in_turn(services, request, on_status)
    return await retry_when_rate_limited(services, on_status)(request)


def _asks_by_class(request: Request) -> bool:
    return request.task.input_kind is InputKind.CLASSES and request.strategy is not Strategy.TOGETHER


async def find_classes_in_turn(services: Services, request: Request, on_status: OnStatus) -> Analysis:
    """Look for the classes of a request by its strategy, within the visitor's quota.

    Raises:
        FlorenceUIError: If the classes cannot be used, or every call fails.
    """
    answers: list[Analysis] = []
    ask = retry_when_rate_limited(services, on_status)

    async def keep(each: Request) -> Analysis:
        answers.append(await ask(each))
        return answers[-1]

    going = find_classes(keep, request, max_concurrency=max_concurrency(services, request))
    async with contextlib.aclosing(going):
        async for progress in going:
            on_status(f"Looked for {progress.done} of {progress.total} classes")
    remembered = all(answer.remembered for answer in answers)
    return replace(answers[0], result=progress.result, seconds=progress.seconds, remembered=remembered)
