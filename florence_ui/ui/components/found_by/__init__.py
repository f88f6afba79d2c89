"""Who found what: a legend of the colors, both answers by label, and their texts with the differences marked."""

from typing import Literal

from gradio.data_classes import GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent

Who = Literal["left", "right", "both"]


class LegendEntry(GradioModel):
    """The objects that a side found alone, or that both found: how many, and their numbers on the stages."""

    who: Who
    name: str
    count: int
    numbers: list[int] = Field(default_factory=list)


class LabelRow(GradioModel):
    """How often each side has a label, whether the sides differ in it, and the numbers of its objects."""

    label: str
    left: int
    right: int
    differs: bool = False
    numbers: list[int] = Field(default_factory=list)


class TextPiece(GradioModel):
    """A piece of a text; marked if the other text lacks it."""

    text: str
    marked: bool = False


class SideText(GradioModel):
    """A side's text in pieces."""

    who: Who
    name: str
    pieces: list[TextPiece] = Field(default_factory=list)


class Remark(GradioModel):
    """Something to know about one answer, such as a warning or the reason for its failure."""

    name: str
    text: str
    tone: Literal["", "warning", "error"] = ""


class FoundByValue(GradioModel):
    """The content.

    Attributes:
        state: Whether there is nothing yet, answers are awaited, or there.
        source: What answered, and how long it took.
        hint: A sentence in place of the answers.
        names: What the two sides are called.
        legend: What the colors on the picture mean; empty where it has no such colors.
        rows: Both answers by label, the differences on top.
        texts: The answers' texts.
        remarks: What to know about the answers.
    """

    state: Literal["empty", "busy", "done"] = "empty"
    source: str = ""
    hint: str = ""
    names: list[str] = Field(default_factory=lambda: ["left", "right"])
    legend: list[LegendEntry] = Field(default_factory=list)
    rows: list[LabelRow] = Field(default_factory=list)
    texts: list[SideText] = Field(default_factory=list)
    remarks: list[Remark] = Field(default_factory=list)


class FoundBy(StaticComponent):
    """A table that lights its objects on the stages of Compare, and the other way round."""

    data_model = FoundByValue
