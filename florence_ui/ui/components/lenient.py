"""Choices whose choices change while events are under way.

Gradio refuses a posted value that is not among the choices of that moment. An event that left the page just before
its choices changed would be refused with it; so these hand the value on, and the handlers check it.
"""

from typing import Any

import gradio as gr


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
