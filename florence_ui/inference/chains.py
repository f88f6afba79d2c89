"""Chains: several questions, each building on the previous answer."""

import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from enum import StrEnum

from florence_ui.errors import FlorenceUIError
from florence_ui.inference.per_object import ACTIONS, Action, ask_about_objects
from florence_ui.inference.request import Analysis, Analyze, Request, StoredAnalysis
from florence_ui.prompts import MAX_TEXT
from florence_ui.results.reading_order import join_lines, reading_lines
from florence_ui.tasks import get_task


@dataclass(frozen=True)
class Ask:
    """A step that asks the model once; with `about_text` the text of the previous answer is its phrase."""

    token: str
    about_text: bool = False

    @property
    def title(self) -> str:
        return get_task(self.token).title


@dataclass(frozen=True)
class ForEach:
    """A step that asks about every object of the previous answer."""

    action: Action

    @property
    def title(self) -> str:
        return f"{ACTIONS[self.action].title} each"


@dataclass(frozen=True)
class Order:
    """A step that puts the lines of the previous answer in reading order, without asking the model."""

    title: str = "Put in reading order"


Step = Ask | ForEach | Order


@dataclass(frozen=True)
class Chain:
    """A sequence of steps.

    Attributes:
        title: Its name for people.
        help: One line about its outcome.
        steps: At least two.
    """

    title: str
    help: str
    steps: tuple[Step, ...]


GROUND = Ask("<CAPTION_TO_PHRASE_GROUNDING>", about_text=True)

CHAINS: dict[str, Chain] = {
    "caption-ground": Chain(
        "Caption, then ground it",
        "One sentence, and a box for everything it mentions.",
        (Ask("<CAPTION>"), GROUND),
    ),
    "detailed-ground": Chain(
        "Detailed caption, then ground it",
        "A few sentences, and a box for everything they mention.",
        (Ask("<DETAILED_CAPTION>"), GROUND),
    ),
    "long-ground": Chain(
        "Long caption, then ground it",
        "A paragraph, and a box for everything it mentions.",
        (Ask("<MORE_DETAILED_CAPTION>"), GROUND),
    ),
    "detect-segment": Chain(
        "Find objects, then segment each",
        "Every object with its outline.",
        (Ask("<OD>"), ForEach(Action.SEGMENT)),
    ),
    "detect-describe": Chain(
        "Find objects, then describe each",
        "Every object with a description of its own.",
        (Ask("<OD>"), ForEach(Action.DESCRIBE)),
    ),
    "read-order": Chain(
        "Read, then put in order",
        "The text of the picture line by line, column by column.",
        (Ask("<OCR_WITH_REGION>"), Order()),
    ),
}


class StepState(StrEnum):
    """The state of a step."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class StepReport:
    """A report of a step's progress.

    Attributes:
        number: The step's position in the chain, from 0.
        state: Its state; a step may report several times while it runs.
        detail: A sentence about it; the reason if it failed.
        analysis: Its answer, partial while it runs; None before the first one and after a failure.
        seconds: The time that it has taken.
    """

    number: int
    state: StepState
    detail: str = ""
    analysis: Analysis | None = None
    seconds: float = 0.0


async def run_chain(
    chain: Chain, analyze: Analyze, request: Request, *, max_concurrency: int = 4
) -> AsyncGenerator[StepReport]:
    """Run a chain's steps and report each one's start, progress and end.

    Args:
        chain: The chain.
        analyze: Ask the model.
        request: The request whose picture, model, backend and key are used.
        max_concurrency: Calls that a step may make at the same time.

    The chain ends with the first step that fails; earlier answers stay usable. Leaving the loop, or cancelling it, ends
    the running calls.
    """
    before: Analysis | None = None
    for number, step in enumerate(chain.steps):
        report = StepReport(number, StepState.RUNNING)
        yield report
        start = time.monotonic()
        try:
            async with contextlib.aclosing(_run_step(step, number, analyze, request, before, max_concurrency)) as news:
                async for report in news:
                    if report.state is StepState.RUNNING:
                        yield report
        except FlorenceUIError as error:
            yield StepReport(number, StepState.FAILED, str(error), seconds=time.monotonic() - start)
            return
        before = report.analysis
        yield report


async def _run_step(
    step: Step, number: int, analyze: Analyze, request: Request, before: Analysis | None, max_concurrency: int
) -> AsyncGenerator[StepReport]:
    """Run one step; its last report has the state DONE."""
    if isinstance(step, Ask):
        text = phrase_of(before) if step.about_text else ""
        analysis = await analyze(request.with_task(get_task(step.token), text=text))
        yield StepReport(number, StepState.DONE, summarize(analysis), analysis, analysis.seconds)
        return
    assert before is not None, "a chain begins with a question"
    if isinstance(step, Order):
        analysis = in_reading_order(before)
        yield StepReport(number, StepState.DONE, summarize(analysis), analysis)
        return
    reports = _ask_about_each(step.action, number, analyze, request, before, max_concurrency)
    async with contextlib.aclosing(reports):
        async for report in reports:
            yield report


async def _ask_about_each(
    action: Action, number: int, analyze: Analyze, request: Request, before: Analysis, max_concurrency: int
) -> AsyncGenerator[StepReport]:
    found = before.result
    if not len(found.detections):
        yield StepReport(number, StepState.DONE, "There was no object to ask about.", before)
        return
    rows = range(len(found.detections))
    going = ask_about_objects(analyze, request, found, rows, action, max_concurrency=max_concurrency)
    async with contextlib.aclosing(going):
        async for progress in going:
            state = StepState.DONE if progress.done == progress.total else StepState.RUNNING
            analysis = replace(before, result=progress.result, seconds=progress.seconds, remembered=False)
            detail = f"{progress.done} of {progress.total}" + (f", {progress.failed} failed" if progress.failed else "")
            yield StepReport(number, state, detail + ".", analysis, progress.seconds)


def phrase_of(before: StoredAnalysis | None) -> str:
    """The text of an answer as a phrase for the model: without markers, truncated to what it accepts.

    Raises:
        FlorenceUIError: If the answer has no text.
    """
    words = (before.result.text if before else "").replace("<", " ").replace(">", " ").split()
    if not words:
        raise FlorenceUIError("The step before has no words to go on with.", "Try another picture or chain.")
    phrase = " ".join(words)
    return phrase if len(phrase) <= MAX_TEXT else phrase[:MAX_TEXT].rpartition(" ")[0] or phrase[:MAX_TEXT]


def in_reading_order(before: Analysis) -> Analysis:
    """An answer with its lines, and its text, in reading order."""
    result = before.result
    lines = reading_lines(result.quads, result.labels)
    ordered = result.select([index for line in lines for index in line.indices])
    ordered = replace(ordered, text=join_lines(lines))
    return replace(before.then("reading order", ordered), seconds=0.0)


def summarize(analysis: Analysis) -> str:
    """A short sentence about how much an answer contains."""
    count = len(analysis.result.detections)
    if count:
        return f"{count} found."
    return f"{len(analysis.result.text.split())} words." if analysis.result.text else "Nothing found."
