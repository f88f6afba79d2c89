"""Questions about objects that were found: describe, name, segment or read one or all of them."""

import contextlib
import math
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from florence_ui.concurrency.fair_pool import decode_pool
from florence_ui.concurrency.run_bounded import Job, run_bounded
from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.images.loading import crop
from florence_ui.inference.request import Analyze, Request
from florence_ui.prompts import Region
from florence_ui.results.merge import Outcome, attach_polygons, attach_texts, replace_with_text_lines, translate
from florence_ui.results.result import Result
from florence_ui.tasks import Task, get_task

CROP_MARGIN = 0.04
"""Margin around an object that is cut out to read its text, as a fraction of its longer side: letters touch the box."""


class Action(StrEnum):
    """What can be asked about an object."""

    DESCRIBE = "describe"
    NAME = "name"
    SEGMENT = "segment"
    READ = "read"
    READ_CROP = "read crop"


@dataclass(frozen=True)
class ActionInfo:
    """One action's words and task.

    Attributes:
        title: The words on its button.
        doing: The same while it runs.
        token: The task that is asked for each object.
        help: One line about what it does.
        merged: (found, answers by row, task) -> one result.
    """

    title: str
    doing: str
    token: str
    help: str
    merged: Callable[[Result, Mapping[int, Outcome], Task], Result]

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
        "Name", "Naming", "<REGION_TO_CATEGORY>", "One name for what is inside its box.", attach_texts
    ),
    Action.SEGMENT: ActionInfo(
        "Segment", "Segmenting", "<REGION_TO_SEGMENTATION>", "An outline of what is inside its box.", attach_polygons
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
    """The progress of a question with several calls.

    Attributes:
        done: Calls that have ended, failed ones included.
        failed: Calls that have failed.
        total: All calls.
        result: The answers so far, merged into one.
        seconds: Seconds since the start.
    """

    done: int
    failed: int
    total: int
    result: Result
    seconds: float


async def ask_about_objects(
    analyze: Analyze,
    request: Request,
    found: Result,
    indices: Sequence[int],
    action: Action,
    *,
    max_concurrency: int = 4,
) -> AsyncGenerator[MultiCallProgress]:
    """Ask about objects, several at a time, and yield the merged answers after each call.

    Args:
        analyze: Ask the model.
        request: The request whose picture, model, backend and key are used.
        found: The answer that contains the objects.
        indices: Their rows.
        action: What to ask.
        max_concurrency: Calls that may run at the same time.

    A failed call marks its object and does not affect the rest. When the caller leaves the loop, running calls are
    cancelled; the last `MultiCallProgress` keeps the earlier answers.

    Raises:
        InputError: If there is no such object.
        FlorenceUIError: If every call fails.
    """
    rows = list(dict.fromkeys(indices))
    if not rows or not all(0 <= row < len(found.detections) for row in rows):
        raise InputError("There is no such object.", "Choose one that was found.", field="objects")
    info = ACTIONS[action]
    jobs = [_job(analyze, request, found, row, action) for row in rows]
    async with contextlib.aclosing(collect_answers(jobs, max_concurrency)) as going:
        async for answers, seconds in going:
            failed = sum(isinstance(answer, FlorenceUIError) for answer in answers.values())
            merged = info.merged(found, {rows[index]: answer for index, answer in answers.items()}, info.task)
            if failed == len(rows):
                raise FlorenceUIError("None of the objects got an answer.", merged.warnings[0])
            yield MultiCallProgress(len(answers), failed, len(rows), merged, seconds)


async def collect_answers(
    jobs: Sequence[Job[Result]], max_concurrency: int
) -> AsyncGenerator[tuple[dict[int, Outcome], float]]:
    """Yield the answers so far by the jobs' index, and the seconds since the start, after each answer."""
    answers: dict[int, Outcome] = {}
    start = time.monotonic()
    async with contextlib.aclosing(run_bounded(jobs, max_concurrency)) as going:
        async for index, answer in going:
            answers[index] = answer
            yield answers, time.monotonic() - start


async def result_of(analyze: Analyze, request: Request) -> Result:
    """Ask a request and return its answer without the picture."""
    return (await analyze(request)).result


def _job(analyze: Analyze, request: Request, found: Result, row: int, action: Action) -> Job[Result]:
    x1, y1, x2, y2 = found.detections.xyxy[row].tolist()
    box, task = (x1, y1, x2, y2), ACTIONS[action].task
    if action is Action.READ_CROP:
        return partial(_read_crop, analyze, request.with_task(task), box)
    return partial(result_of, analyze, request.with_task(task, region=region_of_box(box, found.size)))


async def _read_crop(analyze: Analyze, request: Request, box: Region) -> Result:
    whole = request.picture
    x1, y1, x2, y2 = crop_box(box, whole.size)
    part = await decode_pool.run(crop, whole, (x1, y1, x2, y2))
    return translate(await result_of(analyze, replace(request, picture=part)), (x1, y1), whole.size)


def region_of_box(box: Region, size: tuple[int, int]) -> Region:
    """A box in pixels as fractions of a picture of (width, height), clipped to it."""
    width, height = size
    x1, y1, x2, y2 = (min(1.0, max(0.0, v / side)) for v, side in zip(box, (width, height) * 2, strict=True))
    return x1, y1, x2, y2


def crop_box(box: Region, size: tuple[int, int], *, margin: float = CROP_MARGIN) -> tuple[int, int, int, int]:
    """A box with a margin around it, in whole pixels of a picture of (width, height), clipped to it.

    Args:
        box: The box in pixels.
        size: The picture's size.
        margin: The margin as a fraction of the box's longer side.
    """
    x1, y1, x2, y2 = box
    margin *= max(x2 - x1, y2 - y1)
    return (
        max(0, math.floor(x1 - margin)),
        max(0, math.floor(y1 - margin)),
        min(size[0], math.ceil(x2 + margin)),
        min(size[1], math.ceil(y2 + margin)),
    )
