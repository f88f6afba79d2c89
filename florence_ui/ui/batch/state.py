"""One visitor's many pictures."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from florence_ui.inference.batch import Batch, Item
from florence_ui.inference.batch_overview import Selection
from florence_ui.inference.request import Question, StoredAnalysis
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import View


@dataclass(eq=False)
class BatchState:
    """One visitor's many pictures.

    Attributes:
        batch: The pictures; None before there are any.
        selection: Which of them are shown, and in which order.
        viewed: The picture that is open in large; None if none is.
        opened: How many times one was opened.
        view: What the viewer shows of it; None before it has said so.
        question: The question of the answers; None before the first one.
        asked: The question in the fields.
        going: Whether a run is in progress.
        waits_for: What the run waits for, in words; empty if it does not wait.
    """

    batch: Batch | None = None
    selection: Selection = field(default_factory=Selection)
    viewed: Item | None = None
    opened: int = 0
    view: View | None = None
    question: Question | None = None
    asked: tuple[str, ...] = ()
    going: bool = False
    waits_for: str = ""

    def copied(self) -> "BatchState":
        """The same pictures and answers, at rest and none of them open."""
        batch = self.batch and self.batch.copied()
        return replace(self, batch=batch, viewed=None, view=None, going=False, waits_for="")

    def styled(self, style: Style) -> Style:
        """The style in which these pictures are drawn."""
        return self.batch.styled(style) if self.batch else style

    @property
    def analyses(self) -> Collection[StoredAnalysis]:
        """The answers that have come."""
        return [item.analysis for item in self.items if item.analysis]

    @property
    def words(self) -> object:
        """The pictures' names and files, and the questions."""
        files = [(item.path, item.name, item.link, item.thumbnail, item.preview, item.reason) for item in self.items]
        return files, self.selection, self.question, self.asked

    @property
    def items(self) -> list[Item]:
        """All pictures."""
        return self.batch.items if self.batch else []

    @property
    def shown(self) -> list[Item]:
        """The pictures that are shown, in order."""
        return [self.items[index] for index in self.selection.apply(self.items)]
