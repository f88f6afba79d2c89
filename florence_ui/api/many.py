"""Endpoints about many pictures: `/many` gives their answers, `/export` a file to take away."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from gradio.data_classes import FileData

from florence_ui.api.registration import QUESTION, Endpoints
from florence_ui.api.values import (
    FORMAT_NAMES,
    choice,
    file_data,
    number,
    pictures_of,
    status_to_program,
    template_of,
    words,
)
from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import BusyError, FlorenceUIError
from florence_ui.exports.datasets import Export, check_validation_share
from florence_ui.exports.formats import FORMATS, Options, export_answer, export_batch
from florence_ui.exports.records import analysis_record
from florence_ui.images.loading import Picture
from florence_ui.inference.batch import Batch, ItemState, OpenLink, reopen
from florence_ui.inference.request import RequestTemplate
from florence_ui.rendering.style import Style
from florence_ui.visitors.jobs import Output, report_progress
from florence_ui.visitors.multi_call import batch_turn, max_concurrency
from florence_ui.visitors.service import Services, wait_for_quota

endpoints = Endpoints()


@endpoints.add("images", *QUESTION, "image_urls")
async def many(services: Services, **posted: object) -> dict[str, Any]:
    """Ask Florence-2 the same about up to 200 pictures, several at a time.

    A picture that fails has its reason in place of an answer; the others stay. For more than a few dozen
    pictures start_many does not keep you waiting.

    Returns:
        How many are done and failed, and each picture's name, state (done or failed), reason and answer.
    """
    return (await run_job(services, job_of(services, **posted)))[1]


@endpoints.add(
    "images", "task", "file_format", "text", "classes", "region", "model_id", "backend", "api_key", "validation",
    "image_urls",
)  # fmt: skip
async def export(services: Services, file_format: object, **posted: object) -> tuple[FileData | None, dict[str, Any]]:
    """Ask Florence-2 the same about one or up to 200 pictures, and take the answers away as a file.

    Formats: json, csv, zipped data sets (yolo, coco, voc), png and jpeg (the picture with the answer drawn on it,
    at its own size; several are zipped), masks (zipped outlines, of several pictures a folder for each).
    Pictures that fail are left out of the file. For more than a few dozen pictures start_many, with a
    file_format, does not keep you waiting.

    Returns:
        The file.
        How many are done and failed, each picture's name, state, reason and warnings, notes on what was left out.
    """
    wanted = _format_of(file_format)
    file, record = await run_job(services, job_of(services, file_format=wanted, **posted))
    return file_data(file), record


def _format_of(value: object) -> str:
    """The name of an export format, however a program spells it."""
    return choice(value, "file_format", FORMAT_NAMES)


@dataclass(frozen=True)
class ManyJob:
    """One question about many pictures.

    Attributes:
        template: The question.
        batch: The pictures.
        file_format: The format of the exported file; empty for no file.
        validation: The fraction of a dataset's pictures to hold back for validation.
    """

    template: RequestTemplate
    batch: Batch
    file_format: str = ""
    validation: float = 0.0


def job_of(
    services: Services,
    *,
    images: object,
    image_urls: object,
    file_format: object = "",
    validation: object = 0.0,
    **question: object,
) -> ManyJob:
    """Read what a program asks about many pictures; nothing is opened or fetched yet.

    Raises:
        InputError: If a field cannot be used.
    """
    name = words(file_format, "file_format").strip()
    wanted = _format_of(name) if name else ""
    share = check_validation_share(number(validation, "validation"))
    return ManyJob(template_of(services, question), Batch(pictures_of(images, image_urls)), wanted, share)


async def run_job(services: Services, job: ManyJob) -> Output:
    """The file, if one was requested, and a record of each picture's state.

    Raises:
        FlorenceUIError: If the only picture fails, or there is nothing to put into the file.
    """
    await _ask_about_all(services, job.batch, job.template)
    record = _batch_record(job.batch, answers=not job.file_format)
    if not job.file_format:
        return None, record
    made = await _export_file(services, job)
    return made.path, record | {"notes": list(made.notes)}


async def _ask_about_all(services: Services, batch: Batch, template: RequestTemplate) -> None:
    """Ask about every picture of a batch.

    Raises:
        FlorenceUIError: If the only picture fails.
    """
    places, tell, count = max_concurrency(services, template), status_to_program(), len(batch.items)
    going = batch.run(
        services.pipeline.analyze,
        template,
        max_concurrency=places,
        limits=services.image_limits,
        previews=False,
        turn=batch_turn(services, batch, template, tell),
        open_link=_link_opener(services, places, tell),
    )
    report_progress(0, count, f"0 of {count} pictures.")
    async with contextlib.aclosing(going):
        async for _ in going:
            report_progress(batch.ended, count, f"{batch.ended} of {count} pictures.")
    if count == 1 and not batch.done:
        raise FlorenceUIError(batch.items[0].reason)


def _link_opener(services: Services, places: int, on_status: OnStatus) -> OpenLink:
    """Open pictures behind links, a few at a time; wait while the visitor's quota is used up."""
    free = asyncio.Semaphore(places)

    async def open_link(link: str) -> Picture:
        async with free:
            while True:
                try:
                    return await services.open_link(link)
                except BusyError as busy:
                    await wait_for_quota(busy, on_status)

    return open_link


def _batch_record(batch: Batch, *, answers: bool) -> dict[str, Any]:
    """A batch's progress, and each picture's state with its answer or at least its warnings."""
    pictures = []
    for number_, item in enumerate(batch.items, start=1):
        state = {"picture": item.name, "picture_number": number_, "state": item.state.value, "reason": item.reason}
        if answers:
            more: dict[str, Any] = {"answer": analysis_record(item.analysis) if item.analysis else None}
        else:
            more = {"warnings": list(item.result.warnings) if item.result else []}
        pictures.append(state | more)
    return {"done": batch.count(ItemState.DONE), "failed": batch.count(ItemState.FAILED), "pictures": pictures}


async def _export_file(services: Services, job: ManyJob) -> Export:
    """The file in the requested format.

    Raises:
        FlorenceUIError: If there is nothing to put into it.
    """
    name, batch, limits = job.file_format, job.batch, services.image_limits
    if FORMATS[name].file_a_picture and len(batch.items) == 1:
        analysis = await reopen(batch.items[0], limits)
        rows = range(len(analysis.result.detections))
        return Export(await draw_pool.run(export_answer, name, analysis, Style(), rows))
    options = Options(limits, validation=job.validation)
    return await draw_pool.run(export_batch, name, batch, options)
