"""Fields that pass on posted values where Gradio would fail without a message; the handlers check these.

Gradio rejects a value that is not among the current choices, even from an event that left the page just before they
changed. It also opens every picture before a handler could explain what is wrong with the file.
"""

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData


class LenientRadio(gr.Radio):
    """A radio group that passes on any posted value."""

    def preprocess(self, payload: Any) -> Any:
        return payload

    def get_block_name(self) -> str:
        return "radio"


class LenientCheckboxGroup(gr.CheckboxGroup):
    """A group of checkboxes that passes on any posted texts."""

    def preprocess(self, payload: Any) -> list[str]:  # type: ignore[override]  # narrower than list[str | int | float]
        return [name for name in payload if isinstance(name, str)] if isinstance(payload, list) else []

    def get_block_name(self) -> str:
        return "checkboxgroup"


class LenientImage(gr.Image):
    """A picture that passes on the path of its file without opening it."""

    def preprocess(self, payload: ImageData | None) -> str | None:
        return payload.path if payload else None

    def get_block_name(self) -> str:
        return "image"
