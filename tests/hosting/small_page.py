"""A small page with every kind of input, to attack Gradio's routes without the app behind them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
import httpx
from hosting.running import free_port

from florence_ui.api.mcp import has_mcp, serve_tools
from florence_ui.hosting.health import Availability
from florence_ui.hosting.launch import launch_options
from florence_ui.hosting.visitor_files import upload_path
from florence_ui.settings import Settings


@dataclass
class Served:
    """A running app and what it noticed."""

    url: str
    demo: gr.Blocks
    left: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    health: tuple[Availability, str] = (Availability.OK, "It works.")

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, timeout=60)  # one for all: making one takes long

    def fn(self, name: str) -> int:
        """Gradio's number of a function."""
        return next(i for i, fn in self.demo.fns.items() if fn.api_name == name)

    def upload(self, name: str, data: bytes) -> str:
        """The path that the app gives an upload."""
        return self.client.post("/gradio_api/upload", files={"files": (name, data)}).json()[0]


def small_page(served: list[Served]) -> gr.Blocks:
    """A page with an image, a text, a slow function and an endpoint for programs."""

    async def slow(seconds: float) -> str:
        try:
            await asyncio.sleep(float(seconds))
        except asyncio.CancelledError:
            served[0].ended.append("slow")
            raise
        return "done"

    def named(image: dict) -> str:
        try:
            return f"read {len(upload_path(image).read_bytes())} bytes"
        except Exception as error:
            raise gr.Error(str(error), print_exception=False) from None

    with gr.Blocks() as demo:
        image = gr.Image(type="filepath", image_mode=None, elem_id="image")
        text = gr.Textbox(elem_id="text")
        number = gr.Number(value=30, elem_id="number")
        out = gr.Textbox(elem_id="out")
        gr.Button("show", elem_id="show").click(
            lambda path, words: f"{path and Path(path).read_bytes()[:4].hex()} {words}",
            [image, text],
            out,
            api_name="show",
        )
        gr.Button("slow", elem_id="slow").click(slow, number, out, api_name="slow", concurrency_limit=None)
        gr.Button("unlisted").click(lambda path: str(path), image, out, api_name="unlisted", api_visibility="private")
        gr.Button("failing").click(lambda: 1 / 0, None, out, api_name="failing")
        gr.api(named, api_name="named")
    return demo


@contextmanager
def served_small_page(settings: Settings) -> Iterator[Served]:
    """The small page behind all checks of requests."""
    served: list[Served] = []
    demo = small_page(served)

    async def probe() -> tuple[Availability, str]:
        return served[0].health

    options = launch_options(
        settings, probe=probe, on_start=serve_tools, on_leave=lambda session: served[0].left.append(session)
    )
    port = free_port()
    demo.queue(api_open=False)
    served.append(Served(f"http://127.0.0.1:{port}", demo))
    demo.launch(server_port=port, prevent_thread_lock=True, quiet=True, mcp_server=has_mcp(), **options)
    yield served[0]
    served[0].client.close()
    demo.close()
