"""A text with marked pieces: those that the other of two texts lacks."""

from pathlib import Path
from typing import Literal

from gradio.data_classes import GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent


class Piece(GradioModel):
    """A piece of a text, marked or not."""

    text: str
    mark: Literal["", "left", "right"] = ""


class TextDiffValue(GradioModel):
    """The pieces in order; may be empty."""

    pieces: list[Piece] = Field(default_factory=list)


class TextDiff(StaticComponent):
    """A text with its marked pieces, as text."""

    data_model = TextDiffValue
    folder = Path(__file__).parent
