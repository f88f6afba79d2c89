"""Pictures to start from, each with a task that shows something."""

import json
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from florence_ui.assets import EXAMPLES
from florence_ui.tasks import TASKS, Region, get_task
from florence_ui.ui.components.thumbnail_strip import ShelfValue, Tile
from florence_ui.ui.file_data import handed_out

TILES = "tiles"
"""Folder beside the pictures with a small copy of each, for the page's first visit must not wait for large ones."""


@dataclass(frozen=True)
class Example:
    """One picture with its task.

    Attributes:
        title: What it shows.
        token: The task to ask.
        text: The task's phrase.
        classes: The task's classes.
        region: The task's region.
        path: The file of a bundled picture; None where `link` says where to fetch it.
        tile: A small copy of it.
        link: Fetched only when somebody chooses it.
    """

    title: str
    token: str
    text: str = ""
    classes: tuple[str, ...] = ()
    region: Region | None = None
    path: Path | None = None
    tile: Path | None = None
    link: str = ""


BY_LINK = Example(
    "Dog, by link", "<CAPTION_TO_PHRASE_GROUNDING>", "A man carrying a dog on his back.",
    link="https://media.roboflow.com/notebooks/examples/dog.jpeg",
)  # fmt: skip


def load_examples(folder: Path = EXAMPLES) -> list[Example]:
    """The bundled pictures that `examples.json` names, then one by link.

    Their tiles are served from where they are: a copy among the visitors' files would age out with those.
    """
    gr.set_static_paths([folder / TILES])
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
            folder / TILES / row["file"],
        )
        for row in rows
    ]
    return [*bundled, BY_LINK]


def shelf_of(examples: list[Example], current: int = -1) -> ShelfValue:
    """The examples as tiles."""
    tiles = [Tile(title=e.title, note=TASKS[e.token].family.value, image=handed_out(e.tile)) for e in examples]
    return ShelfValue(tiles=tiles, current=current)
