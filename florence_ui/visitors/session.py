"""What one visitor's page remembers while it is open: the picture, the answer shown, the last runs. Never a key."""

from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

from florence_ui.assets import EXAMPLES
from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.images.loading import ImageLimits, Picture
from florence_ui.inference.per_class import Strategy
from florence_ui.inference.pipeline import Analysis
from florence_ui.tasks import Region
from florence_ui.visitors.image_cache import ImageCache

RECENT = 20

images = ImageCache()
"""The visits' pictures as pixels; a session itself keeps the name of the file only."""


@dataclass(frozen=True)
class Question:
    """What was asked, without the key."""

    token: str
    text: str = ""
    classes: tuple[str, ...] = ()
    region: Region | None = None
    model_id: str = ""
    backend: str = ""
    max_new_tokens: int = 1024
    strategy: Strategy = Strategy.TOGETHER


@dataclass(frozen=True)
class Recipe:
    """How an answer came about that took several calls: the prompts, and what followed the first answers."""

    prompts: tuple[str, ...]
    then: FollowUp | None = None


@dataclass(eq=False)
class Run:
    """One answer, with the question and the files that show it.

    Attributes:
        question: What was asked.
        analysis: The answer; its picture is kept apart, see `PageSession.analysis_of`.
        source: The picture's file.
        limits: Within which it was opened.
        before: The picture as it is shown, a JPEG.
        after: The same with the answer drawn on it.
        thumbnail: A small copy of `after`.
        hidden: Rows of the detections that are switched off.
        filtered: Those of them that a filter switched off.
        recipe: How it came about; None for a single call.
    """

    question: Question
    analysis: Analysis
    source: Path
    limits: ImageLimits
    before: Path
    after: Path | None = None
    thumbnail: Path | None = None
    hidden: frozenset[int] = frozenset()
    filtered: frozenset[int] = frozenset()
    recipe: Recipe | None = None


@dataclass(eq=False)
class PageSession:
    """One open page: the picture's file, the answer shown, what the comparison is about.

    `put_up` is the file that was put into the picture's field last, also after it was taken away. `token` is the task
    that the fields were fitted to last: while the page fills several fields, the browser may report them one by one.
    """

    source: tuple[Path, ImageLimits] | None = None
    shown: Path | None = None
    field_value: Path | None = None
    token: str = ""
    run: Run | None = None
    compared: tuple[Path | None, str] | None = None
    recent: deque[Run] = field(default_factory=lambda: deque(maxlen=RECENT))

    @property
    def from_examples(self) -> bool:
        """Whether the picture is a bundled example."""
        return self.source is not None and self.source[0].is_relative_to(EXAMPLES)

    @property
    def picture(self) -> Picture | None:
        """The picture; blocks where it has to be decoded again.

        Raises:
            ImageError: If it has to be, and its file has aged out.
        """
        source = self.source
        return images.open(*source) if source else None

    async def make_ready(self, run: Run | None = None) -> None:
        """Decode again what has to be: that run's picture, or the one on the page; then nothing below blocks.

        Raises:
            ImageError: If its file has aged out.
        """
        source = (run.source, run.limits) if run else self.source
        if source:
            await images.make_ready(*source)

    def take(self, picture: Picture, shown: Path) -> None:
        """A new picture is on the page; the old answer is not about it."""
        self.source, self.shown, self.run = (picture.path, picture.limits), shown, None
        self.field_value = shown
        images.keep(picture)

    def drop(self) -> None:
        """There is no picture any more."""
        self.source = self.shown = self.run = None

    def answered(self, question: Question, analysis: Analysis, before: Path) -> Run:
        """Remembers an answer, and shows it unless another picture has come onto the page meanwhile."""
        picture = analysis.picture
        images.keep(picture)
        run = Run(question, replace(analysis, picture=None), picture.path, picture.limits, before)
        self.recent.appendleft(run)
        if self.shown == before:
            self.run = run
        return run

    def go_back(self, index: int) -> Run | None:
        """Shows a remembered answer and its picture again; blocks where it has to be decoded again.

        Raises:
            ImageError: If the picture's file has aged out; what was shown stays.
        """
        if not 0 <= index < len(self.recent):
            return None
        run = self.recent[index]
        images.open(run.source, run.limits)
        self.source, self.shown, self.run = (run.source, run.limits), run.before, run
        self.field_value = run.before
        return run

    def analysis_of(self, run: Run) -> Analysis:
        """The answer together with its picture.

        Raises:
            ImageError: If the picture's file has aged out.
        """
        return replace(run.analysis, picture=images.open(run.source, run.limits))
