"""The first minute: no key, no network, no settings; an example is loaded, and Run finds the objects in it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browser import steps
from browser.conftest import DESKTOP
from hosting.running import RunningApp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples" / "examples.json"


def truth(title: str) -> dict:
    """What is on a bundled example, as it was drawn."""
    return next(row for row in json.loads(EXAMPLES.read_text("utf-8")) if row["title"] == title)["truth"]


@pytest.fixture(scope="module")
def fresh_app() -> Iterator[RunningApp]:
    """The app as a newcomer starts it, its own local server included; the Hub cannot be reached."""
    with RunningApp.with_local_server() as app:
        yield app


@pytest.fixture
def first_visit(browser: Browser, fresh_app: RunningApp) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(180_000)  # the server starts and loads the model meanwhile
    page = context.new_page()
    page.goto(fresh_app.url)
    yield page
    context.close()


def choose_example(page: Page, title: str) -> None:
    """Click an example and wait until it is there."""
    thumbnail = page.locator("#examples button", has_text=title)
    thumbnail.click()
    expect(thumbnail).to_have_attribute("aria-pressed", "true")
    page.wait_for_selector("#run:not([disabled])")


def test_an_example_is_loaded_and_run_is_on(first_visit: Page) -> None:
    first_visit.wait_for_selector("#stage img[src*=picture]")
    expect(first_visit.locator("#run")).to_be_enabled()


def test_an_example_is_answered_rightly_without_a_network(first_visit: Page) -> None:
    drawn = truth("In the park")["objects"]
    first_visit.wait_for_selector("#run:not([disabled])")
    steps.run(first_visit)
    names = [object_["label"] for object_ in drawn]
    found = [label.strip() for label in steps.labels(first_visit)]
    right = [name for name in names if name in found]
    assert len(right) >= 0.8 * len(names), f"{found} instead of {names}"
    expect(first_visit.locator("#meta")).to_contain_text("nano")
    expect(first_visit.locator("#answer-tabs")).to_be_visible()


def test_the_answer_is_drawn_where_the_objects_are(first_visit: Page) -> None:
    first_visit.wait_for_selector("#run:not([disabled])")
    steps.run(first_visit)
    truths = {object_["label"]: object_["box"] for object_ in truth("In the park")["objects"]}
    found = dict(zip(map(str.strip, steps.labels(first_visit)), drawn_boxes(first_visit), strict=True))
    near = [name for name, box in found.items() if name in truths and is_inside(centre(box), truths[name])]
    assert len(near) >= 0.8 * len(truths), f"{found} instead of {truths}"
    assert all(has_line(first_visit, box) for box in found.values())


def test_the_table_names_the_objects(first_visit: Page) -> None:
    first_visit.wait_for_selector("#run:not([disabled])")
    steps.run(first_visit)
    first_visit.get_by_role("tab", name="Table", exact=True).click()
    table = first_visit.locator("#table").inner_text()
    names = [object_["label"] for object_ in truth("In the park")["objects"]]
    assert sum(name in table for name in names) >= 0.8 * len(names), table


def drawn_boxes(page: Page) -> list[tuple[float, float, float, float]]:
    """The boxes of what was found, in the list's order, x1, y1, x2, y2 in pixels of the picture."""
    return page.locator(".stage-hits path").evaluate_all(
        """paths => paths
            .sort((one, other) => one.dataset.index - other.dataset.index)
            .map(path => path.getBBox())
            .map(box => [box.x, box.y, box.x + box.width, box.y + box.height])"""
    )


def centre(box: Sequence[float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def is_inside(point: tuple[float, float], box: Sequence[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def has_line(page: Page, box: Sequence[float]) -> bool:
    """Whether the picture on the page differs from the bundled one near the middle of the box's lower edge."""
    original = Image.open(EXAMPLES.with_name("park.jpg")).convert("RGB")
    width, height = original.size
    x, lower = centre(box)[0], box[3]
    for y in range(int(lower) - 6, min(height - 1, int(lower) + 7), 2):
        shown, before = steps.color_at(page, x / width, y / height), original.getpixel((int(x), y))
        if max(abs(a - b) for a, b in zip(shown, before, strict=True)) > 40:
            return True
    return False
