"""The state of one open page: the picture, the answer shown, the recent runs. Never a key."""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self, TypeVar

from florence_ui.errors import InputError
from florence_ui.images.loading import ImageLimits, Picture
from florence_ui.inference.per_object import region_of_box
from florence_ui.inference.request import Analysis, Question, StoredAnalysis
from florence_ui.prompts import Region
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import View
from florence_ui.visitors.image_cache import ImageCache
from florence_ui.visitors.runs import Note, OpenedPicture, Place, Run, Unfinished

RECENT = 20

images = ImageCache()
"""The decoded pictures of all sessions; a session itself keeps only the name of the file."""


class Kept(Protocol):
    """What is kept of a visit for when its page is loaded again."""

    def copied(self) -> Self:
        """A state that begins where this one is now; what happens to either later is its own."""

    @property
    def analyses(self) -> Collection[StoredAnalysis]:
        """The answers that it holds."""

    @property
    def words(self) -> object:
        """Everything else that visitors give it; the memory that it takes is estimated from its `repr`."""


TabState = TypeVar("TabState", bound=Kept)


@dataclass(eq=False)
class PageSession:
    """One open page.

    Attributes:
        source: The picture's file, and the limits within which it was opened; None without a picture.
        size: (width, height) of the original in pixels; None without a picture.
        shown: The displayed file.
        run: The answer that is shown.
        region: The region on the stage, in fractions of the picture.
        selected: The row of the object that is selected, -1 for none.
        view: What the browser shows of the picture; None before it has said so.
        drawings: The number of drawings that were begun.
        left: An event that is set, and replaced, when the page gets another picture or answer.
        loose_notes: What was asked about regions before there was an answer.
        unfinished: What a question about each object has brought so far; None while there is none.
        recent: The recent runs, and the visitor's pictures without one, newest first.
        visit: The secret name under which it is kept for when the page is loaded again; see `Visits`.
        question: The question that the fields last held; None before the visitor changed one.
        style: The style that was last set.
        opened_with: The link's question and example that the page was opened with, as text.
        tab: The id of the tab that is open; empty before the visitor has chosen one.
        tabs: What the other tabs keep, by its class.
    """

    source: tuple[Path, ImageLimits] | None = None
    size: tuple[int, int] | None = None
    shown: Path | None = None
    run: Run | None = None
    region: Region | None = None
    selected: int = -1
    view: View | None = None
    drawings: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    loose_notes: dict[Place, Note] = field(default_factory=dict)
    unfinished: Unfinished | None = None
    recent: deque[Run | OpenedPicture] = field(default_factory=lambda: deque(maxlen=RECENT))
    visit: str = ""
    question: Question | None = None
    style: Style = field(default_factory=Style)
    opened_with: str = ""
    tab: str = ""
    tabs: dict[type[Kept], Kept] = field(default_factory=dict)

    def of_tab(self, kind: type[TabState]) -> TabState:
        """What the tab with states of this class keeps; a new one at first."""
        state = self.tabs.setdefault(kind, kind())
        assert isinstance(state, kind), "states are kept by their class"
        return state

    def copied(self) -> "PageSession":
        """A session that begins where this one is now; what happens to either later is its own."""
        runs = {run: replace(run, notes=_settled(run.notes)) for run in self._runs}
        return replace(
            self,
            run=self.run and runs[self.run],
            recent=deque((runs[each] if isinstance(each, Run) else each for each in self.recent), maxlen=RECENT),
            loose_notes=_settled(self.loose_notes),
            unfinished=None,
            left=asyncio.Event(),
            visit="",
            tabs={kind: state.copied() for kind, state in self.tabs.items()},
        )

    @property
    def _runs(self) -> set[Run]:
        return {each for each in (self.run, *self.recent) if isinstance(each, Run)}

    @property
    def analyses(self) -> list[StoredAnalysis]:
        """The answers on the page and among the recent ones."""
        return [run.analysis for run in self._runs]

    @property
    def words(self) -> object:
        """What was asked and noted."""
        runs = [(run.question, run.recipe, run.notes) for run in self._runs]
        return self.question, self.opened_with, self.loose_notes, runs

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
        self.size = picture.size
        self._leave_place()
        images.add(picture)

    def keep_picture(self) -> None:
        """Keep the picture on the page among the recent ones, where the first answer about it takes its place."""
        if self.source and self.shown and self.size:
            self.recent.appendleft(OpenedPicture(*self.source, self.shown, self.size))

    def _leave_place(self) -> None:
        self.region, self.selected, self.loose_notes = None, -1, {}
        self.left.set()
        self.left = asyncio.Event()

    @property
    def notes(self) -> dict[Place, Note]:
        """What was asked about places of the answer or picture on the page."""
        return self.loose_notes if self.run is None else self.run.notes

    @property
    def region_asked(self) -> Region | None:
        """The region that a question is about: the one on the stage, or the selected object's box."""
        if self.region or self.run is None:
            return self.region
        return self.box_of(self.selected)

    def box_of(self, row: int) -> Region | None:
        """An object's box in fractions of the picture; None if there is no such object."""
        result = self.run.analysis.result if self.run else None
        if result is None or not 0 <= row < len(result.detections):
            return None
        x1, y1, x2, y2 = result.xyxy[row].tolist()
        return region_of_box((x1, y1, x2, y2), result.size)

    def add_run(self, question: Question, analysis: Analysis, before: Path) -> Run:
        """Remember an answer, and show it unless the page has another picture by now."""
        picture = analysis.picture
        images.add(picture)
        run = Run(question, analysis.stored(), picture.path, picture.limits, before)
        for old in [old for old in self.recent if old.is_replaced_by(run)]:
            self.recent.remove(old)
        self.recent.appendleft(run)
        if self.shown == before:
            self.run, self.selected = run, -1
        return run

    def show_recorded(self, question: Question, analysis: Analysis) -> None:
        """Show a recorded answer about the picture on the page; it is not among the recent ones."""
        assert self.shown is not None, "a recorded answer is about the picture on the page"
        picture = analysis.picture
        self.run, self.selected = Run(question, analysis.stored(), picture.path, picture.limits, self.shown), -1

    async def show_again(self, index: int) -> Run | OpenedPicture | None:
        """Show a recent answer and its picture, or a picture without one, again; None if there is no such entry.

        Raises:
            ImageError: If the picture's file has aged out; the page does not change.
        """
        if not 0 <= index < len(self.recent):
            return None
        entry = self.recent[index]
        await images.open(entry.source, entry.limits)
        self.source, self.shown, self.size = (entry.source, entry.limits), entry.before, entry.size
        self.run = entry if isinstance(entry, Run) else None
        self._leave_place()
        self.region = self.run.question.region if self.run else None
        return entry

    async def analysis_of(self, run: Run) -> Analysis:
        """The answer with its picture.

        Raises:
            ImageError: If the picture's file has aged out.
        """
        return run.analysis.with_picture(await images.open(run.source, run.limits))


def _settled(notes: Mapping[Place, Note]) -> dict[Place, Note]:
    """The notes that have come: nobody waits any more for the others."""
    return {place: note for place, note in notes.items() if note.state != "busy"}
