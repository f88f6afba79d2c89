"""Endpoints about many pictures: `/many` gives their answers, `/export` a file to take away."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.api import work as api_work_module
from florence_ui.api.registration import add_endpoint
from florence_ui.api.values import Question, choice, file_data, names_of, number, pictures_of, question_of, words
from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.exports.datasets import Export, check_validation_share
from florence_ui.exports.formats import FORMATS, Options, export_answer, export_batch
from florence_ui.identity import Visitor
from florence_ui.inference.batch import Batch, reopen
from florence_ui.rendering.annotate import Style
from florence_ui.visitors.jobs import Output
from florence_ui.visitors.service import Services, visitor_of

FORMAT_NAMES = {**names_of((name, name) for name in FORMATS), "jpg": "jpeg"}


@dataclass(frozen=True)
class ManyJob:
    """One question about many pictures.

    Attributes:
        question: What is asked.
        batch: The pictures.
        file_format: In which the answers are to be taken away; empty for no file.
        validation: The part of a data set's pictures to hold back for validation.
    """

    question: Question
    batch: Batch
    file_format: str = ""
    validation: float = 0.0


def job_of(
    services: Services, images: Any, image_urls: Any, file_format: Any = "", validation: Any = 0.0, **question: Any
) -> ManyJob:
    """What a program asks about many pictures; nothing is opened or fetched yet.

    Raises:
        InputError: If something cannot be used, in words.
    """
    name = words(file_format, "file_format").strip()
    wanted = choice(name, "file_format", FORMATS, FORMAT_NAMES) if name else ""
    share = check_validation_share(number(validation, "validation"))
    return ManyJob(question_of(services, **question), Batch(pictures_of(images, image_urls)), wanted, share)


async def run_job(services: Services, work: ManyJob, visitor: Visitor) -> Output:
    """The file, if one is wanted, and a record of each picture's state.

    Raises:
        FlorenceUIError: If the only picture fails, or there is nothing to put into the file.
    """
    await api_work_module.over_all(services, work.batch, work.question, visitor)
    record = api_work_module.batch_record(work.batch, answers=not work.file_format)
    if not work.file_format:
        return None, record
    export = await export_file(services, work.file_format, work.batch, work.validation)
    return export.path, record | {"notes": list(export.notes)}


def add_endpoints(services: Services) -> None:
    """Adds `/many` and `/export` to the `gr.Blocks` that is open."""
    add_many(services)
    add_export(services)


def add_many(services: Services) -> None:
    """`/many`: the same question about up to 200 pictures."""

    async def many(
        images: list[FileData] | None = None,
        task: str = "<OD>",
        text: str = "",
        classes: list[str] | str = "",
        region: list[float] | None = None,
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        image_urls: list[str] | None = None,
        request: gr.Request | None = None,
    ) -> dict:
        """Ask Florence-2 the same about up to 200 pictures, several at a time.

        A picture that fails has its reason in place of an answer; the others stay. For more than a few dozen
        pictures start_many does not keep you waiting.

        Args:
            images: The pictures: files uploaded to this app, or the addresses that the uploads got here.
            task: The task's token, such as <CAPTION>, <OD> or <OCR>; or custom, then text is the whole prompt.
            text: The phrase for tasks that take one.
            classes: Names to look for, a list or one text with commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], parts of the picture's sides, 0 to 1, or pixels; the same in every picture.
            model_id: The model, such as florence-2-base; empty for the usual one. Nano only knows drawn scenes.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.
            image_urls: Links to pictures anywhere on the web, instead of images or after them.

        Returns:
            How many are done and failed, and each picture's name, state (done or failed), reason and answer.
        """
        work = job_of(
            services, images, image_urls, task=task, text=text, classes=classes, region=region,
            model_id=model_id, backend=backend, api_key=api_key,
        )  # fmt: skip
        return (await run_job(services, work, visitor_of(request, services.settings)))[1]

    add_endpoint(services, many)


def add_export(services: Services) -> None:
    """`/export`: answers as a file."""

    async def export(
        images: list[FileData] | None = None,
        task: str = "<OD>",
        file_format: str = "json",
        text: str = "",
        classes: list[str] | str = "",
        region: list[float] | None = None,
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        validation: float = 0.0,
        image_urls: list[str] | None = None,
        request: gr.Request | None = None,
    ) -> tuple[FileData, dict]:
        """Ask Florence-2 the same about one or up to 200 pictures, and take the answers away as a file.

        Formats: json, csv, zipped data sets (yolo, coco, voc), png and jpeg (the picture with the answer drawn on it,
        at its own size; several are zipped), masks (zipped outlines, of several pictures a folder for each).
        Pictures that fail are left out of the file. For more than a few dozen pictures start_many, with a
        file_format, does not keep you waiting.

        Args:
            images: The pictures: files uploaded to this app, or the addresses that the uploads got here.
            task: The task's token, such as <OD>, <OCR_WITH_REGION> or <REGION_PROPOSAL>.
            file_format: One of json, csv, yolo, coco, voc, png, jpeg, masks.
            text: The phrase for tasks that take one.
            classes: Names to look for, a list or one text with commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], parts of the picture's sides, 0 to 1, or pixels; the same in every picture.
            model_id: The model, such as florence-2-base; empty for the usual one. Nano only knows drawn scenes.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.
            validation: The part of a data set's pictures to hold back for validation, 0 to 0.9; the same every time.
            image_urls: Links to pictures anywhere on the web, instead of images or after them.

        Returns:
            The file.
            How many are done and failed, each picture's name, state, reason and warnings, notes on what was left out.
        """
        work = job_of(
            services, images, image_urls, choice(file_format, "file_format", FORMATS, FORMAT_NAMES), validation,
            task=task, text=text, classes=classes, region=region, model_id=model_id, backend=backend, api_key=api_key,
        )  # fmt: skip
        file, record = await run_job(services, work, visitor_of(request, services.settings))
        return file_data(file), record

    add_endpoint(services, export)


async def export_file(services: Services, name: str, batch: Batch, validation: float) -> Export:
    """The file in that format.

    Raises:
        FlorenceUIError: If there is nothing to put into it.
    """
    limits = services.image_limits
    if FORMATS[name].file_a_picture and len(batch.items) == 1:
        analysis = await reopen(batch.items[0], limits)
        rows = range(len(analysis.result.detections))
        return Export(await draw_pool.run(export_answer, name, analysis, Style(), rows))
    options = Options(limits, validation=validation)
    return await draw_pool.run(export_batch, name, batch, options)
