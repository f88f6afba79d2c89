"""The region on the stage: drawn, moved, resized, asked about, by mouse and by keyboard."""

import re
from pathlib import Path

import pytest
from browser import on_stage, steps
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend


@pytest.fixture
def ready(page: Page, photograph: Path) -> Page:
    """The page with a picture that nothing was asked about yet."""
    steps.upload(page, photograph)
    return page


def locations(prompt: str) -> list[int]:
    """The location tokens of a prompt."""
    return [int(number) for number in re.findall(r"<loc_(\d+)>", prompt)]


def test_a_region_is_drawn_moved_and_resized_by_mouse(ready: Page) -> None:
    on_stage.drag(ready, (0.2, 0.25), (0.6, 0.75))
    assert on_stage.region(ready) == pytest.approx([0.2, 0.25, 0.6, 0.75], abs=0.01)
    picture = ready.locator(".stage-picture").bounding_box()
    on_stage.drag_handle(ready, "se", (picture["width"] * 0.1, picture["height"] * 0.1))
    assert on_stage.region(ready) == pytest.approx([0.2, 0.25, 0.7, 0.85], abs=0.01)
    on_stage.drag_handle(ready, "w", (picture["width"] * 0.1, 0))
    assert on_stage.region(ready) == pytest.approx([0.3, 0.25, 0.7, 0.85], abs=0.01)
    on_stage.drag(ready, (0.5, 0.4), (0.99, 0.4))
    assert on_stage.region(ready) == pytest.approx([0.6, 0.25, 1, 0.85], abs=0.01), "it stays within the picture"


def test_a_region_is_placed_moved_and_resized_by_keyboard(ready: Page) -> None:
    ready.focus(steps.STAGE)
    ready.keyboard.press("b")
    assert on_stage.focused(ready) == "stage-region"
    x1, y1, x2, y2 = on_stage.region(ready)
    for key in ["ArrowRight"] * 5 + ["Shift+ArrowDown"] * 5:
        ready.keyboard.press(key)
    assert on_stage.region(ready) == pytest.approx([x1 + 0.05, y1, x2 + 0.05, y2 + 0.05], abs=0.011)
    before = ready.locator(".stage-region").bounding_box()["x"]
    ready.keyboard.press("Alt+ArrowRight")
    step = ready.locator(".stage-region").bounding_box()["x"] - before
    assert step == pytest.approx(0.002 * ready.locator(".stage-picture").bounding_box()["width"], abs=0.5)
    ready.keyboard.press("Enter")
    assert on_stage.focused(ready) == "describe"
    ready.keyboard.press("Escape")
    assert (on_stage.region(ready), on_stage.focused(ready)) == (None, "stage")


@pytest.mark.parametrize(
    ("key", "corners"),
    [
        pytest.param("ArrowRight", {2: 1.0}, id="right"),
        pytest.param("ArrowDown", {3: 1.0}, id="bottom"),
        pytest.param("ArrowLeft", {0: 0.0}, id="left"),
        pytest.param("ArrowUp", {1: 0.0}, id="top"),
        pytest.param("Shift+ArrowRight", {2: 1.0}, id="wider"),
        pytest.param("Shift+ArrowDown", {3: 1.0}, id="higher"),
    ],
)
def test_a_region_stops_at_the_edge_of_the_picture_when_keys_push_it_on(
    ready: Page, key: str, corners: dict[int, float]
) -> None:
    on_stage.drag(ready, (0.2, 0.25), (0.8, 0.75))
    ready.focus(".stage-region")
    before = on_stage.region(ready)
    for _ in range(40):
        ready.keyboard.press(key)
    after = on_stage.region(ready)
    assert {corner: after[corner] for corner in corners} == corners
    if not key.startswith("Shift"):
        assert after[2] - after[0] == pytest.approx(before[2] - before[0], abs=0.011), "it keeps its size"
        assert after[3] - after[1] == pytest.approx(before[3] - before[1], abs=0.011)


def test_a_region_narrower_than_the_least_one_stays_within_the_picture_when_its_edge_is_dragged_out(
    ready: Page,
) -> None:
    width = ready.locator(".stage-picture").bounding_box()["width"]
    on_stage.drag(ready, (0.001, 0.25), (0.001 + 9 / width, 0.75))
    on_stage.drag_handle(ready, "nw", (-60, 0))
    region, picture = (ready.locator(name).bounding_box() for name in (".stage-region", ".stage-picture"))
    assert region["x"] >= picture["x"] - 0.01


def test_run_asks_about_the_region_that_was_drawn_a_moment_before(ready: Page, backend: ScriptedBackend) -> None:
    steps.choose(ready, "<REGION_TO_CATEGORY>")
    on_stage.drag(ready, (0.2, 0.25), (0.6, 0.75))
    steps.run(ready)
    assert locations(backend.calls[-1].prompt) == pytest.approx([200, 250, 600, 750], abs=10)
    ready.focus(".stage-region")
    ready.evaluate(
        """() => {
            const press = new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true });
            for (let moved = 0; moved < 10; moved++) document.querySelector(".stage-region").dispatchEvent(press);
            document.querySelector("#stage .stage").dataset.state = "asked";
            document.querySelector("#run").click();
        }"""
    )
    steps.settle(ready)
    assert locations(backend.calls[-1].prompt) == pytest.approx([300, 250, 700, 750], abs=10)


@pytest.mark.parametrize(
    "end", [pytest.param((0.202, 0.252), id="too small"), pytest.param((0.6, 0.251), id="without height")]
)
def test_a_region_without_area_is_not_kept(ready: Page, end: tuple[float, float]) -> None:
    on_stage.drag(ready, (0.2, 0.25), end)
    assert on_stage.region(ready) is None
    assert ready.locator(".stage-tools").is_hidden()


def test_a_region_is_asked_about_at_once_and_a_click_elsewhere_drops_it(ready: Page, backend: ScriptedBackend) -> None:
    on_stage.drag(ready, (0.2, 0.25), (0.6, 0.75))
    on_stage.tool(ready, "describe").click()
    expect(ready.locator(".stage-note.done")).to_contain_text("a red car")
    assert locations(backend.calls[-1].prompt) == pytest.approx([200, 250, 600, 750], abs=8)
    assert on_stage.region(ready) == pytest.approx([0.2, 0.25, 0.6, 0.75], abs=0.01), "the region stays"
    on_stage.click(ready, 0.9, 0.1)
    assert on_stage.region(ready) is None
    expect(ready.locator(".stage-note.done")).to_be_visible()


def test_a_region_task_asks_with_the_region_of_the_stage(ready: Page, backend: ScriptedBackend) -> None:
    steps.choose(ready, "<REGION_TO_DESCRIPTION>")
    on_stage.drag(ready, (0.2, 0.25), (0.6, 0.75))
    expect(ready.locator("#region .region-text")).to_contain_text("120, 100")
    steps.run(ready)
    assert locations(backend.calls[-1].prompt) == pytest.approx([200, 250, 600, 750], abs=8)
    assert on_stage.region(ready) == pytest.approx([0.2, 0.25, 0.6, 0.75], abs=0.01)


def test_a_region_keeps_its_place_on_the_picture_when_zoomed(ready: Page) -> None:
    on_stage.drag(ready, (0.2, 0.25), (0.6, 0.75))
    ready.mouse.move(*on_stage.place(ready, 0.9, 0.9))
    ready.mouse.wheel(0, -120)
    expect(ready.locator(".stage-zoom .percent")).not_to_have_text("100 %")
    assert on_stage.region(ready) == pytest.approx([0.2, 0.25, 0.6, 0.75], abs=0.01)


def test_other_marks_step_back_while_there_is_a_region(ready: Page) -> None:
    steps.run(ready)
    ready.wait_for_selector(".stage-layer")
    on_stage.drag(ready, (0.05, 0.7), (0.4, 0.95))
    opacity = "getComputedStyle(document.querySelector('.stage-drawn')).opacity"
    assert ready.evaluate(opacity) == "0.4"
    ready.keyboard.press("Escape")
    assert ready.evaluate(opacity) == "1"


def test_a_region_has_its_tools_again_after_a_run_and_on_the_page_that_is_loaded_again(ready: Page) -> None:
    on_stage.drag(ready, (0.2, 0.25), (0.6, 0.75))
    steps.run(ready)
    expect(on_stage.tool(ready, "describe")).to_be_visible()
    ready.reload()
    steps.settle(ready)
    expect(ready.locator(".stage-region")).to_be_visible()
    expect(on_stage.tool(ready, "describe")).to_be_visible()
