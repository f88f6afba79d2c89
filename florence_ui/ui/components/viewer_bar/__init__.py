"""The bar of the viewer, which shows one picture of many in large over the page."""

from gradio.data_classes import GradioModel

from florence_ui.ui.components.static import StaticComponent


class ViewerValue(GradioModel):
    """What the bar says.

    Attributes:
        opened: Counts the times that a picture was opened from the page; a new number opens the viewer.
        title: The picture's name.
        words: What was found, and which of how many this is.
        explores: Whether its answer can be opened in Explore.
    """

    opened: int = 0
    title: str = ""
    words: str = ""
    explores: bool = False


class ViewerBar(StaticComponent):
    """Makes a modal dialog of the column around it. Events: `step` with `by` (1 or -1), `explore`."""

    data_model = ViewerValue
