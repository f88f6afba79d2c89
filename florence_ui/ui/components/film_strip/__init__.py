"""The film strip: recent answers and examples, to be opened again."""

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent


class Thumbnail(GradioModel):
    """One small picture; one without a file is fetched when it is chosen."""

    title: str
    image: FileData | None = None


class FilmValue(GradioModel):
    """The strip.

    Attributes:
        recent: The recent answers, newest first.
        examples: The pictures to begin with.
        current: `recent-0`, `example-2`, ...: the one that is on the stage; empty for none.
    """

    recent: list[Thumbnail] = Field(default_factory=list)
    examples: list[Thumbnail] = Field(default_factory=list)
    current: str = ""


class FilmStrip(StaticComponent):
    """Thumbnails in one tab stop, with arrows inside, and the button that opens the popover `#open-pop`.

    Event: `select` with `group` (`recent` or `example`) and `index`.
    """

    data_model = FilmValue
