"""Reading of posted fields: an unambiguous value is accepted however it is written; any other becomes an error that
names the field.
"""

import contextlib
import math
import mimetypes
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.backend_presets import PRESETS
from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import InputError, PromptError
from florence_ui.exports.formats import FORMATS
from florence_ui.hosting.request_limits import RequestRefused, load_json
from florence_ui.hosting.visitor_files import FILE_ROUTE, find_upload, upload_path
from florence_ui.images.loading import Picture
from florence_ui.inference.batch import MAX_PICTURES, Item
from florence_ui.inference.chains import CHAINS
from florence_ui.inference.request import MAX_COORDINATE, REGION_HINT, Question, RequestTemplate
from florence_ui.prompts import Region
from florence_ui.tasks import TASKS
from florence_ui.visitors.jobs import report_progress
from florence_ui.visitors.service import Services

MAX_FIELD = 100_000
"""Maximum length of any text that a program may send."""
Names = Mapping[str, str]
"""What a program may write, folded by `fold` -> what it stands for."""


def fold(name: str) -> str:
    """Normalize the spelling of a name: `<OD>`, `od` and `Od` are the same."""
    return re.sub(r"[\s_-]+", " ", name.strip().removeprefix("<").removesuffix(">")).strip().casefold()


def names_of(titles: Iterable[tuple[str, str]]) -> Names:
    """Map both names and titles to names, from pairs (name, title)."""
    return {fold(word): name for name, title in titles for word in (title, name)}


TASK_NAMES = names_of((token, task.title) for token, task in TASKS.items())
CHAIN_NAMES = names_of((name, chain.title) for name, chain in CHAINS.items())
BACKEND_NAMES = names_of((name, preset.title) for name, preset in PRESETS.items())
FORMAT_NAMES = {**names_of((name, row.title) for name, row in FORMATS.items()), "jpg": "jpeg"}


def template_of(services: Services, posted: Mapping[str, object], prefix: str = "") -> RequestTemplate:
    """Read a program's question without its picture, so that nothing is opened or fetched for a bad question.

    Args:
        services: What the endpoints call.
        posted: The fields of the question; omitted ones are empty.
        prefix: The prefix of the fields `model` and `backend` where a program gives two of each.

    Raises:
        InputError: If a field cannot be used.
    """
    token = words(posted["task"], "task")
    backend = words(posted.get("backend"), f"{prefix}backend").strip()
    question = Question(
        TASK_NAMES.get(fold(token), token),
        words(posted.get("text"), "text"),
        posted_classes(posted.get("classes")),
        region_of(posted.get("region")),
        words(posted.get("model_id"), f"{prefix}model_id"),
        BACKEND_NAMES.get(fold(backend), backend) or services.settings.default_backend,
    )
    return services.template(question, key=words(posted.get("api_key"), "api_key"))


async def picture_of(services: Services, image: object, image_url: object) -> Picture:
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


def pictures_of(images: object, image_urls: object) -> list[Item]:
    """The uploaded files that are named, then the pictures behind links, in their order; nothing is fetched yet.

    Raises:
        InputError: If there are none or too many, or a file that is not an upload of this app.
    """
    posted, links = posted_list(images), links_of(image_urls)
    count = len(posted) + len(links)
    if count > MAX_PICTURES:
        raise InputError(f"Those are {count} pictures.", f"Send {MAX_PICTURES} at a time at the most.", field="images")
    if not count:
        hint = "Send uploaded files in images, or links in image_urls."
        raise InputError("There are no pictures.", hint, field="images")
    look = cache(find_upload)
    files = [upload_path(posted_file(value), look) for value in posted]
    return [*(Item(path, path.name) for path in files), *(Item(None, link_name(link), link=link) for link in links)]


def posted_list(value: object) -> list[object]:
    """Read a list as posted: the list, its text in JSON, or its only member; None and an empty text make it empty."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(RequestRefused):
            value = load_json(value.encode())
    if isinstance(value, list):
        return value
    return [] if value in (None, "") else [value]


def links_of(value: object) -> list[str]:
    """Read links as posted: a list, or a text with one on each line; empty ones are ignored.

    Raises:
        InputError: If the value is anything else.
    """
    links = posted_list(value)
    if not all(isinstance(link, str) for link in links):
        raise InputError("image_urls is not a list of links.", "Send strings.", field="image_urls")
    lines = (line.strip() for each in links for line in words(each, "image_urls").splitlines())
    return [line for line in lines if line]


def link_name(link: str) -> str:
    """The name of the picture behind a link: the last part of its path, without a query, which may hold a key.

    Control characters, which a link contains as `%00`, are removed.
    """
    try:
        parts = urlsplit(link)
        name = "".join(c for c in PurePosixPath(unquote(parts.path)).name if unicodedata.category(c) != "Cc")
        return name[:200] or parts.hostname or "picture"
    except ValueError:
        return "picture"


def posted_file(value: object) -> object:
    """A file as a program names it; a URL, which agents give instead, is replaced by the path in it.

    Nothing is fetched, whichever host the URL names: a path that is not an upload of this app is refused.
    """
    if isinstance(value, str) and FILE_ROUTE in value:
        return unquote(value.partition(FILE_ROUTE)[2])
    return value


def file_data(path: Path | None) -> FileData | None:
    """A file of ours as Gradio serves it."""
    if path is None:
        return None
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileData(path=str(path), orig_name=path.name, mime_type=kind)


def choice(value: object, field: str, names: Names) -> str:
    """Find one of some names, however it is spelled; see `fold`.

    Raises:
        InputError: If there is no such name.
    """
    name = names.get(fold(words(value, field)))
    if name is None:
        known = ", ".join(dict.fromkeys(names.values()))
        raise InputError(f"There is no such {field.replace('_', ' ')}.", f"Choose {known}.", field=field)
    return name


def words(value: object, field: str) -> str:
    """Read a text as posted; None counts as empty.

    Raises:
        InputError: If the value is anything else, or far too long.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{field} is not a text.", "Send a string.", field=field)
    if len(value) > MAX_FIELD:
        raise InputError(f"{field} is too long.", f"Use up to {MAX_FIELD:,} characters.", field=field)
    return value


def number(value: object, field: str) -> float:
    """Read a number as posted; None and an empty text count as 0.

    Raises:
        InputError: If the value is anything else.
    """
    found = 0.0 if value in (None, "") else to_float(value)
    if math.isnan(found):
        raise InputError(f"{field} is not a number.", "Send one such as 0.2.", field=field)
    return found


def to_float(value: object) -> float:
    """A number, or a text that is one; NaN if the value is anything else."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            return float(value)
    return math.nan


def posted_classes(value: object) -> tuple[str, ...]:
    """Read classes as posted: a list of names, or one text.

    Raises:
        InputError: If the value is anything else.
    """
    names = posted_list(value)
    if not all(isinstance(name, str) for name in names):
        raise InputError("classes is not a list of names.", "Send strings, or one text with commas.", field="classes")
    words("\n".join(map(str, names)), "classes")  # all of them together may not be too long, either
    return tuple(map(str, names))


def region_of(value: object) -> Region | None:
    """Read four numbers as posted, a list or one text with commas; None, an empty list and text mean no region.

    Raises:
        PromptError: If the value is anything else.
    """
    is_text = isinstance(value, str) and "," in value
    given = str(value).strip(" []").split(",", 4) if is_text else posted_list(value)
    if not given:
        return None
    corners = [to_float(each) for each in given[:5]]
    if len(corners) != 4 or not all(abs(each) <= MAX_COORDINATE for each in corners):
        raise PromptError("The region is not four numbers.", REGION_HINT, field="region")
    x1, y1, x2, y2 = corners
    return x1, y1, x2, y2


def report_status(words: str) -> None:
    """An `OnStatus` that sets the detail of a program's job."""
    report_progress(detail=words)


def status_to_program() -> OnStatus:
    """An `OnStatus` for the current call of a program: its job's detail, or a message if it is not a job."""
    last = ""

    def tell(words: str) -> None:
        nonlocal last
        if words != last:
            last = words
            if not report_progress(detail=words):
                gr.Info(words)

    return tell
