"""The page's own components: each is a `gr.HTML` with its HTML, CSS and JavaScript in files beside it.

The templates are static: text from visitors, models and servers reaches the page through `textContent` and attributes
set by the script, so it can never become HTML, script or template.
"""

from florence_ui.ui.components.answer_list import AnswerList
from florence_ui.ui.components.contact_sheet import ContactSheet
from florence_ui.ui.components.drawer_bar import DrawerBar
from florence_ui.ui.components.drawing import Drawing
from florence_ui.ui.components.film_strip import FilmStrip
from florence_ui.ui.components.found_by import FoundBy
from florence_ui.ui.components.header_actions import HeaderActions
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.components.region_field import RegionField
from florence_ui.ui.components.side_button import SideButton
from florence_ui.ui.components.stage import Stage
from florence_ui.ui.components.task_picker import TaskPicker
from florence_ui.ui.components.totals import Totals
from florence_ui.ui.components.verdict_bar import VerdictBar
from florence_ui.ui.components.viewer_bar import ViewerBar

__all__ = [
    "AnswerList",
    "ContactSheet",
    "DrawerBar",
    "Drawing",
    "FilmStrip",
    "FoundBy",
    "HeaderActions",
    "Notice",
    "RegionField",
    "SideButton",
    "Stage",
    "TaskPicker",
    "Totals",
    "VerdictBar",
    "ViewerBar",
]
