"""The gallery as thumbnails."""

from collections.abc import Sequence

import gradio as gr

from florence_ui.inference.gallery import Example
from florence_ui.tasks import TASKS
from florence_ui.ui.components.film_strip import Thumbnail
from florence_ui.ui.file_data import as_file_data


def serve_thumbnails(examples: Sequence[Example]) -> None:
    """Serve the thumbnails in place: a copy among the visitors' files would age out with those."""
    gr.set_static_paths(sorted({example.thumbnail.parent for example in examples if example.thumbnail}))


def example_thumbnails(examples: Sequence[Example]) -> list[Thumbnail]:
    """The examples as thumbnails."""
    return [Thumbnail(title=f"{e.title}: {TASKS[e.token].title}", image=as_file_data(e.thumbnail)) for e in examples]
