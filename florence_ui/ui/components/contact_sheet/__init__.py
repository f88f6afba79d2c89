"""A contact sheet: many pictures as tiles, as large as the room allows, each with its state."""

from typing import Literal

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent

FrameState = Literal["waiting", "running", "done", "nothing", "failed", "unreadable"]


class Frame(GradioModel):
    """One picture.

    Attributes:
        index: Its place among all pictures, by which events name it.
        name: Its file's name.
        state: Its state.
        note: Its answer in a few words, beside its name.
        text: Its answer if that is a text, below its name.
        mark: What it is waiting for, or why it cannot be opened, on the picture.
        details: More about it, shown on hover.
        image: A small copy, with its answer drawn on it once it has one.
    """

    index: int
    name: str
    state: FrameState = "waiting"
    note: str = ""
    text: str = ""
    mark: str = ""
    details: str = ""
    image: FileData | None = None


class Chip(GradioModel):
    """A filter, its words, and whether it is on."""

    name: str
    label: str
    on: bool = False


class ContactSheetValue(GradioModel):
    """The content.

    Attributes:
        frames: The pictures to show, in order.
        total: The number of all pictures, shown or not.
        words: The progress in words.
        part: The fraction of the work that is done, 0 to 1; None while nothing is asked.
        chips: The filters.
        order: The order that is chosen.
        orders: The orders to choose from.
        locked: Whether pictures can be neither added nor removed now.
    """

    frames: list[Frame] = Field(default_factory=list)
    total: int = 0
    words: str = ""
    part: float | None = None
    chips: list[Chip] = Field(default_factory=list)
    order: str = ""
    orders: list[str] = Field(default_factory=list)
    locked: bool = False


class ContactSheet(StaticComponent):
    """Pictures to drop, to filter, to order and to open.

    Events, with their data:

    - `pictures`: `files`, uploads with `path`, `url` and `orig_name`, to be added.
    - `open`: `index` of the picture.
    - `remove`: `index` of the picture, -1 for all.
    - `only`: `name` of the chip, `""` for none.
    - `order`: `name`.
    """

    data_model = ContactSheetValue
