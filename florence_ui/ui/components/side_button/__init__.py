"""A button for one side of a comparison, which opens the popover with its model, backend and task."""

from typing import Any, Literal

from gradio.data_classes import GradioModel

from florence_ui.ui.components.static import StaticComponent


class SideValue(GradioModel):
    """What the side is called."""

    name: str = ""


class SideButton(StaticComponent):
    """A button with the side's mark and name.

    Args:
        who: The side.
        popover: The id of the popover that it opens.
    """

    data_model = SideValue

    def __init__(self, value: SideValue | None = None, *, who: Literal["left", "right"], popover: str, **options: Any):
        super().__init__(value, who=who, popover=popover, **options)
