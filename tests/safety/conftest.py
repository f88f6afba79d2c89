"""Two apps on real sockets: a small one with every kind of input, and the whole page against a scripted backend."""

import asyncio
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
import httpx
import pytest
from PIL import Image
from running import RunningApp, free_port
from scripted_backend import ScriptedBackend, plausible_answer

from florence_ui.settings import Settings
from florence_ui.ui.hosting import launch_options, prepare_environment
from florence_ui.ui.uploads import uploaded

prepare_environment()


@dataclass
class Served:
    """A running app and what it noticed."""

    url: str
    demo: gr.Blocks
    left: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    health: tuple[bool, str] = (True, "It works.")

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
            return f"read {len(uploaded(image).read_bytes())} bytes"
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
        gr.Button("failing").click(lambda: 1 / 0, None, out, api_name="failing")
        gr.api(named, api_name="named")
    return demo


@pytest.fixture(scope="module")
def small_app() -> Iterator[Served]:
    """The small page behind the doors."""
    served: list[Served] = []
    demo = small_page(served)

    async def probe() -> tuple[bool, str]:
        return served[0].health

    options = launch_options(
        Settings(max_upload_mb=1), probe=probe, on_leave=lambda session: served[0].left.append(session)
    )
    port = free_port()
    demo.queue(api_open=False)
    served.append(Served(f"http://127.0.0.1:{port}", demo))
    demo.launch(server_port=port, prevent_thread_lock=True, quiet=True, **options)
    yield served[0]
    served[0].client.close()
    demo.close()


OPERATOR_KEY = "rf_OPERATORKEY_0123456789abcdef"


@pytest.fixture(scope="session")
def backend() -> Iterator[ScriptedBackend]:
    """The one scripted backend behind the whole app; a test that gives it a fault takes it back."""
    with ScriptedBackend() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_fault(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "backend" in request.fixturenames:
        server = request.getfixturevalue("backend")
        server.fault, server.delay, server.answer = None, 0.0, plausible_answer


@pytest.fixture(autouse=True)
def _no_traceback(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does to the whole app, the terminal shows no traceback."""
    running = request.getfixturevalue("app") if "app" in request.fixturenames else None
    before = len(running.log) if running else 0
    yield
    if running:
        assert "Traceback" not in running.log[before:], running.log[before:]


@pytest.fixture(scope="session")
def app(backend: ScriptedBackend) -> Iterator[RunningApp]:
    """The whole app: the scripted backend is its local and its dedicated one, the latter with the operator's key."""
    environ = {
        "FLORENCE_UI_BACKEND": "local",
        "FLORENCE_UI_LOCAL_URL": backend.url,
        "FLORENCE_UI_DEDICATED_URL": backend.url,
        "FLORENCE_UI_LOCAL_TIMEOUT": "8",
        "FLORENCE_UI_REMOTE_TIMEOUT": "8",
        "FLORENCE_UI_RUNS_PER_MINUTE": "0",
        "FLORENCE_UI_CACHE_SECONDS": "0",
        "API_KEY": OPERATOR_KEY,
    }
    with RunningApp(**environ) as running:
        yield running


@pytest.fixture
def picture() -> bytes:
    """A small photograph, in colours of its own each time."""
    image = Image.new("RGB", (64, 48), tuple(random.randrange(256) for _ in range(3)))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
