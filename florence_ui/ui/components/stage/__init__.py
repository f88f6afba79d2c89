"""The picture that the page is about: what is on it, and every way to touch it."""

from typing import Literal

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent

StageState = Literal["empty", "ready", "busy", "done", "nothing", "failed", "stale"]


class StageObject(GradioModel):
    """One object of an answer.

    Attributes:
        label: The model's own words, `""` if it gave none.
        number: The number by which the drawing and the list call it, the same on all stages of a group.
        outline: Rings of at least three points, in pixels of `StageValue.size`.
        area: The area of its box in the same pixels; the smallest object under the pointer wins.
        color: Its color as `#rrggbb`.
        shown: Whether it is visible.
        side: The side of the divider that it belongs to, 0 or 1; None for both.
    """

    label: str
    number: int = 0
    outline: list[list[list[float]]] = Field(default_factory=list)
    area: float = 0
    color: str = ""
    shown: bool = True
    side: int | None = None


class Phrase(GradioModel):
    """A piece of the answer's text, and the indices of the objects that it names."""

    text: str
    items: list[int] = Field(default_factory=list)


class StageNote(GradioModel):
    """The answer to a question about one place; `action` and the place are its key.

    Attributes:
        action: The name of the tool that asked.
        index: The object that it is about, or None.
        region: The region that it is about in fractions of the picture, if it is not about an object.
        title: What was asked, in a word or two.
        text: The answer, the error, or `""` while it is awaited.
        state: Whether the answer is awaited, has come, or failed.
        caveat: What there is to say about the answer.
        image: A small picture, for a cut-out.
        file: A file to download.
    """

    action: str
    index: int | None = None
    region: list[float] | None = None
    title: str = ""
    text: str = ""
    state: Literal["busy", "done", "failed"] = "done"
    caveat: str = ""
    image: FileData | None = None
    file: FileData | None = None


class StageAction(GradioModel):
    """A button beside the words at the stage's foot, reported as `press` with its name."""

    name: str
    label: str


class StageTag(GradioModel):
    """The name of one of two answers that are compared."""

    who: Literal["left", "right"]
    name: str


class StageValue(GradioModel):
    """The content of the stage.

    Attributes:
        state: The state that it shows.
        picture: The picture without a drawing, at display size.
        size: (width, height) of the picture in the coordinates of the outlines; its ratio is the picture's.
        answer: A name of the answer; a `DrawingValue` of another name is not shown. Empty: none is.
        items: One item per object.
        region: The region (x1, y1, x2, y2) in fractions of the picture. It takes effect when it differs from that of
            the previous value; a person may have changed it since.
        notes: The answers at their places.
        phrases: The answer's text in pieces, if it is a caption.
        title: The state in a few words, or the reason for a failure.
        hint: What to do next.
        actions: The buttons beside these words.
        alt: Alternative text for the picture.
        group: Stages, lists and drawings of one group belong together.
        asks: Whether a click opens the tools and a drag draws a region.
        opens: Whether it takes new pictures; at most one stage of a page.
        wants_region: Whether the task needs a region and has none.
        inviting: Whether to say that everything can be clicked, until the first touch.
        tags: The names of the answers whose drawings it shows.
        divided: Whether a divider separates the drawings of side 0 and side 1.
    """

    state: StageState = "empty"
    picture: FileData | None = None
    size: tuple[int, int] = (1, 1)
    answer: str = ""
    items: list[StageObject] = Field(default_factory=list)
    region: list[float] | None = None
    notes: list[StageNote] = Field(default_factory=list)
    phrases: list[Phrase] = Field(default_factory=list)
    title: str = ""
    hint: str = ""
    actions: list[StageAction] = Field(default_factory=list)
    alt: str = ""
    group: str = "explore"
    asks: bool = False
    opens: bool = False
    wants_region: bool = False
    inviting: bool = False
    tags: list[StageTag] = Field(default_factory=list)
    divided: bool = False


class Stage(StaticComponent):
    """A picture to zoom, to point at and to ask about.

    It fills the nearest positioned element around it and never changes its size. Its drawing comes from a `Drawing` of
    the same group. Events, with their data:

    - `view`: `size`, the device pixels of the seen part of the picture; `ratio`, device pixels per CSS pixel; `box`,
      that part in fractions (x1, y1, x2, y2) of the picture; `reserved`, the boxes of what lies over it, in fractions
      of that part. At the start and whenever it changes.
    - `select`: `index` of the object, -1 for none.
    - `region`: `box` in fractions, or null.
    - `act`: `action`, the name of a tool ("describe", "name", "segment", "read", "cut"), and `index` or `region`.
    - `dismiss`: a note was closed; its key, as in `act`.
    - `toggle`: `hidden`, the indices of the hidden objects.
    - `press`: `name` of a button at the foot.
    - `picture`: `path`, `url` and `orig_name` of an upload; `pictures`: `files`, several of these.
    - `link`: `address`, as typed; an event with a `url` would pass for one with a file.
    """

    data_model = StageValue
