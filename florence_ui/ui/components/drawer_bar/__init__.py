"""The six buttons below the list, each with a drawer in the list's place."""

from pathlib import Path

from gradio.data_classes import GradioModel

from florence_ui.ui.components.static import StaticComponent


class DrawerValue(GradioModel):
    """Whether there is an answer; without one only the style can be opened."""

    answered: bool = False


class DrawerBar(StaticComponent):
    """Opens the drawer `#drawer-<name>`, in the browser alone: the page's root has its name as `data-drawer`."""

    data_model = DrawerValue
    folder = Path(__file__).parent
