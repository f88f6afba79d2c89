"""Three ways to look for several classes: a call for each, all in one prompt, or a sentence that names them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from enum import StrEnum

from florence_ui.concurrency.bounded import run_bounded
from florence_ui.errors import FlorenceUIError
from florence_ui.inference.per_object import Analyze, MultiCallProgress
from florence_ui.inference.pipeline import Request
from florence_ui.results.merge import Outcome, merge
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import build_prompt, clean_classes, get_task

DETECT = "<OPEN_VOCABULARY_DETECTION>"
GROUND = "<CAPTION_TO_PHRASE_GROUNDING>"


class Strategy(StrEnum):
    """How several classes are asked for.

    EACH is the surest and takes a call a class; a class that fails is marked, the others stay.
    TOGETHER is one call with the classes joined by `<and>`, the way Roboflow's documentation shows it; the model often
    answers only some of them, or takes them for one name.
    SENTENCE is one call of phrase grounding with "a, b and c"; the model was trained on such sentences.
    """

    EACH = "each"
    TOGETHER = "together"
    SENTENCE = "sentence"


TITLES = {
    Strategy.EACH: "One call a class",
    Strategy.TOGETHER: "All in one prompt",
    Strategy.SENTENCE: "As a sentence",
}


def requests_for(template: Request, classes: Sequence[str], strategy: Strategy) -> list[Request]:
    """The calls that a strategy makes: one, or one a class.

    Raises:
        PromptError: If no class is left, there are too many, or one holds what the model cannot take.
    """
    names = clean_classes(classes)
    match strategy:
        case Strategy.EACH:
            return [replace(template, task=get_task(DETECT), text="", classes=(name,), region=None) for name in names]
        case Strategy.TOGETHER:
            return [replace(template, task=get_task(DETECT), text="", classes=tuple(names), region=None)]
        case Strategy.SENTENCE:
            return [replace(template, task=get_task(GROUND), text=sentence(names), classes=(), region=None)]


def sentence(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


async def find_classes(
    analyze: Analyze, template: Request, classes: Sequence[str], strategy: Strategy, *, max_concurrency: int = 4
) -> AsyncIterator[MultiCallProgress]:
    """Look for classes and yield after each call what was found so far.

    Args:
        analyze: Asks the model.
        template: Its picture, model, backend and key are used.
        classes: The names to look for.
        strategy: How to ask.
        max_concurrency: How many calls may run at the same time.

    Raises:
        FlorenceUIError: If the classes cannot be used, or every call failed.
    """
    requests = requests_for(template, classes, strategy)
    names = clean_classes(classes) if strategy is Strategy.EACH else [""]
    answers: dict[int, Outcome] = {}
    start = asyncio.get_running_loop().time()
    jobs = [lambda request=request: analyze(request) for request in requests]
    async with contextlib.aclosing(run_bounded(jobs, max_concurrency)) as outcomes:
        async for outcome in outcomes:
            answers[outcome.index] = outcome.error if outcome.value is None else outcome.value.result
            failed = sum(not isinstance(answer, Result) for answer in answers.values())
            if failed == len(requests):
                raise outcome.error
            merged = _merged(requests, names, answers)
            yield MultiCallProgress(
                len(answers), failed, len(requests), merged, asyncio.get_running_loop().time() - start
            )


def _merged(requests: Sequence[Request], names: Sequence[str], answers: dict[int, Outcome]) -> Result:
    """The answers so far in the classes' order; an object that the model left without a name has its class's."""
    if len(requests) == 1 and isinstance(answers[0], Result):
        return answers[0]
    results = [_named(answer, names[i]) for i, answer in sorted(answers.items()) if isinstance(answer, Result)]
    failed = [(names[i], answer) for i, answer in sorted(answers.items()) if isinstance(answer, FlorenceUIError)]
    task = requests[0].task
    prompt = build_prompt(task, classes=names)
    nothing = Result(task, prompt, requests[0].picture.size)
    merged = merge(results, task=task, prompt=prompt) if results else nothing
    warnings = tuple(f"No answer for {name}: {error}" for name, error in failed)
    return replace(merged, warnings=(*warnings, *merged.warnings))


def _named(result: Result, name: str) -> Result:
    if not len(result.detections) or all(result.labels):
        return result
    detections = make_detections(
        [label or name for label in result.labels],
        result.detections.xyxy,
        quads=result.quads,
        polygons=result.polygons if any(result.polygons) else None,
        inverted=result.inverted,
    )
    return replace(result, detections=detections)
