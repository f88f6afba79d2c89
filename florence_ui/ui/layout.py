"""The page's layout, and what is shared by its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from florence_ui.inference.gallery import Example
from florence_ui.ui import labels
from florence_ui.ui.components.drawing import Drawing
from florence_ui.ui.components.notice import Notice
from florence_ui.ui.components.stage import Stage
from florence_ui.ui.explore.dock import Dock
from florence_ui.ui.explore.film import lay_out_film, serve_thumbnails
from florence_ui.ui.explore.side import Side
from florence_ui.ui.header.panel import Header
from florence_ui.visitors.service import Services
from florence_ui.visitors.session import PageSession

STORAGE_KEY = "florence-2-playground"
EXPLORE = "explore-tab"
"""The id of Explore's tab."""
ENTER = "() => window.florencePage.enter('explore')"
SESSION_SECONDS = 6 * 3600
QUIET: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
"""Options of all events of the page. It has its own signs of progress; and Gradio's page, to note the progress of one
event, copies the whole values of all components that any event has shown it on, outlines of the stage included."""


def unqueued(**options: Any) -> dict[str, Any]:
    """Options of the page's own events: unqueued, without overlays, and hidden from programs."""
    return {"queue": False, **QUIET, **options}


def queued(**options: Any) -> dict[str, Any]:
    """Options of longer events: queued, without a limit on concurrency."""
    return {"concurrency_limit": None, **QUIET, **options}


@dataclass(frozen=True)
class Tab:
    """A tab beside Explore: its title, and what lays it out and connects its events."""

    title: str
    build: Callable[["Page", gr.Tab], object]


class Page:
    """The components of the page, laid out inside an open `gr.Blocks`, and the services behind them.

    Args:
        services: What the handlers call.
        examples: The pictures to start from.
        tabs: The tabs beside Explore.

    Attributes:
        link_text: The share link, for the browser's script.
        visit: The secret name by which the tab opens its visit again.
        asked: A text whose change asks the question in the fields: an example does so.
        timer: The timer that refreshes the header's pill while the server's state changes.
        session: The visitor's session.
        remembered: The settings that the browser keeps, never the key.
        modes: The tabs.
        stage: The picture.
        drawing: What supervision drew on it.
        link_notice: Why a link was not opened, where it was typed.
        picture_notice: Words about a picture that is on its way, or that cannot be used.
    """

    def __init__(self, services: Services, examples: Sequence[Example], tabs: Sequence[Tab] = ()) -> None:
        self.services, self.examples = services, examples
        serve_thumbnails(examples)
        # all this before the tabs: between them, Gradio counts it as tabs and lists the later tabs twice
        self.link_text, self.visit = gr.Textbox(visible=False), gr.Textbox(visible=False)
        self.asked = gr.Textbox(visible="hidden", elem_id="asked")
        self.timer = gr.Timer(3, active=False)
        self.session = gr.State(PageSession(), time_to_live=SESSION_SECONDS)
        self.remembered = gr.BrowserState(None, storage_key=STORAGE_KEY, secret=STORAGE_KEY)
        self.header = Header(services)
        with gr.Tabs(elem_id="modes") as self.modes:
            with gr.Tab("Explore", id=EXPLORE) as explore, gr.Row(elem_id="explore", elem_classes="mode"):
                with gr.Column(elem_id="center", elem_classes="center"):
                    self.stage = Stage(elem_id="stage", label="Picture")
                    self.drawing = Drawing(elem_id="drawing", label="Drawing")
                    self.picture_notice = Notice(elem_id="picture-notice", label="Picture status")
                    self.dock = Dock(services.settings.model or labels.AUTOMATIC)
                self.film, self.link_notice = lay_out_film(examples)
                self.side = Side()
                self.style, self.download = self.side.style, self.side.download
            explore.select(None, js=ENTER)
            explore.select(_keep_tab(self.session, EXPLORE), {self.session}, None, **unqueued())
            for tab in tabs:
                name = tab.title.lower().replace(" ", "-")
                with gr.Tab(tab.title, id=name) as opened:
                    tab.build(self, opened)
                opened.select(_keep_tab(self.session, name), {self.session}, None, **unqueued())

    @property
    def question_fields(self) -> list[Block]:
        """The components from which a question is read."""
        header = self.header
        return [self.session, *self.dock.fields, header.backend, header.key, header.strategy]

    @property
    def answer_fields(self) -> set[Block]:
        """The components from which a question, the style of its answer and the filters are read."""
        return {*self.question_fields, *self.style.controls, self.style.filters}

    @property
    def filled_parts(self) -> list[Block]:
        """The components that contain a question."""
        return [*self.dock.fields, self.dock.region, self.dock.notice, self.header.backend, self.header.strategy]

    @property
    def answer_parts(self) -> list[Block]:
        """The components that show an answer, or wait for one."""
        dock, header = self.dock, self.header
        shown = [self.stage, self.drawing, self.picture_notice, self.link_notice, self.film, header.key_notice]
        return [*shown, dock.run, dock.stop, dock.notice, dock.region, *self.side.parts, self.style.filter_notice]

    @property
    def all_parts(self) -> list[Block]:
        """The components that change with the picture, the question and the answer."""
        return [*dict.fromkeys([*self.answer_parts, *self.filled_parts])]


def _keep_tab(session: gr.State, name: str) -> Callable[[dict[gr.State, PageSession]], None]:
    """A handler that notes which tab is open, for when the page is loaded again."""

    def keep(inputs: dict[gr.State, PageSession]) -> None:
        inputs[session].tab = name

    return keep
