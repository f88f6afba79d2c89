"""The stage by touch, on a telephone."""

from pathlib import Path

import faults
import pytest
from browser import on_stage, steps
from browser.on_modes import enter
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend


@pytest.fixture
def answered(phone: Page, backend: ScriptedBackend, photograph: Path) -> Page:
    """The telephone with three objects found."""
    steps.upload(phone, photograph)
    steps.run(phone)
    phone.wait_for_selector(".stage-layer")
    return phone


def tap(page: Page, x: float, y: float) -> None:
    page.touchscreen.tap(*on_stage.place(page, x, y))


def test_a_tap_opens_the_tools_as_a_bar_over_the_stages_foot(answered: Page, backend: ScriptedBackend) -> None:
    tap(answered, 0.2, 0.3)
    stage, bar = answered.locator(steps.STAGE).bounding_box(), answered.locator(".stage-tools").bounding_box()
    assert bar["y"] + bar["height"] <= stage["y"] + stage["height"]
    assert bar["x"] >= 0
    assert bar["x"] + bar["width"] <= stage["width"]
    for button in answered.locator(".stage-tools button").all():
        box = button.bounding_box()
        assert box["height"] >= 44, button.inner_text()
        assert box["x"] + box["width"] <= bar["x"] + bar["width"]
    on_stage.tool(answered, "describe").tap()
    expect(answered.locator(".stage-note.done")).to_contain_text("a red car")
    note = answered.locator(".stage-note").bounding_box()
    assert note["y"] + note["height"] <= bar["y"], "the note does not lie under the bar"


def test_nobody_is_asked_to_drop_a_picture(phone: Page) -> None:
    enter(phone, "Many pictures")
    expect(phone.locator(".sheet-choose")).to_be_visible()
    expect(phone.locator("#batch .contact-sheet")).not_to_contain_text("Drop", use_inner_text=True)


def test_the_tools_leave_a_low_region_and_its_handles_free(answered: Page) -> None:
    session = answered.context.new_cdp_session(answered)
    for kind, *places in (("touchStart", (0.3, 0.5)), ("touchMove", (0.5, 0.8)), ("touchMove", (0.8, 0.97))):
        on_stage.touch(answered, session, kind, *places)
    on_stage.touch(answered, session, "touchEnd")
    region, bar = answered.locator(".stage-region").bounding_box(), answered.locator(".stage-tools").bounding_box()
    assert bar["y"] + bar["height"] <= region["y"]
    assert bar["y"] >= answered.locator(steps.STAGE).bounding_box()["y"]


def test_a_region_is_drawn_and_resized_with_one_finger(answered: Page) -> None:
    session = answered.context.new_cdp_session(answered)
    for kind, *places in (("touchStart", (0.2, 0.3)), ("touchMove", (0.4, 0.4)), ("touchMove", (0.6, 0.6))):
        on_stage.touch(answered, session, kind, *places)
    on_stage.touch(answered, session, "touchEnd")
    assert on_stage.region(answered) == pytest.approx([0.2, 0.3, 0.6, 0.6], abs=0.02)
    handle = answered.locator(".stage-region i[data-edges=se]").bounding_box()
    assert (handle["width"], handle["height"]) == (40, 40)
    for kind, *places in (("touchStart", (0.61, 0.61)), ("touchMove", (0.7, 0.65)), ("touchMove", (0.81, 0.71))):
        on_stage.touch(answered, session, kind, *places)
    on_stage.touch(answered, session, "touchEnd")
    assert on_stage.region(answered) == pytest.approx([0.2, 0.3, 0.8, 0.7], abs=0.02)


@pytest.mark.parametrize("on_region", [pytest.param(False, id="the picture"), pytest.param(True, id="a region")])
def test_two_fingers_zoom_the_picture_and_not_the_page(answered: Page, on_region: bool) -> None:
    session = answered.context.new_cdp_session(answered)
    if on_region:
        answered.locator(steps.STAGE).press("b")
    region = on_stage.region(answered)
    on_stage.touch(answered, session, "touchStart", (0.45, 0.45))
    on_stage.touch(answered, session, "touchStart", (0.45, 0.45), (0.55, 0.55))
    for spread in (0.1, 0.15, 0.2):
        on_stage.touch(answered, session, "touchMove", (0.5 - spread, 0.5 - spread), (0.5 + spread, 0.5 + spread))
    on_stage.touch(answered, session, "touchEnd")
    expect(answered.locator(".stage-zoom .percent")).not_to_have_text("100 %")
    assert on_stage.region(answered) == region
    assert answered.evaluate("[visualViewport.scale, scrollX, scrollY]") == [1, 0, 0]


def test_a_long_text_shows_three_lines_and_the_rest_on_request(
    phone: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    words = "A red car stands at the left of a street. " * 12
    backend.answer = lambda prompt, size: {"<MORE_DETAILED_CAPTION>": words}
    steps.upload(phone, photograph)
    steps.choose(phone, "<MORE_DETAILED_CAPTION>")
    steps.run(phone)
    text, more = phone.locator(".stage-caption p"), phone.locator(".stage-caption .more")
    closed = text.bounding_box()["height"]
    assert closed < 70
    more.tap()
    expect(more).to_have_attribute("aria-expanded", "true")
    assert text.bounding_box()["height"] > closed


def test_a_failure_stands_in_full_on_the_stage(answered: Page, backend: ScriptedBackend) -> None:
    backend.fault = faults.status(500)
    steps.choose_model(answered, "base")
    steps.run(answered, "failed")
    actions = answered.locator(".stage-notice .actions button")
    expect(actions.nth(1)).to_be_visible()
    stage, words = answered.locator(steps.STAGE).bounding_box(), answered.locator(".stage-notice p").bounding_box()
    buttons = [button.bounding_box() for button in actions.all()]
    assert all(box["x"] + box["width"] <= stage["x"] + stage["width"] for box in buttons)
    assert all(box["y"] >= words["y"] + words["height"] for box in buttons), "the words have the whole width"
