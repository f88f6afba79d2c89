"""Pictures to start from, each with a suitable task."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from florence_ui.assets import EXAMPLES
from florence_ui.prompts import Region
from florence_ui.tasks import TASKS, get_task
from florence_ui.ui.components.thumbnail_strip import Thumbnail, ThumbnailStripValue
from florence_ui.ui.file_data import as_file_data

THUMBNAILS = "thumbnails"
"""Folder beside the pictures with a small copy of each, so that the first visit need not wait for large ones."""


@dataclass(frozen=True)
class Example:
    """One picture with its task.

    Attributes:
        title: Its title.
        token: The task's token.
        text: The task's phrase.
        classes: The task's classes.
        region: The task's region.
        path: The file of a bundled picture; None if `link` says where to fetch it.
        thumbnail: A small copy of it.
        link: Its link, fetched only when somebody chooses it.
    """

    title: str
    token: str
    text: str = ""
    classes: tuple[str, ...] = ()
    region: Region | None = None
    path: Path | None = None
    thumbnail: Path | None = None
    link: str = ""


BY_LINK = Example(
    "Dog, by link", "<CAPTION_TO_PHRASE_GROUNDING>", "A man carrying a dog on his back.",
    link="https://media.roboflow.com/notebooks/examples/dog.jpeg",
)  # fmt: skip


def load_examples(folder: Path = EXAMPLES) -> list[Example]:
    """The bundled pictures that `examples.json` names, then one by link.

    Their thumbnails are served in place: a copy among the visitors' files would age out with those.
    """
    gr.set_static_paths([folder / THUMBNAILS])
    listing = folder / "examples.json"
    rows = json.loads(listing.read_text("utf-8")) if listing.exists() else []
    bundled = [
        Example(
            row["title"],
            get_task(row["task"]).token,
            row.get("text") or "",
            tuple(row.get("classes") or ()),
            tuple(row["region"]) if row.get("region") else None,
            folder / row["file"],
            folder / THUMBNAILS / row["file"],
        )
        for row in rows
    ]
    return [*bundled, BY_LINK]


def example_thumbnails(examples: Sequence[Example], current: int = -1) -> ThumbnailStripValue:
    """The examples as thumbnails."""
    thumbnails = [
        Thumbnail(title=e.title, note=TASKS[e.token].family.value, image=as_file_data(e.thumbnail)) for e in examples
    ]
    return ThumbnailStripValue(thumbnails=thumbnails, current=current)
