"""Short messages: what is happening, what is wrong and what to do about it."""

from typing import Literal

from gradio.data_classes import GradioModel
from pydantic import Field

from florence_ui.errors import FlorenceUIError
from florence_ui.ui.components.static import StaticComponent

Tone = Literal["plain", "warning", "error"]


class Message(GradioModel):
    """One sentence, with a next step if there is one."""

    text: str
    hint: str = ""
    tone: Tone = "plain"


class NoticeValue(GradioModel):
    """The sentences, one below the other; may be empty."""

    messages: list[Message] = Field(default_factory=list)


class Notice(StaticComponent):
    """Messages as text, announced politely; an error is announced at once."""

    data_model = NoticeValue


def text_notice(text: str = "", hint: str = "", tone: Tone = "plain") -> NoticeValue:
    """One sentence, or nothing if `text` is empty."""
    return NoticeValue(messages=[Message(text=text, hint=hint, tone=tone)] if text else [])


def error_notice(error: FlorenceUIError) -> NoticeValue:
    """An error's two sentences."""
    return text_notice(error.message, error.hint, "error")
