"""Questions that take several calls: how many at once, in the visitor's share, and one answer made of them."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from florence_ui.class_strategies import Strategy, find_classes
from florence_ui.errors import BusyError
from florence_ui.limits import MINUTE, OWN_SHARE, Visitor
from florence_ui.object_actions import Analyse
from florence_ui.pipeline import Analysis, Request
from florence_ui.ui.services import Services

Say = Callable[[str], None]


def at_once(services: Services, request: Request) -> int:
    """How many calls a question may make at the same time: what the backend bears and the visitor's share allows."""
    bears = services.backend(request.backend).concurrency
    share = OWN_SHARE.at_once if request.api_key else services.settings.runs_at_once
    return min(bears, share or bears)


def waiting_its_turn(services: Services, visitor: Visitor, say: Say = lambda _: None) -> Analyse:
    """Asks the model like `Services.run`; where the visitor's share is used up for a while, waits instead of failing.

    Raises:
        FlorenceUIError: When asked, whatever goes wrong; also if the wait would be longer than a minute.
    """

    async def ask(request: Request) -> Analysis:
        while True:
            try:
                return await services.run(request, visitor)
            except BusyError as busy:
                if not 0 < busy.seconds <= MINUTE:
                    raise
                say(f"{busy.message} Going on by itself in a while.")
                await asyncio.sleep(busy.seconds)

    return ask


async def look_for_classes(
    services: Services, request: Request, strategy: Strategy, visitor: Visitor, say: Say
) -> Analysis:
    """Looks for the classes of a request in one of three ways.

    Raises:
        FlorenceUIError: If the classes cannot be used, or every call failed.
    """
    answers: list[Analysis] = []
    ask = waiting_its_turn(services, visitor, say)

    async def keep(each: Request) -> Analysis:
        answers.append(await ask(each))
        return answers[-1]

    async with contextlib.aclosing(
        find_classes(keep, request, request.classes, strategy, at_once=at_once(services, request))
    ) as going:
        async for progress in going:
            say(f"Looked for {progress.done} of {progress.total} classes")
    remembered = all(answer.remembered for answer in answers)
    return replace(answers[0], result=progress.result, seconds=progress.seconds, remembered=remembered)
