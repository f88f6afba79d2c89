"""What a program posted, read strictly: everything that cannot be used becomes a sentence that names its field."""

import contextlib
import mimetypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.batch import MAX_PICTURES
from florence_ui.errors import FlorenceUIError, InputError, PromptError
from florence_ui.images import Picture
from florence_ui.pipeline import Request
from florence_ui.tasks import Region, build_prompt, check_region, get_task, split_classes
from florence_ui.ui.services import Services, typed_key
from florence_ui.ui.uploads import FILE_ROUTE, uploaded

MAX_FIELD = 100_000
"""Most characters of any text that a program may send."""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors with words reach the program as these words."""
    try:
        yield
    except FlorenceUIError as error:
        raise gr.Error(str(error), print_exception=False) from None


def as_file(path: Path | None) -> FileData | None:
    """A file of ours as Gradio hands it out."""
    if path is None:
        return None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileData(path=str(path), orig_name=path.name, mime_type=kind)


def question_of(
    services: Services,
    *,
    task: Any,
    text: Any = "",
    classes: Any = "",
    region: Any = None,
    model_id: Any = "",
    backend: Any = "",
    api_key: Any = "",
    field: str = "",
) -> Request:
    """A program's question; its picture is still to come, so nothing is opened or fetched for a bad question.

    Args:
        field: What stands before the names of model and backend where a program gives two of each.

    Raises:
        InputError: If something cannot be used, in words.
    """
    known, phrase = get_task(words(task, "task")), words(text, "text")
    names, box = tuple(split_classes(words(classes, "classes"))), numbers(region)
    build_prompt(known, text=phrase, classes=names, region=box)
    return Request(
        None,
        known,
        text=phrase,
        classes=names,
        region=box,
        model_id=words(model_id, f"{field}model_id").strip(),
        backend=services.backend(words(backend, f"{field}backend").strip() or services.settings.first_backend).name,
        api_key=typed_key(words(api_key, "api_key")),
    )


async def picture_of(services: Services, image: Any, image_url: Any) -> Picture:
    """The uploaded picture, or the one behind the link.

    Raises:
        InputError: If there is neither or both, or it cannot be had.
    """
    link = words(image_url, "image_url").strip()
    if image and link:
        raise InputError("There are two pictures.", "Give image or image_url, not both.", field="image")
    if link:
        return await services.open_link(link)
    if not image:
        raise InputError("There is no picture.", "Give image (an uploaded file) or image_url.", field="image")
    return await services.open_upload(named(image))


def files_of(images: Any) -> list[Path]:
    """The uploaded files that a list names, in its order.

    Raises:
        InputError: If it is no list, is empty or too long, or holds something that is no upload of this app.
    """
    if not isinstance(images, list):
        raise InputError("images is not a list.", "Send a list of uploaded files.", field="images")
    if len(images) > MAX_PICTURES:
        raise InputError(
            f"Those are {len(images)} pictures.", f"Send {MAX_PICTURES} at a time at the most.", field="images"
        )
    if not images:
        raise InputError("There are no pictures.", "Send some uploaded files in images.", field="images")
    return [uploaded(named(value)) for value in images]


def named(value: Any) -> Any:
    """A file as a program names it; an address, which agents have in its place, becomes the path in it.

    Nothing is fetched, whatever host the address names: the path is that of an upload of this app, or refused.
    """
    if isinstance(value, str) and FILE_ROUTE in value:
        return unquote(value.partition(FILE_ROUTE)[2])
    return value


def choice(value: Any, field: str, known: Sequence[str]) -> str:
    """One of some names; upper and lower case are the same.

    Raises:
        InputError: If it is none of them.
    """
    name = words(value, field).strip().lower()
    if name not in known:
        raise InputError(f"There is no such {field.replace('_', ' ')}.", f"Choose {', '.join(known)}.", field=field)
    return name


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


def number(value: Any, field: str) -> float:
    """A number as it was posted; None counts as 0.

    Raises:
        InputError: If it is something else.
    """
    if value is None:
        return 0.0
    if type(value) not in (int, float):
        raise InputError(f"{field} is not a number.", "Send one such as 0.2.", field=field)
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
