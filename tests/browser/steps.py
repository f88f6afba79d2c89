"""People's actions on the page, one function each; those on the stage itself stand in `on_stage`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, expect

STAGE = "#stage .stage"


def upload(page: Page, path: Path) -> None:
    """Choose a file, and wait until it is on the stage."""
    before = page.get_attribute(".stage-picture", "src")
    page.set_input_files("#stage input[type=file]", path)
    page.wait_for_function(
        """before => {
            const stage = document.querySelector("#stage .stage"), picture = stage.querySelector(".stage-picture");
            return picture.getAttribute("src") !== before && stage.dataset.state === "ready";
        }""",
        arg=before,
    )


def open_link(page: Page, address: str) -> None:
    """Type the address of a picture, and open it."""
    if page.locator("#open-pop").is_hidden():
        page.click("#open")
    page.fill("#link input", address)
    page.press("#link input", "Enter")


def paste(page: Page, words: str) -> None:
    """Paste words where nothing is typed."""
    page.evaluate(
        """words => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", words);
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        words,
    )


def choose(page: Page, token: str) -> None:
    """Choose a task in the palette."""
    page.click("#task-button")
    page.click(f'.palette-item[data-token="{token}"]')
    expect(page.locator("#palette")).to_be_hidden()


def choose_model(page: Page, title: str) -> None:
    """Choose a model beside Run."""
    page.locator("#model input").click()
    page.get_by_role("option", name=title, exact=True).click()


def fill(page: Page, field: str, *typed: str) -> None:
    """Type into the field `phrase`, `prompt` or `classes` of the dock; classes one after another."""
    box = page.locator(f"#{field} input")
    for words in typed:
        box.fill(words)
        if field == "classes":
            box.press("Enter")
            expect(page.locator("#classes .token", has_text=words)).to_be_visible()


def run(page: Page, state: str = "done") -> None:
    """Press Run and wait for the answer, or another end; what the stage showed before does not count."""
    page.evaluate("document.querySelector('#stage .stage').dataset.state = 'asked'")
    page.click("#run")
    settle(page, state)


def settle(page: Page, state: str = "done") -> None:
    """Wait until the run is over and the stage is in that state."""
    page.wait_for_selector(f"{STAGE}[data-state={state}]")
    page.wait_for_selector("#run")


def open_drawer(page: Page, name: str) -> None:
    """Open a drawer beside the stage: `text`, `table`, `json`, `code`, `style` or `download`."""
    page.click(f"#open-{name}")
    expect(page.locator(f"#drawer-{name}")).to_be_visible()


def choose_backend(page: Page, title: str) -> None:
    """Choose a backend in the popover of the header, and leave that open."""
    if page.locator("#where-pop").is_hidden():
        page.click("#where")
    page.locator("#backend label", has_text=title).click()


def scan_code(page: Page) -> str:
    """Open the QR code behind the header's pill, and read it from the screen; empty if none is offered."""
    if page.locator("#where-pop").is_hidden():
        page.click("#where")
    expect(page.locator("#where-pop")).to_be_visible()
    if page.locator(".qr-code").is_hidden():
        return ""
    page.click(".qr-code summary")
    code = page.locator(".qr-code img")
    expect(code).to_have_js_property("complete", True)
    code.scroll_into_view_if_needed()
    picture = cv2.imdecode(np.frombuffer(code.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def open_mode(page: Page, name: str) -> None:
    """Open one of the page's modes."""
    page.locator("#modes").get_by_role("tab", name=name, exact=True).click()


def labels(page: Page) -> list[str]:
    """The labels in the list of what was found."""
    return page.locator("#answer-list .row .name").all_inner_texts()


def wait_for_drawing(page: Page) -> None:
    """Wait until the answer's drawing lies over the picture."""
    page.wait_for_selector(".stage-layer")


@contextmanager
def redrawing(page: Page) -> Iterator[None]:
    """Wait until what is done inside has drawn the answer anew."""
    before = page.get_attribute(".stage-layer", "src")
    yield
    page.wait_for_function(
        "before => document.querySelector('.stage-layer')?.getAttribute('src') !== before", arg=before
    )


def color_at(page: Page, x: float, y: float) -> tuple[int, int, int]:
    """The color of the picture with its drawing at a place, in parts of its width and height."""
    return tuple(
        page.evaluate(
            """async ([x, y]) => {
                const shown = [...document.querySelectorAll("#stage .stage-picture, #stage .stage-layer")];
                await Promise.all(shown.map((image) => image.decode()));
                const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
                canvas.width = 1200;
                canvas.height = 800;
                for (const image of shown) context.drawImage(image, 0, 0, canvas.width, canvas.height);
                return [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3);
            }""",
            [x, y],
        )
    )


def is_grey(color: tuple[int, int, int]) -> bool:
    """Whether a color has no hue, give or take what JPEG adds."""
    return max(color) - min(color) < 24
