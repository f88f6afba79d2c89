"""Three ways to look for several classes: one call per class, all in one prompt, or a sentence that names them."""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from florence_ui.errors import FlorenceUIError
from florence_ui.inference.per_object import MultiCallProgress, collect_answers, result_of
from florence_ui.inference.request import Analyze, Request, Strategy
from florence_ui.prompts import build_prompt, clean_classes
from florence_ui.results.merge import Outcome, merge
from florence_ui.results.result import Result
from florence_ui.tasks import get_task
from florence_ui.wording import join_words

DETECT = "<OPEN_VOCABULARY_DETECTION>"
GROUND = "<CAPTION_TO_PHRASE_GROUNDING>"
NO_ANSWER = "No answer for "
"""The beginning of the warning about a class whose call failed."""


TITLES = {
    Strategy.EACH: "One call per class",
    Strategy.TOGETHER: "All in one prompt",
    Strategy.SENTENCE: "As a sentence",
}


def requests_for(request: Request) -> list[Request]:
    """The calls that a request's strategy makes: one, or one per class.

    Raises:
        PromptError: If no class is left, there are too many, or the model cannot take one.
    """
    names = clean_classes(request.classes)
    match request.strategy:
        case Strategy.EACH:
            return [request.with_task(get_task(DETECT), classes=(name,)) for name in names]
        case Strategy.TOGETHER:
            return [request.with_task(get_task(DETECT), classes=tuple(names))]
        case Strategy.SENTENCE:
            return [request.with_task(get_task(GROUND), text=join_words(names))]


async def find_classes(
    analyze: Analyze, request: Request, *, max_concurrency: int = 4
) -> AsyncGenerator[MultiCallProgress]:
    """Look for the classes of a request by its strategy, and yield the merged answers after each call.

    Args:
        analyze: Ask the model.
        request: The request whose classes, strategy, picture, model, backend and key are used.
        max_concurrency: Calls that may run at the same time.

    Raises:
        FlorenceUIError: If the classes cannot be used, or every call fails.
    """
    requests = requests_for(request)
    names = [", ".join(each.classes) for each in requests]
    jobs = [partial(result_of, analyze, each) for each in requests]
    async with contextlib.aclosing(collect_answers(jobs, max_concurrency)) as going:
        async for answers, seconds in going:
            failed = [answer for answer in answers.values() if isinstance(answer, FlorenceUIError)]
            if len(failed) == len(requests):
                raise failed[-1]
            merged = _merged(requests, names, answers)
            yield MultiCallProgress(len(answers), len(failed), len(requests), merged, seconds)


def _merged(requests: Sequence[Request], names: Sequence[str], answers: Mapping[int, Outcome]) -> Result:
    """Merge the answers so far in the order of the classes; give unnamed objects the name of their class."""
    if len(requests) == 1 and isinstance(answers[0], Result):
        return answers[0]
    results = [_with_names(answer, names[i]) for i, answer in sorted(answers.items()) if isinstance(answer, Result)]
    failed = [(names[i], answer) for i, answer in sorted(answers.items()) if isinstance(answer, FlorenceUIError)]
    task = requests[0].task
    prompt = build_prompt(task, classes=names)
    nothing = Result(task, prompt, requests[0].picture.size)
    merged = merge(results, task=task, prompt=prompt) if results else nothing
    warnings = tuple(f"{NO_ANSWER}{name}: {error}" for name, error in failed)
    return replace(merged, warnings=(*warnings, *merged.warnings))


def _with_names(result: Result, name: str) -> Result:
    """The answer with that name for the objects that have none."""
    if not len(result.detections) or all(result.labels):
        return result
    labels = [label or name for label in result.labels]
    return result.rebuild(labels=labels, names=labels)


def not_found(names: Sequence[str], result: Result) -> list[str]:
    """Names that were looked for, and that no object of the answer is called by.

    Empty if no object was found at all, or if some have no label. A class whose call failed is in the warnings instead.
    """
    if not result.labels or not all(result.labels):
        return []
    labels = [label.casefold() for label in result.labels]
    return [
        name
        for name in names
        if not any(name.casefold() in label for label in labels)
        and not any(warning.startswith(f"{NO_ANSWER}{name}:") for warning in result.warnings)
    ]
