"""For everybody: the order of the tab key, keys that are announced, calm where somebody wants it."""

from pathlib import Path

import pytest
from browser import steps
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend

STOP = """() => {
    const node = document.activeElement;
    if (node === document.body || node === document.documentElement) return null;
    const box = node.getBoundingClientRect();
    const isSeen = node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 1
        && box.height > 1 && box.right > 0 && box.left < innerWidth;
    const name = node.matches(".stage") ? "stage" : node.id || node.closest("[id]")?.id || node.className;
    return { name, isSeen };
}"""


def tab_stops(page: Page) -> list[dict]:
    """What the tab key reaches from the top of the page to its end."""
    page.evaluate("document.activeElement.blur(), getSelection().removeAllRanges(), scrollTo(0, 0)")
    stops = []
    while len(stops) < 120:
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            return stops
        stops.append(stop)
    raise AssertionError("The tab key never leaves the page.")


@pytest.mark.parametrize("device", ["page", "phone"])
def test_the_tab_key_follows_the_eye_and_every_stop_is_seen(
    request: pytest.FixtureRequest, device: str, backend: ScriptedBackend
) -> None:
    page = request.getfixturevalue(device)
    stops = tab_stops(page)
    names = [stop["name"] for stop in stops]
    assert "run" in names[:10], names
    assert [name for name in names if name in ("stage", "task-button", "run", "open")] == [
        "stage", "task-button", "run", "open",
    ], "the picture, the dock, the other pictures"  # fmt: skip
    assert [stop for stop in stops if not stop["isSeen"]] == []


def test_radios_are_one_stop_each_group(page: Page) -> None:
    page.click("#where")
    page.locator("#backend input:checked").focus()
    expect(page.locator("#backend input:checked")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#backend')") is None


def test_ctrl_enter_is_announced_with_the_button_that_it_presses(page: Page, backend: ScriptedBackend) -> None:
    for mode, button in (("Explore", "#run"), ("Compare", "#compare-run"), ("Many pictures", "#batch-run")):
        steps.open_mode(page, mode)
        expect(page.locator(button)).to_have_attribute("aria-keyshortcuts", "Control+Enter")
    steps.open_mode(page, "Explore")
    calls = backend.count
    page.keyboard.press("Control+Enter")
    backend.wait_for(lambda b: b.count == calls + 1)
    steps.settle(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    expect(page.locator("#task-search")).to_be_focused()


def test_nothing_moves_by_itself_for_who_wants_no_motion(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    moving = "document.getAnimations().filter((one) => one.playState === 'running').map((one) => one.animationName)"
    assert page.evaluate(moving) == []
    steps.upload(page, photograph)
    backend.delay = 2
    page.click("#run")
    page.wait_for_selector(f"{steps.STAGE}[data-state=busy]")
    page.wait_for_timeout(500)
    assert page.evaluate(moving) == []
    steps.settle(page)
    steps.open_drawer(page, "style")
    page.click("#task-button")
    assert page.evaluate(moving) == []
