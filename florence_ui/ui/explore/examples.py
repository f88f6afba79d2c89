"""The gallery as a strip of thumbnails."""

from collections.abc import Sequence

import gradio as gr

from florence_ui.inference.gallery import Example
from florence_ui.tasks import TASKS
from florence_ui.ui.components.thumbnail_strip import Thumbnail, ThumbnailStripValue
from florence_ui.ui.file_data import as_file_data


def serve_thumbnails(examples: Sequence[Example]) -> None:
    """Serve the thumbnails in place: a copy among the visitors' files would age out with those."""
    gr.set_static_paths(sorted({example.thumbnail.parent for example in examples if example.thumbnail}))


def example_thumbnails(examples: Sequence[Example], current: int = -1) -> ThumbnailStripValue:
    """The examples as thumbnails."""
    thumbnails = [
        Thumbnail(title=e.title, note=TASKS[e.token].family.value, image=as_file_data(e.thumbnail)) for e in examples
    ]
    return ThumbnailStripValue(thumbnails=thumbnails, current=current)
