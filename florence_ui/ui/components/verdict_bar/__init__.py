"""What a comparison comes to, and how its two answers are shown."""

from enum import StrEnum
from typing import Literal

from gradio.data_classes import GradioModel

from florence_ui.ui.components.static import StaticComponent


class Layout(StrEnum):
    """Ways to show two answers."""

    ONE = "one"
    SLIDER = "slider"
    TWO = "two"


class VerdictValue(GradioModel):
    """The words, and the layout.

    Attributes:
        headline: The conclusion, or what is going on.
        details: What follows it; may be empty.
        tone: Whether the words report a failure.
        layout: How the answers are shown.
    """

    headline: str = ""
    details: str = ""
    tone: Literal["", "error"] = ""
    layout: Layout = Layout.ONE


class VerdictBar(StaticComponent):
    """A sentence, and a choice between the layouts.

    Events: `layout`, with `name`; `picture`, when the stage of Explore has another picture while this is seen.
    """

    data_model = VerdictValue
