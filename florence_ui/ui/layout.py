"""The page's layout, and what is shared by its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from florence_ui.inference.gallery import Example
from florence_ui.ui import labels
from florence_ui.ui.components import Notice, ThumbnailStrip
from florence_ui.ui.explore import panels
from florence_ui.ui.explore.examples import example_thumbnails, serve_thumbnails
from florence_ui.ui.explore.panels import AnswerPanel, AskPanel, DownloadPanel, StylePanel
from florence_ui.visitors.service import Services
from florence_ui.visitors.session import PageSession

STORAGE_KEY = "florence-2-playground"
SESSION_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Page:
    """The components of the Explore tab, and the services behind them.

    Attributes:
        services: What the handlers call.
        examples: The pictures to start from.
        session: The visitor's session.
        remembered: The settings that the browser keeps, never the key.
        state: The server's state.
        timer: The timer that refreshes `state` while it changes.
        link_text: The share link, for the browser's script.
    """

    services: Services
    examples: Sequence[Example]
    session: gr.State
    remembered: gr.BrowserState
    state: Notice
    timer: gr.Timer
    ask: AskPanel
    answer: AnswerPanel
    style: StylePanel
    download: DownloadPanel
    recent_panel: gr.Column
    recent: ThumbnailStrip
    link_text: gr.Textbox

    @property
    def question_fields(self) -> list[Block]:
        """The components from which a question is read."""
        ask = self.ask
        fields = [ask.variant, ask.text, ask.classes, ask.strategy, ask.picker]
        return [self.session, *fields, ask.model, ask.backend, ask.key]

    @property
    def run_parts(self) -> list[Block]:
        """The components that show whether Run is enabled."""
        return [self.ask.run, self.ask.run_notice, self.ask.destination, self.ask.key]

    @property
    def question_parts(self) -> list[Block]:
        """The components that change with the task."""
        ask = self.ask
        fields = [ask.help, ask.text, ask.classes, ask.strategy, ask.picture, ask.picker, ask.input_notice]
        return [*fields, *self.run_parts]

    @property
    def filled_parts(self) -> list[Block]:
        """The components that contain a question."""
        ask = self.ask
        return [ask.family, ask.variant, ask.text, ask.classes, ask.strategy, ask.model, ask.backend]

    @property
    def answer_parts(self) -> list[Block]:
        """The components that show an answer."""
        a = self.answer
        shown = [a.stage, a.slider, a.table, a.text, a.json, a.curl, a.python, a.meta, a.warnings]
        return [*shown, self.recent, self.recent_panel, self.style.annotators, self.style.panel, self.download.panel]


def unqueued(**options: Any) -> dict[str, Any]:
    """Options of the page's own events: unqueued, without overlays, and hidden from programs."""
    return {"queue": False, "show_progress": "hidden", "api_visibility": "private", **options}


def queued(**options: Any) -> dict[str, Any]:
    """Options of longer events: queued, without a limit on concurrency."""
    return {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private", **options}


@dataclass(frozen=True)
class Tab:
    """A tab beside Explore: its title, and the function that lays it out and connects its events."""

    title: str
    build: Callable[[Page, gr.Tab], None]


@dataclass(frozen=True)
class Parts:
    """The page's further parts: panels below the question and below the answer, and tabs beside Explore."""

    below_question: tuple[Callable[[Page], None], ...] = ()
    below_answer: tuple[Callable[[Page], None], ...] = ()
    tabs: tuple[Tab, ...] = ()


def lay_out(services: Services, examples: Sequence[Example], parts: Parts = Parts()) -> Page:  # frozen
    """Lay out the whole page inside an open `gr.Blocks`."""
    settings = services.settings
    serve_thumbnails(examples)
    state = panels.header()
    # before the tabs: in between, Gradio counts these as tabs and lists the later tabs twice
    link_text, timer = gr.Textbox(visible=False), gr.Timer(3, active=False)
    session = gr.State(PageSession(), time_to_live=SESSION_SECONDS)
    remembered = gr.BrowserState(None, storage_key=STORAGE_KEY, secret=STORAGE_KEY)
    with gr.Tabs(elem_id="modes"):
        with gr.Tab("Explore", id="explore-tab"), gr.Row(elem_id="explore"):
            with gr.Column(elem_id="ask"):
                backends = [(backend.title, name) for name, backend in services.pipeline.backends.items()]
                model = settings.model or labels.AUTOMATIC
                ask = panels.ask_panel(backends, settings.default_backend, model, example_thumbnails(examples))
                below_ask = gr.Column(elem_id="below-ask")
            with gr.Column(elem_id="answer"):
                answer = panels.answer_panel()
                below_answer = gr.Column(elem_id="below-answer")
                style, download = panels.style_panel(), panels.download_panel()
                recent_panel, recent = panels.recent_panel()
        page = Page(
            services, examples, session, remembered, state, timer, ask, answer, style, download, recent_panel, recent,
            link_text,
        )  # fmt: skip
        for column, builders in ((below_ask, parts.below_question), (below_answer, parts.below_answer)):
            with column:
                for build_panel in builders:
                    build_panel(page)
        for tab in parts.tabs:
            with gr.Tab(tab.title, id=tab.title.lower().replace(" ", "-")) as opened:
                tab.build(page, opened)
    return page
