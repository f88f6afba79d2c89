"""The page itself, compressed: Gradio compresses by a file's extension, and its page has none."""

from gradio.brotli_middleware import BrotliMiddleware
from starlette._utils import get_route_path
from starlette.types import Scope

LARGE_TEXTS = ("/", "/config", "/gradio_api/info")


class PageCompression(BrotliMiddleware):
    """Gradio's own compression (Brotli, else gzip) for the large texts that it leaves out.

    The page is half a megabyte of descriptions that repeat each other, and less than a tenth of that on its way.
    Streams stay as they are: compressed, an event would wait for the next one.
    """

    def _is_compressible_file_type(self, scope: Scope) -> bool:
        return get_route_path(scope) in LARGE_TEXTS
