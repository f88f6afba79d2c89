"""Endpoints about many pictures: `/many` gives their answers, `/export` a file to take away."""

from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.batch import Batch, reopen
from florence_ui.drawing import Style
from florence_ui.errors import InputError
from florence_ui.fair_pool import drawing
from florence_ui.ui import api_work, downloads, many_downloads
from florence_ui.ui.api_values import as_file, choice, files_of, question_of, told
from florence_ui.ui.services import Services, visitor_of

FORMATS = tuple(downloads.MAKERS)
"""What `/export` makes; of several pictures only those in `many_downloads.MAKERS`."""


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
        classes: str = "",
        region: list[float] | None = None,
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        request: gr.Request | None = None,
    ) -> dict:
        """Ask Florence-2 the same about up to 200 pictures, several at a time.

        A picture that fails has its reason in place of an answer; the others stay.

        Args:
            images: The pictures: files uploaded to this app, or the addresses that the uploads got here.
            task: The task's token, such as <CAPTION>, <OD> or <OCR>; or custom, then text is the whole prompt.
            text: The phrase for tasks that take one.
            classes: Names to look for, separated by commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], each 0 to 1, for tasks about a region; the same in every picture.
            model_id: The model, such as florence-2-base; empty for the usual one.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.

        Returns:
            How many are done and failed, and each picture's name, state (done or failed), reason and answer.
        """
        with told():
            template = question_of(
                services, task=task, text=text, classes=classes, region=region,
                model_id=model_id, backend=backend, api_key=api_key,
            )  # fmt: skip
            batch = Batch.of(files_of(images))
            await api_work.over_all(services, batch, template, visitor_of(request, services.settings))
            return api_work.batch_record(batch, answers=True)

    gr.api(many, api_name="many", concurrency_limit=None)


def add_export(services: Services) -> None:
    """`/export`: answers as a file."""

    async def export(
        images: list[FileData] | None = None,
        task: str = "<OD>",
        file_format: str = "json",
        text: str = "",
        classes: str = "",
        region: list[float] | None = None,
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        request: gr.Request | None = None,
    ) -> tuple[FileData, dict]:
        """Ask Florence-2 the same about one or up to 200 pictures, and take the answers away as a file.

        Formats for one or several pictures: json, csv, and zipped data sets: yolo, coco, voc. Formats for one
        picture: png and jpeg (the picture with the answer drawn on it, at its own size), masks (zipped outlines).
        Pictures that fail are left out of the file.

        Args:
            images: The pictures: files uploaded to this app, or the addresses that the uploads got here.
            task: The task's token, such as <OD>, <OCR_WITH_REGION> or <REGION_PROPOSAL>.
            file_format: One of json, csv, yolo, coco, voc, png, jpeg, masks.
            text: The phrase for tasks that take one.
            classes: Names to look for, separated by commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], each 0 to 1, for tasks about a region; the same in every picture.
            model_id: The model, such as florence-2-base; empty for the usual one.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.

        Returns:
            The file.
            How many pictures are done and failed, and each one's name, state (done or failed) and reason.
        """
        with told():
            wanted = choice(file_format, "file_format", FORMATS)
            template = question_of(
                services, task=task, text=text, classes=classes, region=region,
                model_id=model_id, backend=backend, api_key=api_key,
            )  # fmt: skip
            batch = Batch.of(files_of(images))
            check_format(wanted, batch)
            await api_work.over_all(services, batch, template, visitor_of(request, services.settings))
            return as_file(await made(services, wanted, batch)), api_work.batch_record(batch, answers=False)

    gr.api(export, api_name="export", concurrency_limit=None)


def check_format(name: str, batch: Batch) -> None:
    """Refuses a format that is not for so many pictures.

    Raises:
        InputError: Then.
    """
    if len(batch.items) > 1 and name not in many_downloads.MAKERS:
        several = ", ".join(many_downloads.MAKERS)
        raise InputError(f"{name} is for one picture.", f"Send one, or choose {several}.", field="file_format")


async def made(services: Services, name: str, batch: Batch) -> Path:
    """The file in that format.

    Raises:
        FlorenceUIError: If there is nothing to put into it.
    """
    limits = services.image_limits
    if name in many_downloads.MAKERS:
        return await drawing.run(many_downloads.make, name, batch, limits)
    analysis = await reopen(batch.items[0], limits)
    rows = range(len(analysis.result.detections))
    return await drawing.run(downloads.MAKERS[name], analysis, Style(), rows)
