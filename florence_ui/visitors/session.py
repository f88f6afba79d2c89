"""What one open page remembers: the picture, the answer shown, the last runs. Never a key."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from florence_ui.errors import InputError
from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.images.loading import ImageLimits, Picture
from florence_ui.inference.request import Analysis, Question, StoredAnalysis
from florence_ui.visitors.image_cache import ImageCache

RECENT = 20

images = ImageCache()
"""The sessions' pictures as pixels; a session itself keeps the name of the file only."""


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
        analysis: The answer; `PageSession.analysis_of` puts its picture to it.
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
    analysis: StoredAnalysis
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
    """One open page.

    Attributes:
        source: The picture's file, and the limits within which it was opened; None without a picture.
        shown: The file that shows it.
        field_value: The file that was put into the picture's field last, also after it was taken away.
        token: The task that the fields were fitted to last: while the page fills several fields, the browser may
            report them one by one.
        run: The answer that is shown.
        compared: What the comparison that is shown is about: the picture shown, and the question in words.
        recent: The last runs, newest first.
    """

    source: tuple[Path, ImageLimits] | None = None
    shown: Path | None = None
    field_value: Path | None = None
    token: str = ""
    run: Run | None = None
    compared: tuple[Path | None, str] | None = None
    recent: deque[Run] = field(default_factory=lambda: deque(maxlen=RECENT))

    async def picture(self) -> Picture:
        """The picture on the page.

        Raises:
            InputError: If there is none.
            ImageError: If it has to be decoded again, and its file has aged out.
        """
        if self.source is None:
            raise InputError("There is no picture yet.", "Add one or choose an example.", field="image")
        return await images.open(*self.source)

    def put_picture(self, picture: Picture, shown: Path) -> None:
        """Put a new picture on the page; the old answer is not about it."""
        self.source, self.shown, self.run = (picture.path, picture.limits), shown, None
        self.field_value = shown
        images.add(picture)

    def remove_picture(self) -> None:
        """Take the picture and its answer off the page."""
        self.source = self.shown = self.run = None

    def add_run(self, question: Question, analysis: Analysis, before: Path) -> Run:
        """Remember an answer, and show it unless another picture has come onto the page meanwhile."""
        picture = analysis.picture
        images.add(picture)
        run = Run(question, analysis.stored(), picture.path, picture.limits, before)
        self.recent.appendleft(run)
        if self.shown == before:
            self.run = run
        return run

    async def show_again(self, index: int) -> Run | None:
        """Show a remembered answer and its picture again; None if there is no such answer.

        Raises:
            ImageError: If the picture's file has aged out; what was shown stays.
        """
        if not 0 <= index < len(self.recent):
            return None
        run = self.recent[index]
        await images.open(run.source, run.limits)
        self.source, self.shown, self.run = (run.source, run.limits), run.before, run
        self.field_value = run.before
        return run

    async def analysis_of(self, run: Run) -> Analysis:
        """The answer together with its picture.

        Raises:
            ImageError: If the picture's file has aged out.
        """
        return run.analysis.with_picture(await images.open(run.source, run.limits))
