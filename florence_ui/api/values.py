"""What a program posted, read strictly but without pedantry: what can only mean one thing is taken, whatever cannot
be used becomes a sentence that names its field.
"""

import mimetypes
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from gradio.data_classes import FileData

from florence_ui.errors import InputError, PromptError
from florence_ui.hosting.uploads import FILE_ROUTE, find_upload, upload_path
from florence_ui.images.loading import Picture
from florence_ui.inference.batch import MAX_PICTURES, Item
from florence_ui.inference.chains import CHAINS
from florence_ui.inference.pipeline import Request
from florence_ui.tasks import TASKS, Region, build_prompt, check_region, get_task, split_classes
from florence_ui.visitors.service import Services, parse_key

MAX_FIELD = 100_000
"""Most characters of any text that a program may send."""
MAX_COORDINATE = 1_000_000
"""No picture has so many pixels a side."""
WHOLE: Region = (0.0, 0.0, 1.0, 1.0)
REGION_HINT = "Send [x1, y1, x2, y2]: parts of the picture's sides, 0 to 1, or pixels."

Names = Mapping[str, str]
"""What a program may write, folded by `fold`, and what it stands for."""


def fold(name: str) -> str:
    """A name without what people and programs spell differently: `<OD>`, `od` and `Od` are one."""
    return re.sub(r"[\s_-]+", " ", name.strip().removeprefix("<").removesuffix(">")).strip().casefold()


def names_of(titles: Iterable[tuple[str, str]]) -> Names:
    """From (name, title in words): both stand for the name."""
    return {fold(word): name for name, title in titles for word in (title, name)}


TASK_NAMES = names_of((token, task.title) for token, task in TASKS.items())
CHAIN_NAMES = names_of((name, chain.title) for name, chain in CHAINS.items())


@dataclass(frozen=True)
class Question:
    """What a program asks; the picture is still to come, so nothing is opened or fetched for a bad question.

    Attributes:
        request: The question without its picture.
        pixels: Its region in pixels of that picture; None where it is given in parts, or there is none.
    """

    request: Request
    pixels: Region | None = None

    def about(self, picture: Picture) -> Request:
        """The question about a picture.

        Raises:
            PromptError: If its region in pixels lies outside that picture.
        """
        if self.pixels is None:
            return replace(self.request, picture=picture)
        width, height = picture.size
        parts = [value / side for value, side in zip(self.pixels, (width, height) * 2, strict=True)]
        if max(parts) > 1:
            words = f"The region lies outside the picture, which has {width} x {height} pixels."
            raise PromptError(words, REGION_HINT, field="region")
        return replace(self.request, picture=picture, region=check_region(parts))


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
) -> Question:
    """A program's question.

    Args:
        field: What stands before the names of model and backend where a program gives two of each.

    Raises:
        InputError: If something cannot be used, in words.
    """
    token = words(task, "task")
    known, phrase = get_task(TASK_NAMES.get(fold(token), token)), words(text, "text")
    names, box, pixels = class_names(classes), *region_of(region)
    build_prompt(known, text=phrase, classes=names, region=WHOLE if pixels else box)
    where = words(backend, f"{field}backend").strip().lower() or services.settings.default_backend
    request = Request(
        None,
        known,
        text=phrase,
        classes=names,
        region=box,
        model_id=words(model_id, f"{field}model_id").strip(),
        backend=services.backend(where).name,
        api_key=parse_key(words(api_key, "api_key")),
    )
    return Question(request, pixels)


async def picture_of(services: Services, image: Any, image_url: Any) -> Picture:
    """The uploaded picture, or the one behind the link.

    Raises:
        InputError: If there is neither or both, or it cannot be opened.
    """
    link = words(image_url, "image_url").strip()
    if image and link:
        raise InputError("There are two pictures.", "Give image or image_url, not both.", field="image")
    if link:
        return await services.open_link(link)
    if not image:
        raise InputError("There is no picture.", "Give image (an uploaded file) or image_url.", field="image")
    return await services.open_upload(posted_file(image))


def pictures_of(images: Any, image_urls: Any) -> list[Item]:
    """The uploaded files that a list names, then the pictures behind links, in their order; nothing is fetched yet.

    Raises:
        InputError: If they are not lists, empty or too long, or hold something that is no upload of this app.
    """
    images, links = [] if images is None else images, links_of(image_urls)
    if not isinstance(images, list):
        raise InputError("images is not a list.", "Send a list of uploaded files.", field="images")
    count = len(images) + len(links)
    if count > MAX_PICTURES:
        raise InputError(f"Those are {count} pictures.", f"Send {MAX_PICTURES} at a time at the most.", field="images")
    if not count:
        hint = "Send uploaded files in images, or links in image_urls."
        raise InputError("There are no pictures.", hint, field="images")
    look = cache(find_upload)
    files = [upload_path(posted_file(value), look) for value in images]
    return [*(Item(path, path.name) for path in files), *(Item(None, link_name(link), link=link) for link in links)]


def links_of(value: Any) -> list[str]:
    """Links as they were posted: a list of them, or one; empty ones count for nothing.

    Raises:
        InputError: If it is something else.
    """
    links = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(links, list):
        raise InputError("image_urls is not a list.", "Send a list of links.", field="image_urls")
    return [link for each in links if (link := words(each, "image_urls").strip())]


def link_name(link: str) -> str:
    """What the picture behind a link is called: the last part of its path, without a query, which may hold a key.

    Control characters, written as `%00` in a link, are left out.
    """
    try:
        parts = urlsplit(link)
        name = "".join(c for c in PurePosixPath(unquote(parts.path)).name if unicodedata.category(c) != "Cc")
        return name[:200] or parts.hostname or "picture"
    except ValueError:
        return "picture"


def posted_file(value: Any) -> Any:
    """A file as a program names it; an address, which agents have in its place, becomes the path in it.

    Nothing is fetched, whatever host the address names: the path is that of an upload of this app, or refused.
    """
    if isinstance(value, str) and FILE_ROUTE in value:
        return unquote(value.partition(FILE_ROUTE)[2])
    return value


def file_data(path: Path | None) -> FileData | None:
    """A file of ours as Gradio hands it out."""
    if path is None:
        return None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileData(path=str(path), orig_name=path.name, mime_type=kind)


def choice(value: Any, field: str, known: Sequence[str], names: Names | None = None) -> str:
    """One of some names, however it is spelt; see `fold`.

    Args:
        value: As it was posted.
        field: Where.
        known: The names.
        names: What else may be written for them.

    Raises:
        InputError: If it is none of them.
    """
    name = (names or names_of((each, each) for each in known)).get(fold(words(value, field)))
    if name is None:
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


def class_names(value: Any) -> tuple[str, ...]:
    """Classes as they were posted: a list of names, or one text with commas between them.

    Raises:
        InputError: If it is something else.
    """
    if not isinstance(value, list):
        return tuple(split_classes(words(value, "classes")))
    if not all(isinstance(name, str) for name in value):
        raise InputError("classes is not a list of names.", "Send strings, or one text with commas.", field="classes")
    return tuple(words(name, "classes") for name in value)


def region_of(value: Any) -> tuple[Region | None, Region | None]:
    """A region as it was posted, in parts of the picture or in pixels; the other one is None.

    Anything beyond 1 can only be pixels. None and an empty list are no region.

    Raises:
        PromptError: If it is not four numbers, or neither the one nor the other.
    """
    if value is None or value == []:
        return None, None
    plain = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 4
    if not plain or not all(type(v) in (int, float) and abs(v) <= MAX_COORDINATE for v in value):
        raise PromptError("The region is not four numbers.", REGION_HINT, field="region")
    if max(value) <= 1:
        return check_region(value), None
    if min(value) < 0 or max(value) < 2:
        raise PromptError("The region lies outside the picture.", REGION_HINT, field="region")
    if any(0 < v < 1 for v in value):
        raise PromptError("The region mixes parts of the picture and pixels.", REGION_HINT, field="region")
    x1, y1, x2, y2 = map(float, value)
    check_region([v / MAX_COORDINATE for v in (x1, y1, x2, y2)])
    return None, (x1, y1, x2, y2)
