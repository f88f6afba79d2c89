"""Record the README's moving picture: `python tests/browser/animation.py [FILE]`.

It shows florence-2-nano on a bundled example: pointing, the tools of an object, and a region of one's own. All answers
are nano's.
"""

import io
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import on_stage  # noqa: E402
from browser.conftest import ARGUMENTS, find_chromium  # noqa: E402
from hosting.running import RunningApp  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

WINDOW = {"width": 1280, "height": 800}
WIDTH = 960
"""Pixels of the recording."""
FRAME_MS, HOLD_MS = 90, 1200
TREE, DOG, BICYCLE, BALL = (0.15, 0.62), (0.4, 0.73), (0.66, 0.6), (0.85, 0.83)
REGION = (0.33, 0.24), (0.52, 0.45)
"""Around the butterfly."""


class Recording:
    """Frames of a page with the time that each is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def frame(self, milliseconds: int = FRAME_MS) -> None:
        """Add what the page shows now."""
        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self.frames.append(image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def move(self, start: tuple[float, float], end: tuple[float, float], steps: int = 5) -> None:
        """Move the mouse over the picture, with a frame for each step."""
        for step in range(1, steps + 1):
            part = step / steps
            on_stage.point_at(self.page, *(a + (b - a) * part for a, b in zip(start, end, strict=True)))
            self.frame()

    def save(self, path: Path) -> None:
        """Write an animated WebP that starts over at its end."""
        first, *rest = self.frames
        first.save(path, save_all=True, append_images=rest, duration=self.times, loop=0, quality=60, method=4)


def tell(recording: Recording) -> None:
    """Point at three objects, ask about one, then about a region."""
    page = recording.page
    recording.frame(HOLD_MS)
    for start, end in ((TREE, DOG), (DOG, BICYCLE), (BICYCLE, BALL), (BALL, DOG)):
        recording.move(start, end)
        recording.frame(HOLD_MS // 3)
    on_stage.click(page, *DOG)
    recording.frame(HOLD_MS)
    ask(recording, "Describe")
    page.keyboard.press("Escape")
    recording.move(DOG, REGION[0])
    page.mouse.down()
    recording.move(*REGION)
    page.mouse.up()
    recording.frame(HOLD_MS)
    ask(recording, "Name")


def ask(recording: Recording, action: str) -> None:
    """Press one of the tools and wait for its note."""
    page, notes = recording.page, recording.page.locator(".stage-note").count()
    page.get_by_role("button", name=action, exact=True).first.click()
    page.wait_for_function(f"document.querySelectorAll('.stage-note').length > {notes}")
    page.wait_for_function("!document.querySelector('#stage').innerText.includes('Looking')")
    recording.frame(2 * HOLD_MS)


def main(path: Path) -> None:
    with sync_playwright() as playwright, RunningApp.with_local_server() as app:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright.chromium), args=ARGUMENTS)
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        page.set_default_timeout(120_000)
        page.goto(f"{app.url}/?__theme=light")
        page.wait_for_selector("#run:not([disabled])")
        page.wait_for_selector("#answer-list .row")
        page.wait_for_function("document.querySelector('#header').innerText.includes('ready')")
        page.wait_for_timeout(2000)  # until it is drawn at the stage's size
        recording = Recording(page)
        tell(recording)
        recording.save(path)
        print(f"{path.name}: {len(recording.frames)} frames, {path.stat().st_size / 1e6:.2f} MB")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "assets" / "screenshots" / "stage.webp")
