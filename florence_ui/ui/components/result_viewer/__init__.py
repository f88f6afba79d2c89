"""The picture with the objects found in it, to look at, point at, pin, show and hide."""

from pathlib import Path
from typing import Literal

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from florence_ui.ui.components.stage import Phrase, StageObject
from florence_ui.ui.components.static import StaticComponent

ViewerState = Literal["empty", "ready", "busy", "done", "nothing", "failed"]


class ResultViewerValue(GradioModel):
    """The content of the stage.

    Attributes:
        state: The state that it shows.
        image: The picture, with or without a drawing.
        size: (width, height) of the coordinate frame of the outlines.
        items: One item per object.
        phrases: The answer's text in pieces.
        title: The state in a few words, or the reason for a failure.
        hint: What to do next.
        alt: Alternative text for the picture.
    """

    state: ViewerState = "empty"
    image: FileData | None = None
    size: tuple[int, int] = (1, 1)
    items: list[StageObject] = Field(default_factory=list)
    phrases: list[Phrase] = Field(default_factory=list)
    title: str = ""
    hint: str = ""
    alt: str = ""


class ResultViewer(StaticComponent):
    """The result as a live picture.

    Pointing at an object highlights it in the list and vice versa; the smallest object under the pointer wins; a click
    pins it. Events: `select` with `index` (-1: unpinned), `toggle` with `hidden`, the indices of the hidden objects.
    """

    data_model = ResultViewerValue
    folder = Path(__file__).parent
