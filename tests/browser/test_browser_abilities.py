"""What a browser may lack or refuse: storage, clipboard, camera, and all of them in a frame on another site.

The page works without them.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import steps
from browser.conftest import DESKTOP, PATIENCE, PHONE
from browser.on_modes import serious
from hosting.running import RunningApp
from playwright.sync_api import Browser, Frame, Page, expect

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
LOADS = 10
"""So often the page has to come up in a frame: without storage Gradio's own stayed at "Loading..." in most loads."""


@contextlib.contextmanager
def opened(browser: Browser, url: str, *, script: str = "", **options: Any) -> Iterator[Page]:
    """The page in a browser of its own; nothing may go wrong in its scripts."""
    context = browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(url)
    steps.settle(page)
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


def ways(page: Page | Frame) -> list[str]:
    """The ways to open a picture that are offered; the popover stays open."""
    page.click("#open")
    page.wait_for_selector("#open-pop")
    return page.locator("#open-pop [data-how]:visible").all_inner_texts()


def press(page: Page, how: str) -> None:
    """Open a picture by `file`, `camera` or `paste`."""
    page.click("#open")
    page.click(f"#open-pop [data-how={how}]")


def expect_picture_kept(page: Page, said: str) -> None:
    """The picture is there still, and a sentence says why there is no other."""
    expect(page.locator(".stage-notice")).to_contain_text(said)
    expect(page.locator("#stage .stage")).not_to_have_attribute("data-state", "busy")
    assert page.evaluate("document.querySelector('.stage-picture').naturalWidth") > 0
    steps.run(page)


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


def test_over_plain_http_neither_camera_nor_clipboard_is_offered(browser: Browser, plain_url: str) -> None:
    with opened(browser, plain_url) as page:
        assert not page.evaluate("isSecureContext")
        assert ways(page) == ["Upload"]


def test_copying_works_over_plain_http(browser: Browser, plain_url: str) -> None:
    with opened(browser, plain_url) as page:
        assert copied_link(page).startswith(plain_url)


def copied_link(place: Page | Frame) -> str:
    """What "Copy link" has left in the clipboard, pasted into a field."""
    steps.open_drawer(place, "download")
    place.click("#copy-link")
    expect(place.locator("#copy-link")).to_have_text("Link copied")
    place.click("#open")
    place.locator("#link input").press("ControlOrMeta+v")
    return place.locator("#link input").input_value()


@pytest.mark.parametrize(
    ("script", "how", "said"),
    [
        pytest.param(
            'navigator.clipboard.read = () => Promise.reject(new DOMException("no", "NotAllowedError"));',
            "paste", "did not allow this page to read the clipboard", id="clipboard-denied",
        ),
        pytest.param("navigator.clipboard.read = async () => [];", "paste", "no picture in the clipboard", id="empty"),
        pytest.param(
            'navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));',
            "camera", "did not allow this page to use the camera", id="camera-denied",
        ),
        pytest.param(
            'navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotFoundError"));',
            "camera", "No camera was found.", id="no-camera",
        ),
    ],
)  # fmt: skip
def test_a_refusal_costs_nothing(browser: Browser, app: RunningApp, script: str, how: str, said: str) -> None:
    with opened(browser, app.url, script=script) as page:
        press(page, how)
        expect_picture_kept(page, said)


def test_a_file_dialog_that_is_closed_costs_nothing(browser: Browser, app: RunningApp, photograph: Path) -> None:
    with opened(browser, app.url) as page:
        with page.expect_file_chooser():
            press(page, "file")
        steps.run(page)
        with page.expect_file_chooser() as chooser:
            press(page, "file")
        chooser.value.set_files(photograph)
        steps.settle(page, "ready")


def test_a_picture_in_the_clipboard_takes_the_place_of_the_one_before(browser: Browser, app: RunningApp) -> None:
    with opened(browser, app.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.evaluate(PICTURE_IN_CLIPBOARD)
        press(page, "paste")
        page.wait_for_function("document.querySelector('.stage-picture').naturalWidth === 60")
        steps.settle(page, "ready")


@pytest.fixture(scope="module")
def embedded_url(model_server: ScriptedBackend, website: int) -> Iterator[str]:
    """The app, which lets the website embed it."""
    site = f"http://localhost:{website}"
    with RunningApp(FLORENCE_UI_LOCAL_URL=model_server.url, FLORENCE_UI_FRAME_ANCESTORS=site) as app:
        yield app.url


@contextlib.contextmanager
def embedded(browser: Browser, website: int, url: str, allow: str = "") -> Iterator[Frame]:
    """The page in a frame on the website, in a private window: Chromium denies it storage there."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"http://localhost:{website}")
    size = "width: 100%; height: 960px"
    page.set_content(f'<iframe src="{url}/" style="{size}" allow="{allow}"></iframe>')
    frame = page.frames[-1]
    steps.settle(frame)
    yield frame
    context.close()
    assert wrong == []


@pytest.mark.slow
def test_the_page_comes_up_in_every_load_in_a_private_frame_on_another_site(
    browser: Browser, website: int, embedded_url: str
) -> None:
    for _ in range(LOADS):
        with embedded(browser, website, embedded_url) as frame:
            assert not frame.evaluate("localStorage instanceof Storage || sessionStorage instanceof Storage")


def test_in_such_a_frame_the_page_answers_and_remembers_nothing(
    browser: Browser, website: int, embedded_url: str
) -> None:
    with embedded(browser, website, embedded_url) as frame:
        steps.choose(frame, "<DENSE_REGION_CAPTION>")
        steps.run(frame)
        assert steps.labels(frame)
        frame.page.reload()
        frame.page.set_content(f'<iframe src="{embedded_url}/" style="width: 100%; height: 960px"></iframe>')
        again = frame.page.frames[-1]
        steps.settle(again)
        expect(again.locator("#answer-list .list-source")).to_contain_text("recorded")
        expect(again.locator(".thumb[data-name=recent-0]")).to_have_count(0)


@pytest.mark.parametrize(
    ("allow", "offered"),
    [
        pytest.param("", ["Upload"], id="nothing"),
        pytest.param("camera", ["Upload", "Camera"], id="camera"),
        pytest.param("clipboard-read", ["Upload", "Paste"], id="clipboard"),
    ],
)
def test_only_what_the_frame_allows_is_offered(
    browser: Browser, website: int, embedded_url: str, allow: str, offered: list[str]
) -> None:
    with embedded(browser, website, embedded_url, allow) as frame:
        assert ways(frame) == offered


def test_copying_works_where_the_frame_does_not_allow_the_clipboard(
    browser: Browser, website: int, embedded_url: str
) -> None:
    with embedded(browser, website, embedded_url) as frame:
        assert copied_link(frame).startswith(embedded_url)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_camera_reads_the_pages_address_from_the_screen(
    browser: Browser, plain_url: str, viewport: dict[str, int], theme: str
) -> None:
    with opened(browser, f"{plain_url}/?__theme={theme}", viewport=viewport) as page:
        assert steps.scan_code(page) == f"{plain_url}/"
        expect(page.locator(".qr-code img")).to_have_attribute("alt", f"QR code of {plain_url}/")
        expect(page.locator(".qr-code p")).to_have_text(f"{plain_url}/")
        assert page.locator(".qr-code summary").bounding_box()["height"] >= 44
        assert serious(page) == []


def test_no_code_is_offered_for_an_address_of_this_machine_only(browser: Browser, app: RunningApp) -> None:
    with opened(browser, app.url) as page:
        assert steps.scan_code(page) == ""
