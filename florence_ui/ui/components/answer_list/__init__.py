"""The objects of an answer as a list that lights them on the stage."""

from typing import Literal

from gradio.data_classes import GradioModel
from pydantic import Field

from florence_ui.ui.components.stage import Phrase
from florence_ui.ui.components.static import StaticComponent


class AnswerRow(GradioModel):
    """One object.

    Attributes:
        index: Its index in the answer.
        number: Its number on the stage.
        name: What it is called in the list.
        place: Where it is, in words.
        color: Its color as `#rrggbb`.
        shown: Whether it is visible.
    """

    index: int
    number: int
    name: str
    place: str = ""
    color: str = ""
    shown: bool = True


class AnswerGroup(GradioModel):
    """Objects of one label under a heading; a group of one is a row of its own.

    Attributes:
        name: The label, in the singular.
        all_name: All of them, in words, for the button that hides them.
        rows: The objects.
    """

    name: str
    all_name: str = ""
    rows: list[AnswerRow]


class AnswerListValue(GradioModel):
    """The content of the list.

    Attributes:
        state: Whether there is nothing yet, an answer is awaited, or one is there.
        title: The answer in two words, such as "15 found".
        source: What answered, and how long it took.
        groups: The objects.
        lines: Whether the objects are lines of text, which are set like text.
        phrases: A sentence in pieces that refer to the objects.
        copy_text: What the copy button copies; without it there is no such button.
        hint: A sentence below the title when there are no objects.
    """

    state: Literal["empty", "busy", "done"] = "empty"
    title: str = ""
    source: str = ""
    groups: list[AnswerGroup] = Field(default_factory=list)
    lines: bool = False
    phrases: list[Phrase] = Field(default_factory=list)
    copy_text: str = ""
    hint: str = ""


class AnswerList(StaticComponent):
    """A list with a row per object, or per label with a button for each of its objects.

    Pointing at a row lights the object on the stage and the other way round; a click selects it. Event: `toggle` with
    `hidden`, the indices of the hidden objects.
    """

    data_model = AnswerListValue
