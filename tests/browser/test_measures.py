"""The measures of docs/speed.md in a real browser: room for the picture, nothing that jumps, legible text, light."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hosting.running import RunningApp
from PIL import Image
from playwright.sync_api import Browser, Page

from florence_ui.bench.page import measures, visit
from florence_ui.bench.page.__main__ import (
    LEAST_SHARE,
    MAX_SHIFT,
    SCREENS,
    TEXT_HEIGHTS,
    TEXT_PICTURES,
    TEXT_SCREENS,
    Screen,
    answer_with_letters,
    top_of,
)
from florence_ui.bench.photographs import photograph_jpeg
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.tasks import TASKS

Open = Callable[..., Page]
SLOW = 4
"""Times that a machine busy with other tests may take longer than the measured targets."""


@pytest.fixture
def open_screen(browser: Browser, app: RunningApp) -> Iterator[Open]:
    """Open the page in a window of its own."""
    contexts = []

    def open_one(screen: Screen, **options: bool) -> Page:
        contexts.append(visit.new_context(browser, screen, **options))
        return visit.open_page(contexts[-1], app.url)

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def grey(tmp_path: Path) -> Callable[[tuple[int, int]], Path]:
    """Write a grey picture of (width, height)."""

    def write(size: tuple[int, int]) -> Path:
        path = tmp_path / f"{size[0]}x{size[1]}.jpg"
        Image.new("RGB", size, (120, 120, 120)).save(path)
        return path

    return write


@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_the_stage_has_room_and_nothing_moves_over_a_run(
    open_screen: Open, grey: Callable, backend: ScriptedBackend, screen: Screen
) -> None:
    backend.delay = 0.4
    page = open_screen(screen)
    visit.bring(page, grey((800, 600)))
    share = measures.stage_share(page)
    assert min(share.before, share.during, share.after) >= LEAST_SHARE.get(screen, 30)
    assert share.shift < MAX_SHIFT


@pytest.mark.parametrize("screen", TEXT_SCREENS, ids=str)
def test_text_is_12_to_15_css_pixels_high_whatever_the_picture(
    open_screen: Open, grey: Callable, backend: ScriptedBackend, screen: Screen
) -> None:
    backend.answer = answer_with_letters
    page, pixel, (low, high) = open_screen(screen), 1 / screen.ratio, TEXT_HEIGHTS
    for name, size in TEXT_PICTURES.items():
        visit.bring(page, grey(size))
        visit.ask(page)
        for _ in range(60):  # an old drawing is scaled until the one for this stage is there
            height = measures.text_height(page, top_of(size))
            if low - pixel <= height <= high + pixel:
                break
            page.wait_for_timeout(500)
        else:
            pytest.fail(f"{name}: {height:.1f} CSS pixels")


@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_what_a_task_needs_is_seen(open_screen: Open, screen: Screen) -> None:
    page = open_screen(screen)
    hidden = {task.token: measures.hidden_fields(page, task) for task in TASKS.values()}
    assert not any(hidden.values()), hidden


def test_two_actions_lead_to_the_first_own_answer(open_screen: Open, photograph: Path) -> None:
    page = open_screen(SCREENS[0])
    visit.bring(page, photograph)
    page.click("#run")
    page.wait_for_selector("#stage .stage[data-state=done]")


@pytest.mark.alone
def test_light_and_a_new_style_come_quickly_at_12_megapixels(open_screen: Open, tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(photograph_jpeg(12, 1))
    page = open_screen(Screen(1440, 900, 2))
    visit.bring(page, path)
    visit.ask(page)
    page.wait_for_timeout(measures.SETTLE)
    for by_click in (False, True):
        assert measures.time_to_light(page, (0.2, 0.3), 5, by_click=by_click)[0] < SLOW * 50
    assert measures.time_to_restyle(page, 5) < SLOW * 150


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("screen", [Screen(1440, 900), Screen(390, 844)], ids=str)
def test_axe_finds_nothing_in_any_state(open_screen: Open, photograph: Path, screen: Screen, is_dark: bool) -> None:
    page = open_screen(screen, is_dark=is_dark, bypass_csp=True)
    found = {"first visit": measures.violations(page)}
    visit.bring(page, photograph)
    visit.ask(page)
    found |= {state: measures.violations(page) for state in measures.states(page)}
    assert not any(found.values()), found
