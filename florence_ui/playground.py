"""The page as a whole: layout, events, endpoints and launch."""

from collections.abc import Sequence
from typing import Any

from florence_ui.api.endpoints import add_endpoints, describe_endpoints
from florence_ui.api.mcp import has_mcp, serve_tools
from florence_ui.hosting.admission import MAX_EVENTS
from florence_ui.hosting.gradio_internals.queue import WakingQueue
from florence_ui.hosting.gradio_internals.server import limited_server
from florence_ui.hosting.launch import launch_options
from florence_ui.inference.gallery import load_examples
from florence_ui.ui.batch.tab import BatchTab
from florence_ui.ui.compare.tab import CompareTab
from florence_ui.ui.explore import (
    dock_events,
    opening,
    picture_events,
    run_events,
    setup_events,
    stage_events,
    style_events,
    then_events,
)
from florence_ui.ui.layout import Page, Tab
from florence_ui.ui.theme import appearance
from florence_ui.visitors.event_guard import GuardedBlocks
from florence_ui.visitors.service import Services

TITLE = "Florence-2 playground"
TABS = (Tab("Compare", CompareTab), Tab("Many pictures", BatchTab))
"""The tabs beside Explore; each is a row here and a folder in `ui/` for its code, styles and scripts."""


class Playground(GuardedBlocks):
    """The page, which is safe in public however it is launched."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, title=TITLE, analytics_enabled=False)

    def get_api_info(self, *args: Any, **options: Any) -> Any:
        """Describe the endpoints for programs; see `gr.Blocks.get_api_info`."""
        info = super().get_api_info(*args, **options)
        describe_endpoints(info["named_endpoints"])
        return info

    def launch(self, *args: Any, **options: Any) -> Any:
        """Launch with the page's appearance and everything that makes it safe in public; see `gr.Blocks.launch`."""
        services = self.services

        def start(demo: Any) -> None:
            serve_tools(demo)
            self.recording = services.record_examples()  # kept, or the loop would forget the task

        safe = launch_options(
            services.settings, probe=services.health, on_start=start, on_leave=services.limiter.cancel_session
        )
        WakingQueue.install(self)
        with limited_server():
            return super().launch(
                *args, **{"footer_links": ["api"], **options, **appearance(), "mcp_server": has_mcp(), **safe}
            )


def build(services: Services, tabs: Sequence[Tab] = TABS) -> Playground:
    """Build the page for these services; nothing is started."""
    with Playground(services) as demo:
        page = Page(services, load_examples(), tabs)
        for events in (dock_events, picture_events, stage_events, then_events, style_events):
            events.wire(page)
        setup_events.wire(demo, page, run_events.wire(page))
        opening.wire(demo, page)
        add_endpoints(services)
    # without a size, Gradio's queue holds a single event on ZeroGPU
    return demo.queue(api_open=False, default_concurrency_limit=None, max_size=MAX_EVENTS)
