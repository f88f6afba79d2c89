"""A visitor in a real browser: opens the page, brings a picture, chooses a task, asks."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MEASURES = Path(__file__).with_name("measures.js")
PATIENCE = 30_000
"""Milliseconds."""
PHONE_WIDTH = 700
"""CSS pixels up to which a window is one for fingers."""


@dataclass(frozen=True)
class Screen:
    """A window: its size in CSS pixels, and device pixels per CSS pixel."""

    width: int
    height: int
    ratio: float = 1.0

    def __str__(self) -> str:
        return f"{self.width} x {self.height}" + (f", ratio {self.ratio:g}" if self.ratio != 1 else "")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Playwright's own Chromium, or the system's.

    Raises:
        RuntimeError: If there is none.
    """
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        path = own if own.exists() else next(filter(None, map(shutil.which, PROGRAMS)), None)
        if path is None:
            raise RuntimeError("There is no Chromium. Install it: playwright install chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser, screen: Screen, *, is_dark: bool = False, bypass_csp: bool = False) -> BrowserContext:
    """A browser of its own with this window, in which pages can be measured."""
    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        device_scale_factor=screen.ratio,
        has_touch=screen.width < PHONE_WIDTH,
        color_scheme="dark" if is_dark else "light",
        reduced_motion="reduce",
        bypass_csp=bypass_csp,
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(path=MEASURES)
    return context


def open_page(context: BrowserContext, url: str) -> Page:
    """The page, with the picture that it opens with."""
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#run")
    page.wait_for_selector("#stage .stage-picture[src]")
    return page


def bring(page: Page, picture: Path) -> None:
    """Bring a picture, as dropping it does, and wait until it is on the stage."""
    before = page.get_attribute("#stage .stage-picture", "src")
    page.set_input_files("#stage input[type=file]", picture)
    page.wait_for_function(
        "before => { const image = document.querySelector('#stage .stage-picture');"
        " return document.querySelector('#stage .stage').dataset.state === 'ready'"
        " && image.getAttribute('src') !== before && image.complete; }",
        arg=before,
    )


def choose_task(page: Page, token: str) -> None:
    """Choose a task in the palette."""
    page.click("#task-button")
    page.click(f'.palette-item[data-token="{token}"]')
    page.wait_for_selector("#palette", state="hidden")


def ask(page: Page) -> None:
    """Press Run and wait until the answer is drawn."""
    old = page.query_selector("#stage .stage-layer")
    page.click("#run")
    if old:
        page.wait_for_function("old => !old.isConnected", arg=old)
    page.wait_for_selector("#stage [data-state=done], #stage .stage[data-state=done]", state="attached")
    page.wait_for_selector("#stage .stage-layer", state="attached")
