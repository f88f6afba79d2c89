"""One visitor's many pictures."""

from dataclasses import dataclass, field

from florence_ui.inference.batch import Batch, Item
from florence_ui.inference.batch_overview import Selection
from florence_ui.inference.request import Question
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
        words: What the run waits for, if it waits.
    """

    batch: Batch | None = None
    selection: Selection = field(default_factory=Selection)
    viewed: Item | None = None
    opened: int = 0
    view: View | None = None
    question: Question | None = None
    asked: tuple[str, ...] = ()
    going: bool = False
    words: str = ""

    @property
    def items(self) -> list[Item]:
        """All pictures."""
        return self.batch.items if self.batch else []

    @property
    def shown(self) -> list[Item]:
        """The pictures that are shown, in order."""
        return [self.items[index] for index in self.selection.apply(self.items)]
