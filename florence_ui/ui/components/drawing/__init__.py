"""What supervision drew, on its way to the stage."""

from gradio.data_classes import FileData, GradioModel

from florence_ui.rendering.view import WHOLE
from florence_ui.ui.components.static import StaticComponent


class DrawingValue(GradioModel):
    """A drawing and its place on the picture.

    Attributes:
        image: The part of the picture with the answer drawn on it.
        view: That part (x1, y1, x2, y2) in fractions of the picture.
        answer: The name of the answer, as in `StageValue`.
        group: The group of the stage.
        side: 0, or 1 for the drawing at the right of a divider.
        number: Of two drawings of an answer, the one that was begun later has the higher one.
    """

    image: FileData | None = None
    view: tuple[float, float, float, float] = WHOLE
    answer: str = ""
    group: str = "explore"
    side: int = 0
    number: int = 0


class Drawing(StaticComponent):
    """An invisible component that hands a drawing to the stage of its group, so that drawing anew sends no outlines."""

    data_model = DrawingValue
