"""A row of small pictures to choose from: the examples, and the recent runs."""

from pathlib import Path

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent


class Thumbnail(GradioModel):
    """One picture; one without a file is fetched when it is chosen."""

    title: str
    note: str = ""
    image: FileData | None = None


class ThumbnailStripValue(GradioModel):
    """The thumbnails from left to right, and the index of the current one (-1: none)."""

    thumbnails: list[Thumbnail] = Field(default_factory=list)
    current: int = -1


class ThumbnailStrip(StaticComponent):
    """Thumbnails to choose from. Event: `select`, with `index`."""

    data_model = ThumbnailStripValue
    folder = Path(__file__).parent
