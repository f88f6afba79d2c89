"""The right end of the header: where it runs, the theme, the API."""

from gradio.data_classes import GradioModel

from florence_ui.ui.components.static import StaticComponent
from florence_ui.ui.labels import Tone


class HeaderValue(GradioModel):
    """What the pill says.

    Attributes:
        backend: The backend's title; left out where the window is narrow.
        model: The model in one word.
        state: The state in one or two words; left out likewise.
        tone: The color of the dot.
        account: The user name of the visitor's account; empty if they have not signed in.
        avatar: The address of its picture.
    """

    backend: str = ""
    model: str = ""
    state: str = "looking"
    tone: Tone = "busy"
    account: str = ""
    avatar: str = ""


class HeaderActions(StaticComponent):
    """A pill that opens the popover `#where-pop`, the theme's button, and the link to the API's page."""

    data_model = HeaderValue
