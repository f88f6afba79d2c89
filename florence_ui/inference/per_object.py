"""Ask about objects that were found: describe it, what is it, segment it, read it; for one or for all of them."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from florence_ui.concurrency.bounded import run_bounded
from florence_ui.concurrency.fair_pool import decode_pool
from florence_ui.errors import InputError
from florence_ui.images.loading import Picture, crop
from florence_ui.inference.pipeline import Analysis, Request
from florence_ui.results.merge import Outcome, attach_polygons, attach_texts, replace_with_text_lines, translate
from florence_ui.results.result import Result
from florence_ui.tasks import Region, Task, get_task

Analyze = Callable[[Request], Awaitable[Analysis]]
"""Asks the model once: `Pipeline.analyze`, or what a page puts before it."""
CROP_MARGIN = 0.04
"""Margin around an object that is cut out to read its text, as a share of its longer side: letters touch the box."""


class Action(StrEnum):
    """What can be asked about an object."""

    DESCRIBE = "describe"
    NAME = "name"
    SEGMENT = "segment"
    READ = "read"
    READ_CROP = "read crop"


@dataclass(frozen=True)
class ActionInfo:
    """How an action is called and what it asks.

    Attributes:
        title: Words for a button.
        doing: The same while it runs.
        token: The task that is asked for each object.
        help: One line: what it does.
        merged: (found, answers by row, task) -> one result.
    """

    title: str
    doing: str
    token: str
    help: str
    merged: Callable[..., Result]

    @property
    def task(self) -> Task:
        return get_task(self.token)


ACTIONS: dict[Action, ActionInfo] = {
    Action.DESCRIBE: ActionInfo(
        "Describe",
        "Describing",
        "<REGION_TO_DESCRIPTION>",
        "A short description of what is inside its box.",
        attach_texts,
    ),
    Action.NAME: ActionInfo(
        "What is it?", "Naming", "<REGION_TO_CATEGORY>", "One name for what is inside its box.", attach_texts
    ),
    Action.SEGMENT: ActionInfo(
        "Segment", "Segmenting", "<REGION_TO_SEGMENTATION>", "The outline of what is inside its box.", attach_polygons
    ),
    Action.READ: ActionInfo(
        "Read",
        "Reading",
        "<REGION_TO_OCR>",
        "The words inside its box; the model often reads the whole picture instead.",
        attach_texts,
    ),
    Action.READ_CROP: ActionInfo(
        "Cut out and read",
        "Reading",
        "<OCR_WITH_REGION>",
        "The words in a picture cut out around it: surer than reading it in place.",
        replace_with_text_lines,
    ),
}


@dataclass(frozen=True)
class MultiCallProgress:
    """How far a question with several calls has come.

    Attributes:
        done: Calls that have ended, failed ones included.
        failed: Calls that have failed.
        total: All calls.
        result: The answers so far, merged into one.
        seconds: Since the start.
    """

    done: int
    failed: int
    total: int
    result: Result
    seconds: float


async def ask_about_objects(
    analyze: Analyze,
    template: Request,
    found: Result,
    indices: Sequence[int],
    action: Action,
    *,
    max_concurrency: int = 4,
) -> AsyncIterator[MultiCallProgress]:
    """Ask about objects, several at a time, and yield after each call what is known so far.

    Args:
        analyze: Asks the model.
        template: The request that found the objects: its picture, model, backend and key are used.
        found: The answer that they are in.
        indices: Their rows.
        action: What to ask.
        max_concurrency: How many calls may run at the same time.

    A failed call marks its object and leaves the rest. When the caller leaves the loop, what still runs is
    cancelled; what came before stays in the last `MultiCallProgress`.

    Raises:
        InputError: If there is no such object.
    """
    rows = list(dict.fromkeys(indices))
    if not rows or not all(0 <= row < len(found.detections) for row in rows):
        raise InputError("There is no such object.", "Choose one that was found.", field="objects")
    info = ACTIONS[action]
    answers: dict[int, Outcome] = {}
    start = asyncio.get_running_loop().time()
    jobs = [_job(analyze, template, found, row, action) for row in rows]
    async with contextlib.aclosing(run_bounded(jobs, max_concurrency)) as outcomes:
        async for outcome in outcomes:
            answers[rows[outcome.index]] = outcome.value if outcome.error is None else outcome.error
            failed = sum(not isinstance(answer, Result) for answer in answers.values())
            merged = info.merged(found, answers, info.task)
            seconds = asyncio.get_running_loop().time() - start
            yield MultiCallProgress(len(answers), failed, len(rows), merged, seconds)


def _job(
    analyze: Analyze, template: Request, found: Result, row: int, action: Action
) -> Callable[[], Awaitable[Result]]:
    box = tuple(float(value) for value in found.detections.xyxy[row])
    if action is Action.READ_CROP:
        return lambda: _read_crop(analyze, template, box)
    return lambda: _ask(analyze, template, region_of_box(box, found.size), ACTIONS[action].task)


async def _ask(analyze: Analyze, template: Request, region: Region, task: Task) -> Result:
    request = replace(template, task=task, text="", classes=(), region=region)
    return (await analyze(request)).result


async def _read_crop(analyze: Analyze, template: Request, box: Sequence[float]) -> Result:
    whole = template.picture
    x1, y1, x2, y2 = crop_box(box, whole.size)
    part: Picture = await decode_pool.run(crop, whole, (x1, y1, x2, y2))
    task = ACTIONS[Action.READ_CROP].task
    request = replace(template, picture=part, task=task, text="", classes=(), region=None)
    return translate((await analyze(request)).result, (x1, y1), whole.size)


def region_of_box(box: Sequence[float], size: tuple[int, int]) -> Region:
    """A box in pixels as parts of a picture of (width, height), cut to it."""
    width, height = size
    x1, y1, x2, y2 = (min(1.0, max(0.0, v / side)) for v, side in zip(box, (width, height) * 2, strict=True))
    return x1, y1, x2, y2


def crop_box(box: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box with a margin around it, in whole pixels of a picture of (width, height), cut to it."""
    x1, y1, x2, y2 = box
    margin = CROP_MARGIN * max(x2 - x1, y2 - y1)
    return (
        max(0, math.floor(x1 - margin)),
        max(0, math.floor(y1 - margin)),
        min(size[0], math.ceil(x2 + margin)),
        min(size[1], math.ceil(y2 + margin)),
    )
