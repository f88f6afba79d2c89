"""The first minute: no key, no network, nothing set; an example is loaded, and Run finds what is on it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import steps
from browser.conftest import DESKTOP
from playwright.sync_api import Browser, Page, expect
from safety.running import RunningApp, free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples" / "examples.json"


def truth(title: str) -> dict:
    """What is on a bundled example, as it was drawn."""
    return next(row for row in json.loads(EXAMPLES.read_text("utf-8")) if row["title"] == title)["truth"]


@pytest.fixture(scope="module")
def fresh_app() -> Iterator[RunningApp]:
    """The app as a newcomer starts it, its own local server included; the Hub cannot be reached."""
    settings = {
        "FLORENCE_UI_START_SERVER": "true",
        "FLORENCE_UI_LOCAL_URL": f"http://127.0.0.1:{free_port()}",
        "HF_HUB_OFFLINE": "1",
    }
    with RunningApp(**settings) as app:
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
    """Clicks an example and waits until it is there."""
    tile = page.locator("#examples button", has_text=title)
    tile.click()
    expect(tile).to_have_attribute("aria-pressed", "true")
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
    drawn = truth("In the park")["objects"]
    first_visit.wait_for_selector("#run:not([disabled])")
    before = grid(first_visit, drawn)
    steps.run(first_visit)
    after = grid(first_visit, drawn)
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    assert changed >= 0.8 * len(drawn), "a line runs along the edges of nearly every object"


def test_the_table_names_the_objects(first_visit: Page) -> None:
    first_visit.wait_for_selector("#run:not([disabled])")
    steps.run(first_visit)
    first_visit.get_by_role("tab", name="Table", exact=True).click()
    table = first_visit.locator("#table").inner_text()
    names = [object_["label"] for object_ in truth("In the park")["objects"]]
    assert sum(name in table for name in names) >= 0.8 * len(names), table


def grid(page: Page, objects: list[dict]) -> list[tuple]:
    """The colours along the upper edge of every object's box, a few pixels either side of it."""
    return [
        tuple(
            steps.colour_at(page, (x1 + x2) / 2 / 960, (y1 + shift) / 720)
            for shift in range(-8, 9, 2)
        )
        for x1, y1, x2, y2 in (object_["box"] for object_ in objects)
    ]  # fmt: skip
