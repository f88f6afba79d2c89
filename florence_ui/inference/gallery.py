"""The gallery: pictures to start from, each with questions that suit it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from florence_ui.assets import EXAMPLES, PHOTOGRAPHS
from florence_ui.inference.request import Question
from florence_ui.prompts import Region
from florence_ui.tasks import InputKind, get_task

THUMBNAILS = "thumbnails"
"""Folder beside the pictures with a small copy of each, so that the first visit need not wait for large ones."""
LISTING = "examples.json"
WORDS = "<REFERRING_EXPRESSION_SEGMENTATION>"


@dataclass(frozen=True)
class Example:
    """One picture with its task, and with an input for every task.

    Attributes:
        title: Its title.
        token: The token of the task that suits it best.
        text: A sentence about it, for tasks that take a phrase.
        classes: Names of objects in it, the most prominent first.
        region: A region that is worth asking about.
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

    @property
    def is_drawn(self) -> bool:
        """Whether it is one of the drawn scenes, which nano knows."""
        return self.path is not None and self.path.is_relative_to(EXAMPLES)

    def question(self, token: str = "", *, model_id: str = "", backend: str = "local") -> Question:
        """The question of a task about this picture, with no more input than the task takes.

        Args:
            token: The task's token; the example's own task if omitted.
            model_id: The model; see `Question`.
            backend: The backend.
        """
        task = get_task(token or self.token)
        kind, text = task.input_kind, self.text
        if task.token == WORDS and task.token != self.token:  # it takes a description of one object, not a sentence
            text = next((f"the {name}" for name in self.classes), text)
        return Question(
            task.token,
            text if kind is InputKind.PHRASE else "",
            self.classes if kind is InputKind.CLASSES else (),
            self.region if kind is InputKind.REGION else None,
            model_id,
            backend,
        )


BY_LINK = Example(
    "Dog, by link",
    "<CAPTION_TO_PHRASE_GROUNDING>",
    "A man carrying a dog on his back.",
    ("dog", "man"),
    link="https://media.roboflow.com/notebooks/examples/dog.jpeg",
)


def load_examples(folders: Sequence[Path] = (PHOTOGRAPHS, EXAMPLES)) -> list[Example]:
    """The bundled pictures that each folder's `examples.json` names, then one by link."""
    return [*(example for folder in folders for example in _read_listing(folder)), BY_LINK]


def _read_listing(folder: Path) -> list[Example]:
    listing = folder / LISTING
    rows = json.loads(listing.read_text("utf-8")) if listing.exists() else []
    return [
        Example(
            row["title"],
            get_task(row["task"]).token,
            row["text"],
            tuple(row["classes"]),
            tuple(row["region"]) if row["region"] else None,
            folder / row["file"],
            (folder / THUMBNAILS / row["file"]).with_suffix(".webp"),
        )
        for row in rows
    ]
