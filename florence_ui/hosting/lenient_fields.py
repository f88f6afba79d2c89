"""A field that passes on posted values where Gradio would fail without a message; the handlers check these.

Gradio rejects a value that is not among the current choices, even from an event that left the page just before they
changed.
"""

from typing import Any

import gradio as gr


class LenientCheckboxGroup(gr.CheckboxGroup):
    """A group of checkboxes that passes on any posted texts."""

    def preprocess(self, payload: Any) -> list[str]:  # type: ignore[override]  # narrower than list[str | int | float]
        return [name for name in payload if isinstance(name, str)] if isinstance(payload, list) else []

    def get_block_name(self) -> str:
        return "checkboxgroup"
