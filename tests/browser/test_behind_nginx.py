"""The page behind a real nginx, configured as in docs/hosting.md, used in Chromium."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browser import steps
from browser.conftest import ARGUMENTS, PATIENCE, find_chromium
from hosting.running import AppHere, free_port
from playwright.sync_api import Browser, BrowserContext, Page

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.settings import Settings

GUIDE = (Path(__file__).parents[2] / "docs" / "hosting.md").read_text("utf-8")
LINES = GUIDE.partition("```nginx\n")[2].partition("```")[0]
NAME = "page.example"
CONFIG = """
daemon off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {folder}/page.crt; ssl_certificate_key {folder}/page.key;
        {lines}
    }}
}}
"""


class Nginx:
    """nginx on the loopback in front of an app.

    Attributes:
        http: Its address by name, over http.
        https: The same over https.
        by_number: The same over http, by the address in numbers.
    """

    def __init__(self, folder: Path, lines: str) -> None:
        port, tls_port = free_port(), free_port()
        self.http, self.https = f"http://{NAME}:{port}", f"https://{NAME}:{tls_port}"
        self.by_number = f"http://127.0.0.1:{port}"
        certify = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"]
        files = ["-keyout", folder / "page.key", "-out", folder / "page.crt"]
        subprocess.run([*certify, *files], check=True, capture_output=True)
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port, tls_port=tls_port, lines=lines))
        self._process = subprocess.Popen([find_nginx(), "-p", folder, "-e", "stderr", "-c", config])
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.by_number}/healthz", timeout=20)
                return
            time.sleep(0.1)
        self.stop()
        raise TimeoutError("nginx did not start.")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)


def find_nginx() -> str:
    """The system's nginx; where there is none the test is skipped aloud, or fails where `CI` is set."""
    found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None:
        message = "NO NGINX: the page behind a proxy is NOT TESTED. Install it: apt-get install nginx"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


@contextlib.contextmanager
def served(folder: Path, backend: ScriptedBackend, *, path: str = "/", **settings: object) -> Iterator[Nginx]:
    """An app behind nginx, below that path; with the guide's lines, in which only port and path are changed."""
    find_nginx()
    usual = {"local_url": backend.url, "start_server": False, "cache_seconds": 0, "runs_per_minute": 0}
    with AppHere(Settings(**usual | settings)) as app:
        target = "proxy_pass http://127.0.0.1:7860"
        assert target in LINES
        assert "location / {" in LINES
        here = app.url if path == "/" else f"{app.url}/"
        lines = LINES.replace(target, f"proxy_pass {here}").replace("location / {", f"location {path} {{")
        nginx = Nginx(folder, lines)
        try:
            yield nginx
        finally:
            nginx.stop()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that finds the page's name on this machine, and minds no certificate."""
    arguments, kind = [*ARGUMENTS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"], browser.browser_type
    with contextlib.closing(kind.launch(executable_path=find_chromium(kind), args=arguments)) as own:
        context = own.new_context(ignore_https_errors=True, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        yield context


def check(visitor: BrowserContext, address: str, photograph: Path) -> None:
    """The page has its styles, takes a picture and answers about it; nothing fails on the way."""
    page, wrong = visitor.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("request", lambda request: note_elsewhere(request.url, address, wrong))
    page.goto(f"{address}/")
    page.wait_for_selector("#stage img[src]")
    assert is_styled(page)
    steps.upload(page, photograph)
    steps.run(page)
    assert steps.labels(page)
    drawn = page.locator(".stage-layer")
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert steps.scan_code(page) == ("" if "127.0.0.1" in address else f"{address}/")
    assert wrong == []


def note_elsewhere(url: str, address: str, wrong: list[str]) -> None:
    """What a page asks for that is not below its own address does not pass a proxy."""
    if not url.startswith((f"{address}/", "data:", "blob:")):
        wrong.append(f"elsewhere: {url}")


def is_styled(page: Page) -> bool:
    """Whether Gradio's styles and our own are there."""
    color = page.locator("#run").evaluate("button => getComputedStyle(button).backgroundColor")
    return color not in ("rgba(0, 0, 0, 0)", "rgb(239, 239, 239)", "buttonface")


def test_the_lines_of_readme_are_enough(
    visitor: BrowserContext, backend: ScriptedBackend, photograph: Path, tmp_path: Path
) -> None:
    """With the setting that stands beside them: over http by name, where the browser proves nothing."""
    with served(tmp_path, backend, address_header="x-real-ip") as nginx:
        check(visitor, nginx.http, photograph)


def test_without_a_word_to_the_page_it_works_over_https_and_in_numbers(
    visitor: BrowserContext, backend: ScriptedBackend, photograph: Path, tmp_path: Path
) -> None:
    with served(tmp_path, backend) as nginx:
        check(visitor, nginx.https, photograph)
        check(visitor, nginx.by_number, photograph)
        page = visitor.new_page()
        page.goto(nginx.http)
        assert "FLORENCE_UI_ALLOWED_ORIGINS" in page.content()


def test_a_sub_path_works_over_http_and_https(
    visitor: BrowserContext,
    backend: ScriptedBackend,
    photograph: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/florence")
    with served(tmp_path, backend, path="/florence/") as nginx:
        check(visitor, f"{nginx.http}/florence", photograph)
        check(visitor, f"{nginx.https}/florence", photograph)
        address = f"{nginx.https}/florence".replace(NAME, "127.0.0.1")
        described = httpx.get(f"{address}/gradio_api/openapi.json", verify=False, timeout=20).json()
        assert described["servers"] == [{"url": address}]
        assert "/gradio_api/call/v2/analyse" in described["paths"]
