"""Take the README's screenshots: `python tests/browser/screenshots.py [FOLDER]`.

They show the app as a newcomer starts it, with florence-2-nano on the bundled examples.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import on_modes, steps  # noqa: E402
from browser.conftest import ARGUMENTS, find_chromium  # noqa: E402
from hosting.running import RunningApp  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

PATIENCE = 180_000
"""Milliseconds; the server starts and loads the model meanwhile."""


def explore(page: Page) -> None:
    """The answer that the page opens on."""


def compare(page: Page) -> None:
    """The comparison that the mode begins with: two tasks about one picture."""
    on_modes.enter(page, "Compare")
    page.click("#compare-run")
    page.wait_for_selector("#compare-found-by [data-state=done]")
    page.wait_for_selector("#compare-stage .stage-layer")


@dataclass(frozen=True)
class Shot:
    """One picture: how large, in which scheme, and what is done before; Spaces show the smallest as their card."""

    size: tuple[int, int]
    scheme: str
    prepare: Callable[[Page], None]


SHOTS = {
    "compare-dark": Shot((1440, 900), "dark", compare),
    "thumbnail": Shot((1200, 675), "light", explore),
}


def take(browser: Browser, app: RunningApp, shot: Shot, path: Path) -> None:
    """Open the page, prepare it, and write the picture of it."""
    width, height = shot.size
    viewport = {"width": width, "height": height}
    page = browser.new_page(viewport=viewport, color_scheme=shot.scheme, reduced_motion="reduce")
    page.set_default_timeout(PATIENCE)
    page.goto(f"{app.url}/?__theme={shot.scheme}")
    steps.settle(page)
    steps.wait_for_drawing(page)
    page.wait_for_selector("#where[data-tone=good], #where[data-tone=plain]")  # the server has started
    shot.prepare(page)
    page.wait_for_timeout(500)  # the drawing in the stage's own size comes a moment later
    page.screenshot(path=path)
    page.close()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, RunningApp.with_local_server() as app:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright.chromium), args=ARGUMENTS)
        for name, shot in SHOTS.items():
            take(browser, app, shot, folder / f"{name}.png")
            print(f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "assets" / "screenshots")
