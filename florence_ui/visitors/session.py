"""The state of one open page: the picture, the answer shown, the recent runs. Never a key."""

from collections import deque
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

from florence_ui.errors import InputError
from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.images.loading import ImageLimits, Picture
from florence_ui.inference.request import Analysis, Question, StoredAnalysis
from florence_ui.rendering.style import Style
from florence_ui.visitors.image_cache import ImageCache

RECENT = 20

images = ImageCache()
"""The decoded pictures of all sessions; a session itself keeps only the name of the file."""


@dataclass(frozen=True)
class Recipe:
    """The origin of an answer from several calls: the prompts, and the step that followed the first answers."""

    prompts: tuple[str, ...]
    then: FollowUp | None = None


@dataclass(eq=False)
class Run:
    """One answer, with the question and the files that show it.

    Attributes:
        question: The question.
        analysis: The answer; `PageSession.analysis_of` adds its picture.
        source: The picture's file.
        limits: The limits within which it was opened.
        before: The displayed picture, a JPEG.
        after: The same with the answer drawn on it.
        thumbnail: A small copy of `after`.
        hidden: Rows of the hidden detections.
        filtered: Those hidden by a filter.
        recipe: The calls that it came from; None for a single call.
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
        shown: The displayed file.
        field_value: The file that was last put into the picture field, kept after its removal.
        token: The task that the fields were last fitted to: while the page fills several fields, the browser may
            report them one by one.
        run: The answer that is shown.
        compared: The subject of the comparison that is shown: the picture shown, and the question in words.
        recent: The recent runs, newest first.
        visit: The secret name under which it is kept for when the page is loaded again; see `Visits`.
        question: The question that the fields last held; None before the visitor changed one.
        style: The style that was last set.
        opened_with: The link's question and example that the page was opened with, as text.
    """

    source: tuple[Path, ImageLimits] | None = None
    shown: Path | None = None
    field_value: Path | None = None
    token: str = ""
    run: Run | None = None
    compared: tuple[Path | None, str] | None = None
    recent: deque[Run] = field(default_factory=lambda: deque(maxlen=RECENT))
    visit: str = ""
    question: Question | None = None
    style: Style = field(default_factory=Style)
    opened_with: str = ""

    def copied(self) -> "PageSession":
        """A session that begins where this one is now; what happens to either later is its own."""
        runs = {id(run): copy(run) for run in [*self.recent, *([self.run] if self.run else [])]}
        recent = deque((runs[id(run)] for run in self.recent), maxlen=RECENT)
        return replace(self, run=self.run and runs[id(self.run)], recent=recent, visit="")

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
        """Put a new picture on the page, and drop the old answer."""
        self.source, self.shown, self.run = (picture.path, picture.limits), shown, None
        self.field_value = shown
        images.add(picture)

    def remove_picture(self) -> None:
        """Remove the picture and its answer from the page."""
        self.source = self.shown = self.run = None

    def add_run(self, question: Question, analysis: Analysis, before: Path) -> Run:
        """Remember an answer, and show it unless the page has another picture by now."""
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
            ImageError: If the picture's file has aged out; the page does not change.
        """
        if not 0 <= index < len(self.recent):
            return None
        run = self.recent[index]
        await images.open(run.source, run.limits)
        self.source, self.shown, self.run = (run.source, run.limits), run.before, run
        self.field_value = run.before
        return run

    async def analysis_of(self, run: Run) -> Analysis:
        """The answer with its picture.

        Raises:
            ImageError: If the picture's file has aged out.
        """
        return run.analysis.with_picture(await images.open(run.source, run.limits))
