"""What a visitor sees of their pictures: runs with their answers, and notes about places."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.images.loading import ImageLimits
from florence_ui.inference.per_object import Action
from florence_ui.inference.request import Analysis, Question, StoredAnalysis
from florence_ui.prompts import Region


@dataclass(frozen=True)
class Recipe:
    """The origin of an answer from several calls: the prompts, and the step that followed the first answers."""

    prompts: tuple[str, ...]
    then: FollowUp | None = None


@dataclass(frozen=True)
class Place:
    """An object or a region that was asked about, and how.

    Attributes:
        action: The tool's name.
        index: The object's row; None for a region.
        region: The region.
    """

    action: str
    index: int | None = None
    region: Region | None = None


@dataclass(frozen=True)
class Note:
    """The answer to a question about one place.

    Attributes:
        text: The answer, or why there is none.
        state: Whether it is awaited, has come, or failed.
        caveat: What there is to say about the answer.
        image: A small picture, for a cut-out.
        file: The cut-out as a file.
    """

    text: str = ""
    state: Literal["busy", "done", "failed"] = "done"
    caveat: str = ""
    image: Path | None = None
    file: Path | None = None


@dataclass(eq=False)
class Run:
    """One answer, with the question and the files that show it.

    Attributes:
        question: The question.
        analysis: The answer; `PageSession.analysis_of` adds its picture.
        source: The picture's file.
        limits: The limits within which it was opened.
        before: The displayed picture, a JPEG.
        thumbnail: A small copy with the answer drawn on it.
        hidden: Rows of the hidden detections.
        filtered: Those hidden by a filter.
        recipe: The calls that it came from; None for a single call.
        notes: What was asked about places.
        name: Its name on the stage, by which the drawing of another answer is told apart.
    """

    question: Question
    analysis: StoredAnalysis
    source: Path
    limits: ImageLimits
    before: Path
    thumbnail: Path | None = None
    hidden: frozenset[int] = frozenset()
    filtered: frozenset[int] = frozenset()
    recipe: Recipe | None = None
    notes: dict[Place, Note] = field(default_factory=dict)
    name: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture in pixels."""
        return self.analysis.result.size

    def is_replaced_by(self, run: "Run") -> bool:
        """Whether another run asked the same of the same model and picture, and nothing was done with this one."""
        old, new = self.analysis, run.analysis
        asked = self.question, self.source, old.backend, old.model_id, old.result.task, old.result.prompt
        same = asked == (run.question, run.source, new.backend, new.model_id, new.result.task, new.result.prompt)
        return same and self.recipe is None and not self.notes


@dataclass(eq=False)
class OpenedPicture:
    """A visitor's picture among the recent answers, until there is one about it.

    Attributes:
        source: The picture's file.
        limits: The limits within which it was opened.
        before: The displayed picture, a JPEG.
        size: (width, height) of the original in pixels.
    """

    source: Path
    limits: ImageLimits
    before: Path
    size: tuple[int, int]

    def is_replaced_by(self, run: Run) -> bool:
        """Whether a run is about this picture."""
        return self.before == run.before


class Unfinished(NamedTuple):
    """The merged answers so far of a question about each object of an answer."""

    run: Run
    merged: Analysis
    action: Action
