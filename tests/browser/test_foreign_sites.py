"""Other websites, in a real Chromium, that try to use the page through their visitor's browser."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import steps
from browser.conftest import ARGUMENTS, find_chromium
from hosting.running import RunningApp
from playwright.sync_api import Browser, BrowserContext, Frame, Page

from florence_ui.bench.scripted_backend import ScriptedBackend

NAMES = "MAP evil.example 127.0.0.1, MAP friend.example 127.0.0.1, MAP rebound.example 127.0.0.1"
ATTACK = """async ([app, path]) => {
    const said = {};
    const attempt = async (name, act) => {
        try { said[name] = await act(); } catch (error) { said[name] = "blocked"; }
    };
    const file = () => {
        const form = new FormData();
        form.append("files", new Blob([new Uint8Array([137, 80, 78, 71])], { type: "image/png" }), "evil.png");
        return form;
    };
    const event = JSON.stringify({ task: "<OD>", image: { path, meta: { _type: "gradio.FileData" } } });
    const json = { "Content-Type": "application/json" };
    const post = (body, more) => ({ method: "POST", body, ...more });
    const read = async (address, options) => {
        const answer = await fetch(app + address, options);
        return `${answer.type} ${answer.status}`;
    };
    await attempt("page", () => read("/config"));
    await attempt("upload", () => read("/gradio_api/upload", post(file())));
    await attempt("upload without asking", () => read("/gradio_api/upload", post(file(), { mode: "no-cors" })));
    await attempt("run", () => read("/gradio_api/call/v2/analyse", post(event, { headers: json })));
    await attempt("run as text", () => read("/gradio_api/call/v2/analyse", post(event, { mode: "no-cors" })));
    await attempt("run under a forwarded name", () =>
        read("/gradio_api/call/v2/analyse", post(event, { headers: { ...json, "X-Forwarded-Host": location.host } })));
    await attempt("agent", () => read("/gradio_api/mcp/", post("{}", { headers: json })));
    await attempt("cancel", () => read("/gradio_api/cancel", post("{}", { mode: "no-cors" })));
    await attempt("answers", () => new Promise((resolve) => {
        const stream = new EventSource(app + "/gradio_api/queue/data?session_hash=abc");
        stream.onopen = () => resolve("open");
        stream.onerror = () => resolve("blocked");
    }));
    await attempt("beacon", async () => navigator.sendBeacon(app + "/gradio_api/upload", file()) && "sent");
    return said;
}"""
HARMLESS = {"blocked", "opaque 0", "sent", "basic 403"}
"""Ends of an attempt: the browser gave the script nothing, or the page refused."""


@pytest.fixture(scope="module")
def page_app(model_server: ScriptedBackend, website: int) -> Iterator[RunningApp]:
    """The app, which spends the operator's key and lets one website embed it."""
    settings = {
        "FLORENCE_UI_LOCAL_URL": model_server.url,
        "FLORENCE_UI_CACHE_SECONDS": "0",
        "API_KEY": "rf_operators_key",
    }
    friend = f"http://friend.example:{website}"
    with RunningApp(FLORENCE_UI_BACKEND="local", FLORENCE_UI_ALLOWED_ORIGINS=friend, **settings) as app:
        yield app


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """A browser to which the strangers' names are this machine."""
    arguments = [*ARGUMENTS, f"--host-resolver-rules={NAMES}"]
    kind = browser.browser_type
    with contextlib.closing(kind.launch(executable_path=find_chromium(kind), args=arguments)) as own:
        yield own.new_context()


def attacked(place: Page | Frame, address: str, app: RunningApp, backend: ScriptedBackend, picture: bytes) -> dict:
    """What a script in that place reaches; the picture that it names was uploaded by somebody else."""
    path = app.upload(picture).json()[0]
    before, files = backend.count, app.disk
    said = place.evaluate(ATTACK, [address, path])
    assert backend.count == before, said
    assert app.disk == files, said
    return said


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("own", ["http://evil.example", "http://localhost"])
def test_a_website_reaches_nothing(
    visitor: BrowserContext,
    page_app: RunningApp,
    backend: ScriptedBackend,
    website: int,
    photograph: Path,
    name: str,
    own: str,
) -> None:
    page = visitor.new_page()
    page.goto(f"{own}:{website}/")
    said = attacked(page, f"http://{name}:{page_app.port}", page_app, backend, photograph.read_bytes())
    assert set(said.values()) <= HARMLESS - {"basic 403"}, said


def test_a_frame_without_an_origin_reaches_nothing(
    visitor: BrowserContext, page_app: RunningApp, backend: ScriptedBackend, website: int, photograph: Path
) -> None:
    page = visitor.new_page()
    page.goto(f"http://evil.example:{website}/")
    page.set_content("<iframe sandbox=allow-scripts srcdoc='<p>x</p>'></iframe>")
    frame = page.frames[-1]
    assert frame.evaluate("self.origin") == "null"
    said = attacked(frame, page_app.url, page_app, backend, photograph.read_bytes())
    assert set(said.values()) <= HARMLESS - {"basic 403"}, said


def test_a_name_that_is_rebound_to_this_machine_reaches_nothing(
    visitor: BrowserContext, page_app: RunningApp, backend: ScriptedBackend, photograph: Path
) -> None:
    """To the browser the website and the page are one origin then, and every header may be set."""
    page, address = visitor.new_page(), f"http://rebound.example:{page_app.port}"
    page.goto(address)
    assert "does not know the host name" in page.content()
    said = attacked(page, address, page_app, backend, photograph.read_bytes())
    assert set(said.values()) <= HARMLESS, said
    assert said["run under a forwarded name"] == "basic 403"


def test_a_website_that_is_allowed_calls_and_frames_the_page(
    visitor: BrowserContext, page_app: RunningApp, website: int, photograph: Path
) -> None:
    page = visitor.new_page()
    page.goto(f"http://friend.example:{website}/")
    asked = {"task": "<CAPTION>", "image": {"path": page_app.upload(photograph.read_bytes()).json()[0]}}
    answer = page.evaluate(
        """async ([app, event]) => {
            const headers = { "Content-Type": "application/json" };
            const address = `${app}/gradio_api/call/v2/analyse`;
            const call = await (await fetch(address, { method: "POST", headers, body: event })).json();
            return await (await fetch(`${app}/gradio_api/call/analyse/${call.event_id}`)).text();
        }""",
        [page_app.url, json.dumps(asked)],
    )
    assert "event: complete" in answer, answer
    assert framed(page, page_app.url) == f"{page_app.url}/"
    page.goto(f"http://evil.example:{website}/")
    assert framed(page, page_app.url).startswith("chrome-error:")


def framed(page: Page, address: str) -> str:
    """The address of what a frame shows that is sent to this one."""
    page.set_content("<iframe></iframe>")
    page.evaluate(
        """address => new Promise((resolve) => {
            const frame = document.querySelector("iframe");
            frame.onload = resolve;
            frame.src = address;
        })""",
        address,
    )
    return page.frames[-1].url


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "page.localhost"])
def test_the_page_itself_works_under_each_of_its_names(
    visitor: BrowserContext, page_app: RunningApp, photograph: Path, name: str
) -> None:
    page = visitor.new_page()
    page.goto(f"http://{name}:{page_app.port}/")
    page.wait_for_selector("#stage img[src]")
    steps.upload(page, photograph)
    steps.run(page)
    assert steps.labels(page)
