"""Endpoints about many pictures: `/many` gives their answers, `/export` a file to take away."""

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.batch import Batch, reopen
from florence_ui.drawing import Style
from florence_ui.exports.datasets import Export, check_share
from florence_ui.fair_pool import drawing
from florence_ui.ui import api_work, downloads, many_downloads
from florence_ui.ui.api_values import as_file, choice, files_of, number, question_of, told
from florence_ui.ui.services import Services, visitor_of

FORMATS = tuple(many_downloads.MAKERS)
"""What `/export` makes."""
DRAWN = ("png", "jpeg", "masks")
"""Those that are made of one picture in another way than of several: not as a zip of pictures or folders."""


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
        validation: float = 0.0,
        request: gr.Request | None = None,
    ) -> tuple[FileData, dict]:
        """Ask Florence-2 the same about one or up to 200 pictures, and take the answers away as a file.

        Formats: json, csv, zipped data sets (yolo, coco, voc), png and jpeg (the picture with the answer drawn on it,
        at its own size; several are zipped), masks (zipped outlines, of several pictures a folder for each).
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
            validation: The part of a data set's pictures to hold back for validation, 0 to 0.9; the same every time.

        Returns:
            The file.
            How many are done and failed, each picture's name, state and reason, and notes on what was left out.
        """
        with told():
            wanted = choice(file_format, "file_format", FORMATS)
            template = question_of(
                services, task=task, text=text, classes=classes, region=region,
                model_id=model_id, backend=backend, api_key=api_key,
            )  # fmt: skip
            batch = Batch.of(files_of(images))
            share = check_share(number(validation, "validation"))
            await api_work.over_all(services, batch, template, visitor_of(request, services.settings))
            export = await made(services, wanted, batch, share)
            record = api_work.batch_record(batch, answers=False)
            return as_file(export.path), record | {"notes": list(export.notes)}

    gr.api(export, api_name="export", concurrency_limit=None)


async def made(services: Services, name: str, batch: Batch, validation: float) -> Export:
    """The file in that format.

    Raises:
        FlorenceUIError: If there is nothing to put into it.
    """
    limits = services.image_limits
    if name in DRAWN and len(batch.items) == 1:
        analysis = await reopen(batch.items[0], limits)
        rows = range(len(analysis.result.detections))
        return Export(await drawing.run(downloads.MAKERS[name], analysis, Style(), rows))
    options = many_downloads.Options(limits, validation=validation)
    return await drawing.run(many_downloads.make, name, batch, options)
