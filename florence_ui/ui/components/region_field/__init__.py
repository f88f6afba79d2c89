"""The dock's line about the region: how to draw one, or where it is."""

from gradio.data_classes import GradioModel

from florence_ui.ui.components.static import StaticComponent


class RegionValue(GradioModel):
    """Where the region is, in words; empty if there is none.

    Attributes:
        text: The words.
        box: The region as the server knows it, x1, y1, x2, y2 in fractions of the picture; None if there is none.
        token: The task as the server knows it; empty if the server has not heard of another one.
    """

    text: str = ""
    box: tuple[float, float, float, float] | None = None
    token: str = ""


class RegionField(StaticComponent):
    """A hint, and a button that places a region on the stage or drops the one that is there.

    It asks the stage by the document's events `florence:place` and `florence:clear-region`; the stage reports to the
    server.
    """

    data_model = RegionValue
