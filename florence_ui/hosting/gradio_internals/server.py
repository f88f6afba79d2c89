"""Gradio's HTTP server and its middleware."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradio import http_server
from gradio.blocks import Blocks
from gradio.brotli_middleware import BrotliMiddleware
from gradio.route_utils import CustomCORSMiddleware, get_root_url
from gradio.routes import App
from gradio.tunneling import CURRENT_TUNNELS
from starlette._utils import get_route_path
from starlette.requests import Request
from starlette.types import Scope

from florence_ui.network.connections import limit_connections

__all__ = [
    "LimitedServer",
    "PageCompression",
    "end_public_links",
    "get_route_path",
    "limited_server",
    "page_address",
    "remove_cors",
    "set_shutdown_grace",
]

LARGE_TEXTS = ("/", "/config", "/gradio_api/info")


class LimitedServer(http_server.Server):
    """Gradio's uvicorn server with bounded connections."""

    def __init__(self, config: Any, *args: Any, **options: Any) -> None:
        limit_connections(config)
        super().__init__(config, *args, **options)


@contextmanager
def limited_server() -> Iterator[None]:
    """Use `LimitedServer` for a page that is launched inside this block."""
    usual = http_server.Server
    http_server.Server = LimitedServer  # type: ignore[misc]  # Gradio offers no other way to choose its server
    try:
        yield
    finally:
        http_server.Server = usual  # type: ignore[misc]


def set_shutdown_grace(demo: Blocks, seconds: int) -> None:
    """Give responses in progress this long to finish once a launched page is closed."""
    demo.server.config.timeout_graceful_shutdown = seconds


def end_public_links() -> None:
    """End the tunnels of public links, which would lead to whatever takes the page's port next.

    Gradio ends them when Python exits, which a hanging thread prevents.
    """
    for tunnel in CURRENT_TUNNELS:
        tunnel.kill()


def page_address(request: Request, path: str) -> str:
    """The public address of the page, as Gradio writes it into its own links.

    Args:
        request: A request to one of the page's routes.
        path: The path of that route.
    """
    return get_root_url(request, path, request.app.root_path) + "/"


def remove_cors(app: App) -> None:
    """Disable Gradio's own CORS headers, which allow every website on every host name but localhost.

    Raises:
        RuntimeError: If this version of Gradio adds them in another way.
    """
    layer: Any = app.middleware_stack
    while layer is not None and not isinstance(layer, CustomCORSMiddleware):
        layer = getattr(layer, "app", None)
    if layer is None:
        raise RuntimeError("Gradio's CORS middleware was not found; this version of Gradio is not supported.")
    layer._parent_configures_cors = True  # the answer that Gradio caches


class PageCompression(BrotliMiddleware):
    """Gradio's compression (Brotli, else gzip) for large texts that it skips because their paths have no extension.

    The page is half a megabyte of repetitive descriptions, less than a tenth of that when compressed. Streams are not
    compressed: each event would wait for the next one.
    """

    def _is_compressible_file_type(self, scope: Scope) -> bool:
        return get_route_path(scope) in LARGE_TEXTS
