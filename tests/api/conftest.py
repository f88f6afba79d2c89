"""The running app for programs, in a separate process, against a scripted server."""

import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from hosting.running import RunningApp
from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend

SIZE = (640, 480)


class LinkedApp(RunningApp):
    """The app with links that lead to the test's own server, and agents that lose patience after 1.5 seconds."""

    command = (sys.executable, str(Path(__file__).parents[1] / "browser" / "serve.py"))


@pytest.fixture(scope="session")
def app(model_server: ScriptedBackend) -> Iterator[RunningApp]:
    """The app without a limit of runs a minute, and without a memory."""
    settings = {"FLORENCE_UI_LOCAL_URL": model_server.url, "FLORENCE_UI_CACHE_SECONDS": "0"}
    with RunningApp(FLORENCE_UI_RUNS_PER_MINUTE="0", **settings) as app:
        yield app


@pytest.fixture(scope="session")
def linked_app(model_server: ScriptedBackend, photograph: str) -> Iterator[LinkedApp]:
    """The same in a hurry, with `http://pictures.example/grey.png` to fetch; other names there are not found."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.startswith("/grey.png") else 404)
            self.end_headers()
            if self.path.startswith("/grey.png"):
                self.wfile.write(Path(photograph).read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings = {
        "FLORENCE_UI_LOCAL_URL": model_server.url, "FLORENCE_UI_CACHE_SECONDS": "0", "FLORENCE_UI_RUNS_PER_MINUTE": "0",
        "TEST_LINK_PORT": str(server.server_address[1]), "TEST_PATIENCE": "1.5",
    }  # fmt: skip
    with LinkedApp(**settings) as app:
        yield app
    server.shutdown()


@pytest.fixture(scope="session")
def client(app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Gradio's own client for programs."""
    return Client(app.url, verbose=False, download_files=str(tmp_path_factory.mktemp("answers")))


@pytest.fixture(scope="session")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A picture of `SIZE`."""
    path = tmp_path_factory.mktemp("pictures") / "grey.png"
    Image.new("RGB", SIZE, (120, 120, 120)).save(path)
    return str(path)
