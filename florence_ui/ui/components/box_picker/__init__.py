"""One box, drawn on a picture by mouse, touch or keyboard."""

from pathlib import Path

from gradio.data_classes import FileData, GradioModel

from florence_ui.ui.components.static import StaticComponent


class BoxValue(GradioModel):
    """The picture to draw on, and the box (x1, y1, x2, y2) in fractions of its width and height, 0 to 1."""

    image: FileData | None = None
    box: list[float] | None = None


class BoxPicker(StaticComponent):
    """A picture on which a person draws one box.

    As an input its value is the four numbers as posted, or None; `tasks.check_region` decides whether they are a valid
    region. Events: `input` (the box changed), `swap` (another picture is requested).
    """

    data_model = BoxValue
    folder = Path(__file__).parent

    def preprocess(self, payload: object) -> list[float] | None:  # type: ignore[override]  # not text, as HTML's is
        return payload.box if isinstance(payload, BoxValue) else None
