"""The page's abilities for programs: named endpoints with named parameters, all but the first with defaults.

    client = gradio_client.Client("http://127.0.0.1:7860")
    picture, answer = client.predict(handle_file("dog.jpg"), "<OD>", api_name="/analyse")

A file that a program names is taken only if it was uploaded to this app; see `uploads.uploaded`.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.errors import FlorenceUIError, InputError, PromptError
from florence_ui.exporting import as_record
from florence_ui.images import Picture
from florence_ui.pipeline import Request, draw
from florence_ui.tasks import Region, build_prompt, check_region, get_task, split_classes
from florence_ui.ui.services import Services, typed_key, visitor_of

MAX_FIELD = 100_000
"""Most characters of any text that a program may send."""


def add_endpoints(services: Services) -> None:
    """Adds `/analyse` to the `gr.Blocks` that is open."""

    async def analyse(
        image: FileData | None = None,
        task: str = "<OD>",
        text: str = "",
        classes: str = "",
        region: list[float] | None = None,
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        image_url: str = "",
        request: gr.Request | None = None,
    ) -> tuple[FileData, dict]:
        """Look at a picture with Florence-2: caption it, find, segment or read what is in it.

        Args:
            image: The picture: an uploaded file.
            task: The task's token, such as <CAPTION>, <OD> or <OCR>; or custom, then text is the whole prompt.
            text: The phrase for tasks that take one.
            classes: Names to look for, separated by commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], each 0 to 1, for tasks about a region.
            model_id: The model; empty for the usual one.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.
            image_url: A link to a picture, instead of image.

        Returns:
            The picture with the answer drawn on it, and the answer with places in pixels of the upright original.
        """
        try:
            asked = await question_of(
                services, image, image_url, task=task, text=text, classes=classes, region=region,
                model_id=model_id, backend=backend, api_key=api_key,
            )  # fmt: skip
            analysis = await services.run(asked, visitor_of(request, services.settings))
            drawn = await draw(analysis, full=True)
        except FlorenceUIError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return FileData(path=str(drawn), orig_name=drawn.name, mime_type="image/jpeg"), as_record(analysis)

    gr.api(analyse, api_name="analyse", concurrency_limit=None)


async def question_of(services: Services, image: Any, image_url: Any, **given: Any) -> Request:
    """A program's question; everything is checked before the picture is opened or fetched.

    Raises:
        InputError: If something cannot be used, in words.
    """
    task = get_task(words(given["task"], "task"))
    text = words(given["text"], "text")
    classes = tuple(split_classes(words(given["classes"], "classes")))
    region = numbers(given["region"])
    build_prompt(task, text=text, classes=classes, region=region)
    backend = services.backend(words(given["backend"], "backend").strip() or services.settings.first_backend)
    model_id = words(given["model_id"], "model_id").strip()
    key = typed_key(words(given["api_key"], "api_key"))
    return Request(
        await picture_of(services, image, words(image_url, "image_url").strip()),
        task,
        text=text,
        classes=classes,
        region=region,
        model_id=model_id,
        backend=backend.name,
        api_key=key,
    )


async def picture_of(services: Services, image: Any, image_url: str) -> Picture:
    """The uploaded picture, or the one behind the link.

    Raises:
        InputError: If there is neither or both, or it cannot be had.
    """
    if image and image_url:
        raise InputError("There are two pictures.", "Give image or image_url, not both.", field="image")
    if image_url:
        return await services.open_link(image_url)
    if not image:
        raise InputError("There is no picture.", "Give image (an uploaded file) or image_url.", field="image")
    return await services.open_upload(image)


def words(value: Any, field: str) -> str:
    """A text as it was posted; None counts as empty.

    Raises:
        InputError: If it is something else, or far too long.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{field} is not a text.", "Send a string.", field=field)
    if len(value) > MAX_FIELD:
        raise InputError(f"{field} is too long.", f"Keep it under {MAX_FIELD:,} characters.", field=field)
    return value


def numbers(value: Any) -> Region | None:
    """A region as it was posted; None and an empty list are no region.

    Raises:
        PromptError: If it is not four numbers in 0..1.
    """
    if value is None or value == []:
        return None
    plain = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 4
    if not plain or not all(type(v) in (int, float) and abs(v) < 10 for v in value):
        raise PromptError("The region is not four numbers.", "Send [x1, y1, x2, y2], each 0 to 1.", field="region")
    return check_region(value)
