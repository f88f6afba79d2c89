"""The whole app in a separate process, and a real Chromium in front of it."""

import contextlib
import http.server
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hosting.running import RunningApp
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect, sync_playwright

from florence_ui.bench.scripted_backend import ScriptedBackend

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP *.example 127.0.0.1",
]  # fmt: skip
PATIENCE = 30_000
"""Milliseconds; a busy machine is no failure."""
DESKTOP, PHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}


def find_chromium(chromium: BrowserType) -> str | None:
    """Playwright's own Chromium, or the system's."""
    own = chromium.executable_path
    return own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none the tests are skipped aloud, or fail where `CI` is set."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium)
        if path is None:
            message = "NO CHROMIUM: the browser tests did not run. Install it: playwright install chromium"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
        with contextlib.closing(playwright.chromium.launch(executable_path=path, args=ARGUMENTS)) as browser:
            yield browser


@pytest.fixture(scope="session")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of one grey, 600 x 400."""
    path = tmp_path_factory.mktemp("pictures") / "grey.png"
    image = Image.new("RGB", (600, 400), (120, 120, 120))
    ImageDraw.Draw(image).rectangle((0, 380, 600, 400), fill=(90, 90, 90))
    image.save(path)
    return path


@pytest.fixture(scope="session")
def link_port(photograph: Path) -> Iterator[str]:
    """Where a server of the test's own has that picture, as `/grey.png`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/grey.png" else 404)
            self.end_headers()
            if self.path == "/grey.png":
                self.wfile.write(photograph.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{server.server_address[1]}"
    server.shutdown()


@pytest.fixture(scope="session")
def website() -> Iterator[int]:
    """The port of a website of a stranger: whatever is asked, an empty page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>website</title>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


class LinkedApp(RunningApp):
    """The app, with links that lead to the test's own server."""

    command = (sys.executable, str(HERE / "serve.py"))


@pytest.fixture(scope="session")
def app(model_server: ScriptedBackend, link_port: str) -> Iterator[RunningApp]:
    """The running app, which asks the scripted server and remembers nothing."""
    settings = {
        "FLORENCE_UI_LOCAL_URL": model_server.url, "FLORENCE_UI_CACHE_SECONDS": "0", "FLORENCE_UI_RUNS_PER_MINUTE": "0",
        "TEST_LINK_PORT": link_port,
    }  # fmt: skip
    with LinkedApp(**settings) as app:
        yield app


LEAVING = ("AbortError: signal is aborted without reason", "Unexpected error Connection")
"""How Gradio's page begins to speak of its stream of events when it is left, as by loading it again."""


@pytest.fixture
def open_page(browser: Browser, app: RunningApp) -> Iterator[Callable[..., Page]]:
    """Open the page in a browser of its own; at the end nothing may have gone wrong in any."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def note(words: str) -> None:
        if not words.startswith(LEAVING):
            wrong.append(words)

    def watch(page: Page) -> None:
        page.on("console", lambda message: note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: note(str(error)))
        page.on(
            "response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        )
        page.on("request", lambda request: None if is_ours(request.url, app) else wrong.append(request.url))

    def open_one(query: str = "", *, context: BrowserContext | None = None, **options: object) -> Page:
        if context is None:
            context = browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **options})
            context.set_default_timeout(PATIENCE)
            contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(app.url + query)
        page.wait_for_selector("#run")
        page.wait_for_selector("#stage img[src]")  # what it opens with is there
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not wrong, wrong


def is_ours(url: str, app: RunningApp) -> bool:
    """Whether a request goes to the app itself."""
    return url.startswith((app.url + "/", "data:", "blob:"))


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The page at desktop width."""
    return open_page()


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """The page on a telephone."""
    return open_page(viewport=PHONE, has_touch=True, is_mobile=True)
