"""The film strip, and the popover that opens another picture."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from florence_ui.ui.components import FilmStrip
from florence_ui.ui.components.film_strip import FilmValue
from florence_ui.ui.fragments import fragment


@dataclass(frozen=True)
class Film:
    """The strip, and the field for a link."""

    strip: FilmStrip
    link: gr.Textbox


def lay_out(value: FilmValue) -> Film:
    """Lay out the strip and its popover."""
    with gr.Column(elem_id="film"):
        strip = FilmStrip(value, elem_id="film-strip", label="Pictures")
        with gr.Column(elem_id="open-pop", elem_classes="popover"):
            fragment(Path(__file__).parent / "pick.html", elem_id="pick")
            link = gr.Textbox(
                label="Link to a picture", placeholder="or a link to a picture", elem_id="link", max_lines=1,
                max_length=2000, submit_btn="Open", show_label=False,
                html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
            )  # fmt: skip
    return Film(strip, link)
