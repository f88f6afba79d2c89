"""Two apps on real sockets: a small one with every kind of input, and the whole page against a scripted backend."""

import io
import random
from collections.abc import Iterator

import pytest
from hosting.running import RunningApp
from hosting.small_page import Served, served_small_page
from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.hosting.launch import prepare_environment
from florence_ui.settings import Settings

prepare_environment()


@pytest.fixture(scope="module")
def small_app() -> Iterator[Served]:
    """The small page behind all checks of requests."""
    with served_small_page(Settings(max_upload_mb=1)) as served:
        yield served


OPERATOR_KEY = "rf_OPERATORKEY_0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_traceback(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does to the whole app, the terminal shows no traceback."""
    running = request.getfixturevalue("app") if "app" in request.fixturenames else None
    before = len(running.log) if running else 0
    yield
    if running:
        assert "Traceback" not in running.log[before:], running.log[before:]


@pytest.fixture(scope="session")
def app(model_server: ScriptedBackend) -> Iterator[RunningApp]:
    """The whole app: the scripted backend is its local and its dedicated one, the latter with the operator's key."""
    environ = {
        "FLORENCE_UI_BACKEND": "local",
        "FLORENCE_UI_LOCAL_URL": model_server.url,
        "FLORENCE_UI_DEDICATED_URL": model_server.url,
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
    """A small photograph, in colors of its own each time."""
    image = Image.new("RGB", (64, 48), tuple(random.randrange(256) for _ in range(3)))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
