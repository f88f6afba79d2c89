"""The first minute: no key, no network, no settings; the page opens on an answer, and Run finds the objects itself."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browser import on_stage, steps
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
    context.set_default_timeout(60_000)  # the server starts and loads the model meanwhile
    page = context.new_page()
    page.goto(fresh_app.url)
    steps.settle(page)
    yield page
    context.close()


def test_the_page_opens_on_an_answer(first_visit: Page) -> None:
    assert steps.labels(first_visit)
    expect(first_visit.locator("#answer-list .list-source")).to_contain_text("recorded")
    expect(first_visit.locator("#run")).to_be_enabled()


def test_an_example_is_answered_rightly_without_a_network(first_visit: Page) -> None:
    drawn = truth("In the park")["objects"]
    ask_about_the_park(first_visit)
    names, found = [object_["label"] for object_ in drawn], steps.labels(first_visit)
    right = [name for name in names if name in found]
    assert len(right) >= 0.8 * len(names), f"{found} instead of {names}"
    source = first_visit.locator("#answer-list .list-source")
    expect(source).to_contain_text("Florence-2-nano, ")
    expect(source).not_to_contain_text("recorded")


def test_the_answer_is_drawn_where_the_objects_are(first_visit: Page) -> None:
    ask_about_the_park(first_visit)
    truths = {object_["label"]: object_["box"] for object_ in truth("In the park")["objects"]}
    found = lit_boxes(first_visit)
    near = [name for name, box in found.items() if name in truths and is_inside(centre(box), truths[name])]
    assert len(near) >= 0.8 * len(truths), f"{found} instead of {truths}"
    assert all(has_line(first_visit, box) for box in found.values())


def test_the_table_names_the_objects(first_visit: Page) -> None:
    ask_about_the_park(first_visit)
    steps.open_drawer(first_visit, "table")
    table = first_visit.locator("#table").inner_text()
    names = [object_["label"] for object_ in truth("In the park")["objects"]]
    assert sum(name in table for name in names) >= 0.8 * len(names), table


def test_without_large_the_automatic_choice_is_one_click_away(first_visit: Page) -> None:
    """Large, because nano answers about an example for base, too, whenever that is being asked for."""
    ask_about_the_park(first_visit)
    steps.choose_model(first_visit, "large")
    steps.run(first_visit, "failed")
    first_visit.get_by_role("button", name="Use automatic").click()
    steps.settle(first_visit)
    expect(first_visit.locator("#answer-list .list-source")).to_contain_text("Florence-2-nano, ")
    expect(first_visit.locator("#model input")).to_have_value("automatic")


def ask_about_the_park(page: Page) -> None:
    """Have the objects found of the example that the page opens on, now."""
    expect(page.locator(".thumb[title*='In the park']")).to_have_attribute("aria-current", "true")
    steps.run(page)
    steps.wait_for_drawing(page)
    expect(page.locator("#answer-list .row").first).to_be_visible()


def lit_boxes(page: Page) -> dict[str, tuple[float, float, float, float]]:
    """What lights up for each label of the list, x1, y1, x2, y2 in pixels of the picture."""
    boxes = {}
    for row in page.locator("#answer-list .row").all():
        row.hover()
        box = on_stage.box_of(page, page.locator(".stage-lit"))
        boxes[row.locator(".name").inner_text()] = tuple(
            part * side for part, side in zip(box, 2 * park().size, strict=True)
        )
    page.mouse.move(0, 0)
    return boxes


def park() -> Image.Image:
    """The bundled picture."""
    return Image.open(EXAMPLES.with_name("park.jpg")).convert("RGB")


def centre(box: Sequence[float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def is_inside(point: tuple[float, float], box: Sequence[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def has_line(page: Page, box: Sequence[float]) -> bool:
    """Whether the picture on the page differs from the bundled one near the middle of the box's lower edge."""
    original = park()
    width, height = original.size
    x, lower = centre(box)[0], box[3]
    for y in range(int(lower) - 6, min(height - 1, int(lower) + 7), 2):
        shown, before = steps.color_at(page, x / width, y / height), original.getpixel((int(x), y))
        if max(abs(a - b) for a, b in zip(shown, before, strict=True)) > 40:
            return True
    return False
