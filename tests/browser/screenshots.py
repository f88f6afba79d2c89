"""Take the README's screenshots: `python tests/browser/screenshots.py [FOLDER]`.

They show the app as a newcomer starts it, with florence-2-nano on the bundled examples.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import steps  # noqa: E402
from browser.conftest import ARGUMENTS, find_chromium  # noqa: E402
from hosting.running import RunningApp  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def open_page(browser: Browser, app: RunningApp, viewport: dict, scheme: str) -> Page:
    """The page, an example loaded."""
    page = browser.new_page(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page.set_default_timeout(180_000)
    page.goto(f"{app.url}/?__theme={scheme}")
    page.wait_for_selector("#run:not([disabled])")
    return page


def explore(page: Page) -> None:
    """The first example, answered, one object lit up."""
    steps.run(page)
    page.locator(".stage-row").first.hover()


def compare(page: Page) -> None:
    """Two tasks of the only model that a newcomer has, on the same picture."""
    page.get_by_role("tab", name="Compare", exact=True).click()
    page.wait_for_selector("#compare-stage [data-state=ready]")
    page.click("#compare-run")
    page.wait_for_selector("#compare-found-by [data-state=done]")


SHOTS = {
    "explore-light": (WIDE, "light", explore),
    "explore-dark": (WIDE, "dark", explore),
    "compare-dark": (WIDE, "dark", compare),
    "phone-light": (NARROW, "light", explore),
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, RunningApp.with_local_server() as app:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright.chromium), args=ARGUMENTS)
        for name, (viewport, scheme, prepare) in SHOTS.items():
            page = open_page(browser, app, viewport, scheme)
            prepare(page)
            height = page.evaluate("document.documentElement.scrollHeight")  # what stays in sight is where it belongs
            page.set_viewport_size({**viewport, "height": height})
            page.screenshot(path=folder / f"{name}.png")
            page.close()
            print(f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "assets" / "screenshots")
