"""The picture with what was found on it: look, point, pin, switch on and off."""

from pathlib import Path
from typing import Literal

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent

StageState = Literal["empty", "ready", "busy", "done", "nothing", "failed"]


class StageObject(GradioModel):
    """One object: its outline in pixels of `StageValue.size`, its color as `#rrggbb`."""

    label: str
    outline: list[list[list[float]]] = Field(default_factory=list)
    area: float = 0
    color: str = ""
    shown: bool = True


class Phrase(GradioModel):
    """A piece of the answer's text, and the objects that it names."""

    text: str
    items: list[int] = Field(default_factory=list)


class StageValue(GradioModel):
    """What the stage shows.

    Attributes:
        state: Which look it has.
        image: The picture, drawn on or not.
        size: (width, height) of the frame in which outlines are given.
        items: One an object.
        phrases: The answer's text in pieces.
        title: The state in a few words, or the reason of a failure.
        hint: What to do next.
        alt: What the picture shows, for people who cannot see it.
    """

    state: StageState = "empty"
    image: FileData | None = None
    size: tuple[int, int] = (1, 1)
    items: list[StageObject] = Field(default_factory=list)
    phrases: list[Phrase] = Field(default_factory=list)
    title: str = ""
    hint: str = ""
    alt: str = ""


class Stage(StaticComponent):
    """The result as a live picture.

    Pointing at an object lights it in the list and the other way round; the smallest object under the pointer
    wins; a click pins it. Events: `select` with `index` (-1: none is pinned any more), `toggle` with `hidden`, the
    indices of the objects that are switched off.
    """

    data_model = StageValue
    folder = Path(__file__).parent
