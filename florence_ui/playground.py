"""Puts the page together: layout, events and endpoints, and how it is launched."""

from pathlib import Path
from typing import Any

from florence_ui.api.endpoints import add_endpoints
from florence_ui.api.mcp import has_mcp, serve_tools
from florence_ui.hosting.gradio_internals.queue import WakingQueue
from florence_ui.hosting.gradio_internals.server import limited_server
from florence_ui.hosting.launch import launch_options
from florence_ui.ui.batch.tab import build_batch_tab
from florence_ui.ui.compare.tab import build_compare_tab
from florence_ui.ui.explore import picture_events, run_events, setup_events, style_events, task_events
from florence_ui.ui.explore.chains_panel import build_chains_panel
from florence_ui.ui.explore.examples import load_examples
from florence_ui.ui.explore.filter_panel import build_filter_panel
from florence_ui.ui.explore.object_panel import build_object_panel
from florence_ui.ui.layout import lay_out
from florence_ui.ui.theme import theme
from florence_ui.visitors.event_guard import GuardedBlocks
from florence_ui.visitors.service import Services

HERE = Path(__file__).parent / "ui"
TITLE = "Florence-2 playground"
SCRIPTS = ("polyfills.js", "page.js", "picture_sources.js")
"""In this order: the first must run before Gradio's own."""
PARTS = {
    "ask_more": (build_chains_panel,),
    "answer_more": (build_object_panel, build_filter_panel),
    "tabs": (("Compare", build_compare_tab), ("Many pictures", build_batch_tab)),
}
"""Panels below the question and the answer, and further tabs."""


class Playground(GuardedBlocks):
    """The page; however it is launched, it is safe in public."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, title=TITLE, analytics_enabled=False)

    def launch(self, *args: Any, **options: Any) -> Any:
        """Launch with the page's appearance and everything that makes it safe in public; see `gr.Blocks.launch`."""
        services = self.services
        safe = launch_options(
            services.settings, probe=services.health, on_start=serve_tools, on_leave=services.limiter.cancel_session
        )
        WakingQueue.install(self)
        with limited_server():
            return super().launch(
                *args, **{"footer_links": ["api"], **options, **appearance(), "mcp_server": has_mcp(), **safe}
            )


def build(services: Services) -> Playground:
    """Build the page for these services; nothing is started."""
    with Playground(services) as demo:
        page = lay_out(services, load_examples(), **PARTS)
        for events in (task_events, picture_events, run_events, style_events):
            events.wire(page)
        setup_events.wire(demo, page)
        add_endpoints(services)
    return demo.queue(api_open=False, default_concurrency_limit=None, max_size=None)


def appearance() -> dict[str, Any]:
    """The page's theme, style sheets and scripts, as arguments of `launch`."""
    scripts = [(HERE / name).read_text("utf-8") for name in SCRIPTS]
    return {
        "theme": theme(),
        "css_paths": [HERE / "page.css", HERE / "workbench.css"],
        "head": "".join(f"<script>{script}</script>" for script in scripts),
    }
