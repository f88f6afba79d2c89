"""One visitor's comparison."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from florence_ui.errors import FlorenceUIError
from florence_ui.images.loading import ImageLimits, Picture
from florence_ui.inference.request import Question, StoredAnalysis
from florence_ui.rendering.colors import color_keys
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import View
from florence_ui.results.compare import LEFT, RIGHT, Comparison, FoundByMap, compare, map_found_by
from florence_ui.ui.compare.pair import SideChoice
from florence_ui.ui.components.verdict_bar import Layout
from florence_ui.visitors.session import PageSession, images

SIDES = (LEFT, RIGHT)
Outcome = StoredAnalysis | FlorenceUIError


@dataclass(frozen=True)
class Subject:
    """What is compared: the picture, and the question to each side.

    Attributes:
        source: The picture's file, and the limits within which it was opened.
        shown: The displayed file.
        size: (width, height) of the original in pixels.
        questions: The question to each side.
    """

    source: tuple[Path, ImageLimits]
    shown: Path
    size: tuple[int, int]
    questions: tuple[Question, Question]

    @classmethod
    def of(cls, session: PageSession, questions: tuple[Question, Question]) -> "Subject | None":
        """The questions about the picture on the page; None without a picture."""
        if session.source is None or session.shown is None or session.size is None:
            return None
        return cls(session.source, session.shown, session.size, questions)

    def is_on(self, session: PageSession) -> bool:
        """Whether its picture is the one on the page."""
        return self == Subject.of(session, self.questions)

    async def picture(self) -> Picture:
        """The picture.

        Raises:
            ImageError: If it has to be decoded again, and its file has aged out.
        """
        return await images.open(*self.source)


@dataclass(frozen=True)
class Answers:
    """What both sides answered, or why they did not.

    Attributes:
        subject: What they were asked.
        sides: The outcome of each side.
        names: What the sides are called.
        name: Its name on the stages, by which drawings of other answers are told apart.
    """

    subject: Subject
    sides: Mapping[str, Outcome]
    names: tuple[str, str]
    name: str = field(default_factory=lambda: secrets.token_hex(4))

    @cached_property
    def both(self) -> tuple[StoredAnalysis, StoredAnalysis] | None:
        """Both answers; None if a side failed."""
        left, right = (self.sides[side] for side in SIDES)
        return (left, right) if isinstance(left, StoredAnalysis) and isinstance(right, StoredAnalysis) else None

    def styled(self, style: Style) -> Style:
        """The style with one color for a class on both sides."""
        keys = [key for analysis in self.both or () for key in color_keys(analysis.result)]
        return replace(style, color_order=tuple(dict.fromkeys(keys)))

    @cached_property
    def only(self) -> StoredAnalysis | None:
        """The answer of the only side that answered."""
        answered = [side for side in self.sides.values() if isinstance(side, StoredAnalysis)]
        return answered[0] if len(answered) == 1 else None

    @cached_property
    def comparison(self) -> Comparison | None:
        """What the answers have in common; None if a side failed."""
        return compare(self.both[0].result, self.both[1].result) if self.both else None

    @cached_property
    def found(self) -> FoundByMap | None:
        """The objects of both answers; None if a side failed."""
        if self.both is None or self.comparison is None:
            return None
        return map_found_by(self.both[0].result, self.both[1].result, self.comparison)


@dataclass(eq=False)
class CompareState:
    """One visitor's comparison.

    Attributes:
        answers: What is shown; None before there is an answer.
        layout: How it is shown.
        views: What the browser shows of the picture on the first and on the second stage.
        choice: The sides that the visitor has chosen; None until then: the pair follows what can answer.
        asked: The questions in the fields, also while others are answered.
        going: Whether a comparison is in progress.
        drawings: How many drawings were begun; see `DrawingValue.number`.
        reopened: Whether the page was loaded again, and does not show this yet.
    """

    answers: Answers | None = None
    layout: Layout = Layout.ONE
    views: list[View | None] = field(default_factory=lambda: [None, None])
    choice: tuple[SideChoice, SideChoice] | None = None
    asked: tuple[Question, Question] | None = None
    going: bool = False
    drawings: int = 0
    reopened: bool = False

    def copied(self) -> "CompareState":
        """The same comparison, to be shown on a page that was loaded again."""
        return replace(self, going=False, views=[None, None], reopened=True)

    @property
    def analyses(self) -> Collection[StoredAnalysis]:
        """The answers that have come."""
        sides = self.answers.sides.values() if self.answers else ()
        return [side for side in sides if isinstance(side, StoredAnalysis)]

    @property
    def words(self) -> object:
        """The questions."""
        return self.asked, self.choice, self.answers and (self.answers.subject, self.answers.names)
