"""Features that a browser may lack or refuse: storage, clipboard, camera. The page works without them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import steps
from browser.conftest import DESKTOP, PATIENCE
from hosting.running import RunningApp
from playwright.sync_api import Browser, Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend

DENIED_STORAGE = """
    for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, {
            configurable: true, get() { throw new DOMException("Access is denied.", "SecurityError"); },
        });
"""
NO_STORAGE = """
    for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, { configurable: true, value: null });
"""
PICTURE_IN_CLIPBOARD = """async () => {
    const canvas = document.createElement("canvas");
    canvas.width = 60;
    canvas.height = 40;
    canvas.getContext("2d").fillRect(0, 0, 60, 40);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
}"""
PASTE, CAMERA, FILE = "Paste from clipboard", "Capture from camera", "Upload file"


@contextlib.contextmanager
def opened(browser: Browser, url: str, *, script: str = "", **options: Any) -> Iterator[Page]:
    """The page in a browser of its own; nothing may go wrong in its scripts."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce", **options)
    context.set_default_timeout(PATIENCE)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(url)
    page.wait_for_selector("#run:not([disabled])")
    page.wait_for_selector("#stage img[src]")
    page.wait_for_selector("#picture img")
    yield page
    context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def plain_url(model_server: ScriptedBackend) -> Iterator[str]:
    """The app as others in a network reach it: by a name, over plain http."""
    settings = {"GRADIO_SERVER_NAME": "0.0.0.0", "FLORENCE_UI_LOCAL_URL": model_server.url}
    app = RunningApp(**settings)
    app.environ["FLORENCE_UI_ALLOWED_ORIGINS"] = f"http://playground.example:{app.port}"
    with app:
        yield f"http://playground.example:{app.port}"


def press(page: Page, label: str) -> None:
    page.click(f'#picture [aria-label="{label}"]')


def expect_picture_kept(page: Page, said: str) -> None:
    """The picture is there still, and a sentence says why there is no other."""
    expect(page.locator("#picture-notice")).to_contain_text(said)
    expect(page.locator("#picture img")).to_have_count(1)
    expect(page.locator("#run")).to_be_enabled()
    steps.run(page)


@pytest.mark.slow
def test_the_page_comes_up_where_storage_is_denied(browser: Browser, app: RunningApp) -> None:
    """Ten times: Gradio's page stayed at "Loading..." in eight of ten."""
    for _ in range(10):
        with opened(browser, app.url, script=DENIED_STORAGE):
            pass


@pytest.mark.parametrize("script", [DENIED_STORAGE, NO_STORAGE], ids=["denied", "none"])
def test_the_page_works_without_storage(browser: Browser, app: RunningApp, script: str) -> None:
    with opened(browser, app.url, script=script) as page:
        steps.run(page)


def test_what_is_remembered_lives_as_long_as_the_page_without_storage(browser: Browser, app: RunningApp) -> None:
    with opened(browser, app.url, script=DENIED_STORAGE) as page:
        assert page.evaluate(
            """() => {
                localStorage.setItem("a", 1);
                localStorage.setItem("b", "2");
                localStorage.removeItem("b");
                return [localStorage.getItem("a"), localStorage.getItem("b"), localStorage.key(0) !== null];
            }"""
        ) == ["1", None, True]


def test_pasting_over_plain_http_says_why_not_and_keeps_the_picture(browser: Browser, plain_url: str) -> None:
    with opened(browser, plain_url) as page:
        assert not page.evaluate("isSecureContext")
        press(page, PASTE)
        expect_picture_kept(page, "The clipboard cannot be read here.")


def test_the_camera_over_plain_http_says_why_not_and_keeps_the_picture(browser: Browser, plain_url: str) -> None:
    with opened(browser, plain_url) as page:
        press(page, CAMERA)
        expect_picture_kept(page, "The camera cannot be used here.")


def test_copying_works_over_plain_http(browser: Browser, plain_url: str) -> None:
    with opened(browser, plain_url) as page:
        page.click("#copy-link")
        expect(page.locator("#copy-link")).to_have_text("Link copied")
        page.locator("#link textarea, #link input").first.focus()
        page.keyboard.press("ControlOrMeta+v")
        assert page.locator("#link textarea, #link input").first.input_value().startswith(plain_url)


@pytest.mark.parametrize(
    ("script", "label", "said"),
    [
        pytest.param(
            'navigator.clipboard.read = () => Promise.reject(new DOMException("no", "NotAllowedError"));',
            PASTE, "did not allow this page to read the clipboard", id="clipboard-denied",
        ),
        pytest.param("navigator.clipboard.read = async () => [];", PASTE, "no picture in the clipboard", id="empty"),
        pytest.param(
            'navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));',
            CAMERA, "did not allow this page to use the camera", id="camera-denied",
        ),
        pytest.param(
            'navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotFoundError"));',
            CAMERA, "No camera was found.", id="no-camera",
        ),
    ],
)  # fmt: skip
def test_a_refusal_costs_nothing(browser: Browser, app: RunningApp, script: str, label: str, said: str) -> None:
    with opened(browser, app.url, script=script) as page:
        press(page, label)
        expect_picture_kept(page, said)


def test_a_file_dialog_that_is_closed_costs_nothing(browser: Browser, app: RunningApp, photograph: Path) -> None:
    with opened(browser, app.url) as page:
        with page.expect_file_chooser():
            press(page, FILE)
        expect(page.locator("#picture img")).to_have_count(1)
        steps.run(page)
        with page.expect_file_chooser() as chooser:
            press(page, FILE)
        page.evaluate("document.querySelector('#stage .stage-img').removeAttribute('src')")
        chooser.value.set_files(photograph)
        page.wait_for_selector("#stage [data-state=ready] img[src*=picture]")


def test_a_picture_in_the_clipboard_takes_the_place_of_the_one_before(browser: Browser, app: RunningApp) -> None:
    with opened(browser, app.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.evaluate(PICTURE_IN_CLIPBOARD)
        page.evaluate("document.querySelector('#stage .stage-img').removeAttribute('src')")
        press(page, PASTE)
        page.wait_for_selector("#stage [data-state=ready] img[src*=picture]")
        image = "document.querySelector('#stage .stage-img')"
        page.wait_for_function(f"{image}.naturalWidth > 0")
        assert page.evaluate(f"[{image}.naturalWidth, {image}.naturalHeight]") == [60, 40]
