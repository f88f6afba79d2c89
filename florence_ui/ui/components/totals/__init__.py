"""Totals by class over many pictures, each of which filters them."""

from gradio.data_classes import GradioModel
from pydantic import Field

from florence_ui.ui.components.static import StaticComponent


class TotalRow(GradioModel):
    """A class: how often it was found and in how many pictures, its color, and whether only these are shown."""

    label: str
    count: int
    pictures: int
    color: str = ""
    chosen: bool = False


class TotalsValue(GradioModel):
    """A title with the sum, a line about it, the classes, and a sentence about them or why there are none."""

    title: str = ""
    source: str = ""
    rows: list[TotalRow] = Field(default_factory=list)
    hint: str = ""


class Totals(StaticComponent):
    """Classes with bars. Event: `select`, with `label`, which is empty if the filter is taken off."""

    data_model = TotalsValue
