"""A contact sheet: many small pictures, each with its state."""

from pathlib import Path
from typing import Literal

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent


class Frame(GradioModel):
    """One picture: its name, its state, a few words about it, and a small copy if there is one."""

    name: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    note: str = ""
    image: FileData | None = None


class ContactSheetValue(GradioModel):
    """The frames in order, the index of the open one (-1: none), and the fraction of the work that is done, 0 to 1."""

    frames: list[Frame] = Field(default_factory=list)
    current: int = -1
    part: float = 0
    words: str = ""


class ContactSheet(StaticComponent):
    """Frames to choose from, under a bar that shows the progress. Event: `select`, with `index`."""

    data_model = ContactSheetValue
    folder = Path(__file__).parent
