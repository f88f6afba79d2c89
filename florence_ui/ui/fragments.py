"""Pieces of static HTML, from files beside the panels that use them."""

from pathlib import Path

import gradio as gr


def fragment(path: Path, *, elem_id: str | None = None, elem_classes: str | None = None) -> gr.HTML:
    """Place a file of static HTML on the page; its scripts find it by `data-do`."""
    return gr.HTML(
        html_template=path.read_text("utf-8"), js_on_load="", apply_default_css=False, elem_id=elem_id,
        elem_classes=elem_classes,
    )  # fmt: skip
