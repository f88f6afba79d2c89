"""The film strip, and the popover that opens another picture."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from florence_ui.inference.gallery import Example
from florence_ui.tasks import TASKS
from florence_ui.ui.components.film_strip import FilmStrip, FilmValue, Thumbnail
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.fragments import fragment


def lay_out_film(examples: Sequence[Example]) -> tuple[FilmStrip, Notice]:
    """Lay out the strip and its popover, whose scripts hand what is chosen there to the stage.

    Returns:
        The strip, and where the popover says why a link was not opened.
    """
    with gr.Column(elem_id="film"):
        strip = FilmStrip(FilmValue(examples=example_thumbnails(examples)), elem_id="film-strip", label="Pictures")
        with gr.Column(elem_id="open-pop", elem_classes="popover"):
            fragment(Path(__file__).parent / "pick.html", elem_id="pick")
            notice = Notice(elem_id="link-notice", label="Link status")
    return strip, notice


def serve_thumbnails(examples: Sequence[Example]) -> None:
    """Serve the thumbnails in place: a copy among the visitors' files would age out with those."""
    gr.set_static_paths(sorted({example.thumbnail.parent for example in examples if example.thumbnail}))


def example_thumbnails(examples: Sequence[Example]) -> list[Thumbnail]:
    """The examples as thumbnails."""
    return [Thumbnail(title=f"{e.title}: {TASKS[e.token].title}", image=as_file_data(e.thumbnail)) for e in examples]
