"""Fields that hand on what was posted, where Gradio itself would fail without a word; the handlers check it.

Gradio refuses a value that is not among the choices of that moment, also of an event that left the page just before
its choices changed. And it opens every picture, before a handler could say what is wrong with the file.
"""

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData


class LenientRadio(gr.Radio):
    """A radio group; gives whatever was posted."""

    def preprocess(self, payload: Any) -> Any:
        return payload

    def get_block_name(self) -> str:
        return "radio"


class LenientCheckboxGroup(gr.CheckboxGroup):
    """A group of checkboxes; gives whatever texts were posted."""

    def preprocess(self, payload: Any) -> list[str]:
        return [name for name in payload if isinstance(name, str)] if isinstance(payload, list) else []

    def get_block_name(self) -> str:
        return "checkboxgroup"


class LenientImage(gr.Image):
    """A picture; gives the path of its file, which nobody has opened yet."""

    def preprocess(self, payload: ImageData | None) -> str | None:
        return payload.path if payload else None

    def get_block_name(self) -> str:
        return "image"
