"""Buttons below a list, each with a drawer in the list's place."""

from collections.abc import Sequence
from typing import Any

from gradio.data_classes import GradioModel

from florence_ui.ui.components.static import StaticComponent


class DrawerValue(GradioModel):
    """Whether there is an answer; without one only some drawers can be opened."""

    answered: bool = False


class DrawerBar(StaticComponent):
    """Opens the drawers of the side that it stands in, in the browser alone; the side has the name as `data-drawer`.

    Args:
        names: Titles of the buttons; `Table` opens the drawer `#drawer-table`.
        always: Titles of those that can be opened without an answer.
        prefix: What the ids begin with after `drawer-` and `open-`.
    """

    data_model = DrawerValue

    def __init__(self, *, names: Sequence[str], always: Sequence[str] = (), prefix: str = "", **options: Any) -> None:
        super().__init__(names=list(names), always=list(always), prefix=prefix, **options)
