"""The measures of one page, each a function on a page in a browser."""

import base64
import io
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

from florence_ui.bench.page import visit
from florence_ui.tasks import InputKind, Task

SETTLE = 300
"""Milliseconds that a layout is given to come to rest."""
REST, REST_TRIES = 1000, 20
"""Milliseconds without a new drawing after which none is expected, and how often to wait so long."""
DARK = 60
"""Brightest level of a letter."""
FIELDS: Mapping[InputKind, tuple[str, ...]] = {
    InputKind.NONE: (),
    InputKind.PHRASE: ("#phrase input",),
    InputKind.CLASSES: ("#classes input",),
    InputKind.REGION: ("#region",),
    InputKind.PROMPT: ("#prompt input",),
}
"""What a task needs -> the fields for it."""
ALWAYS = ("#task-button", "#model input", "#run")
DRAWERS = ("text", "table", "json", "code", "style", "download")


@dataclass(frozen=True)
class Share:
    """Percent of the window that the stage takes before, during and after a run, and the layout shift meanwhile."""

    before: float
    during: float
    after: float
    shift: float


def stage_share(page: Page) -> Share:
    """Ask, and see what becomes of the stage; a picture must be on it."""

    def share() -> float:
        return float(page.evaluate("measures.share('#stage')"))

    page.wait_for_timeout(SETTLE)
    before, shifted = share(), page.evaluate("measures.shift()")
    page.click("#run")
    page.wait_for_selector("#stage .stage[data-state=busy]")
    during = share()
    page.wait_for_selector("#stage .stage[data-state=done]")
    page.wait_for_selector("#stage .stage-layer", state="attached")
    page.wait_for_timeout(SETTLE)
    return Share(before, during, share(), float(page.evaluate("measures.shift()")) - shifted)


def text_height(page: Page, top: float) -> float:
    """Height in CSS pixels of the letters "dg", the label above an object of a grey picture.

    Args:
        page: A page with that answer.
        top: Upper edge of the object's box, as a fraction of the picture's height.

    Returns:
        From the top of the d to the bottom of the g, in the drawing that the page shows; 0 if there is no label.
    """
    wait_for_rest(page)
    drawn = page.evaluate("measures.drawing()")
    with Image.open(io.BytesIO(base64.b64decode(drawn["png"]))) as image:
        levels = np.asarray(image.convert("RGB"))
    above = levels[: int(top * len(levels) - 3 / drawn["css"])]  # without the dark rim of the outline
    rows = np.flatnonzero(np.any(above.max(axis=2) < DARK, axis=1))
    return float((rows[-1] - rows[0] + 1) * drawn["css"]) if len(rows) else 0.0


def wait_for_rest(page: Page) -> None:
    """Wait until no new drawing comes, because the last one has the size of the stage."""
    shown = ""
    for _ in range(REST_TRIES):
        before, shown = shown, page.get_attribute("#stage .stage-layer", "src") or ""
        if before == shown:
            return
        page.wait_for_timeout(REST)


def hidden_fields(page: Page, task: Task) -> list[str]:
    """What the task needs and cannot be seen and reached on the page, each with the reason."""
    visit.choose_task(page, task.token)
    page.wait_for_timeout(SETTLE / 3)
    reasons = {
        selector: page.evaluate("selector => measures.hiddenBecause(selector)", selector)
        for selector in (*ALWAYS, *FIELDS[task.input_kind])
    }
    return [f"{selector} {reason}" for selector, reason in reasons.items() if reason]


def time_to_light(page: Page, place: tuple[float, float], times: int, *, by_click: bool = False) -> tuple[float, float]:
    """Medians of milliseconds from pointing at an object, or clicking it, until it is lit, and until that is painted.

    Args:
        page: A page with an answer.
        place: A place in the object, as fractions of the picture's sides.
        times: How often to do it.
        by_click: Whether to click.
    """
    area = page.locator("#stage .stage-picture").bounding_box()
    assert area is not None
    x, y = area["x"] + place[0] * area["width"], area["y"] + place[1] * area["height"]
    names, taken = ["pointerup", "kept"] if by_click else ["pointermove", "lit"], []
    for _ in range(times):
        page.mouse.move(5, 5)
        page.wait_for_selector("#stage .stage:not(.lit)")
        page.evaluate("names => { window.measured = measures.timeToClass(...names); }", names)
        if by_click:
            page.mouse.click(x, y)
        else:
            page.mouse.move(x, y)
        taken.append(page.evaluate("window.measured"))
        if by_click:
            page.keyboard.press("Escape")
    return statistics.median(one["lit"] for one in taken), statistics.median(one["painted"] for one in taken)


def time_to_restyle(page: Page, times: int) -> float:
    """Median of milliseconds from a click on an annotator until its drawing is painted."""
    page.click("#open-style")
    taken = []
    for _ in range(times):
        page.evaluate("() => { window.measured = measures.timeToDrawing(); }")
        page.locator("#annotators label").nth(1).click()
        taken.append(float(page.evaluate("window.measured")))
        page.wait_for_timeout(SETTLE)
    return statistics.median(taken)


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong: rule, how often, and the first place."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']} x{len(one['nodes'])}: {one['nodes'][0]['html'][:160]}" for one in found]


def states(page: Page) -> Iterator[str]:
    """Bring the page, which has an answer, into each of its states, one after the other."""
    yield "answer"
    page.click("#task-button")
    yield "task palette"
    page.keyboard.press("Escape")
    if page.locator("#where").is_visible():
        page.click("#where")
        yield "where it runs"
        page.keyboard.press("Escape")
    for name in DRAWERS:
        if not page.locator(f"#open-{name}").is_visible():
            page.click("#side .sheet-grip")  # a phone's sheet has the buttons when it is up
            page.wait_for_timeout(SETTLE)
        page.click(f"#open-{name}")
        page.wait_for_timeout(SETTLE)
        yield f"drawer: {name}"
    for mode in page.locator("#modes [role=tab]").all()[1:]:
        mode.click()
        page.wait_for_timeout(SETTLE)
        yield f"mode: {mode.inner_text()}"
