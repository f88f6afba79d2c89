"""The first download of base: examples run on nano at once, a visitor's own picture waits."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from browser import steps
from browser.conftest import DESKTOP
from hosting.running import RunningApp
from playwright.sync_api import Browser, Page, expect
from safetensors.torch import load_file, save_file
from server.fake_hub import FakeHub
from tiny_checkpoint import build_checkpoint

BALLAST = 20 * 2**20
"""Bytes that make the download last far longer than the tests."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    """A Hub that has base, here a tiny checkpoint, and sends it so slowly that it does not end by itself."""
    directory = build_checkpoint(tmp_path_factory.mktemp("base"))
    weights = directory / "model.safetensors"
    ballast = {"ballast": torch.zeros(BALLAST // 4)}  # no part of the network, so it is left out when that is loaded
    save_file(load_file(weights) | ballast, weights, metadata={"format": "pt"})
    with FakeHub("florence-community/Florence-2-base", directory) as hub:
        hub.pause = 4.0
        yield hub


@pytest.fixture(scope="module")
def new_app(hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app as a newcomer starts it, with an empty cache and that Hub."""
    cache = str(tmp_path_factory.mktemp("cache"))
    with RunningApp.with_local_server(HF_ENDPOINT=hub.url, HF_HOME=cache, HF_HUB_OFFLINE="0") as app:
        yield app


@pytest.fixture
def visit(browser: Browser, new_app: RunningApp) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(new_app.url)
    steps.settle(page)  # it opens on a recorded answer
    yield page
    context.close()


def expect_source(page: Page, words: str) -> None:
    """The model named above the list, whose answer was not recorded earlier."""
    source = page.locator("#answer-list .list-source")
    expect(source).to_contain_text(words)
    expect(source).not_to_contain_text("recorded")


def test_an_example_is_answered_by_nano_meanwhile(visit: Page) -> None:
    steps.run(visit)
    expect_source(visit, "Florence-2-nano, ")
    expect(visit.locator("#server-state")).to_contain_text(
        re.compile(r"being downloaded: \d+ % of [\d.]+ MB, [\d.]+ kB/s, about [\d.]+ (s|min|h) left\."), timeout=60_000
    )


def test_a_picture_of_ones_own_waits_with_progress_and_can_be_stopped(visit: Page, photograph: Path) -> None:
    steps.upload(visit, photograph)
    visit.click("#run")
    expect(visit.locator(".stage-notice")).to_contain_text(re.compile(r"Florence-2-base is being downloaded: \d+ %"))
    visit.click("#stop")
    visit.wait_for_selector("#run")
    expect(visit.locator("#answer-list")).not_to_contain_text("nano")


def test_a_picture_of_ones_own_runs_on_nano_by_choice_and_says_what_that_is_worth(
    visit: Page, photograph: Path
) -> None:
    steps.upload(visit, photograph)
    visit.click("#model input")
    visit.get_by_role("option", name="nano", exact=True).click()
    visit.click("#run")
    expect_source(visit, "Florence-2-nano, ")
    expect(visit.locator("#warnings")).to_contain_text("this answer may not be meaningful")


def test_once_it_is_there_base_answers(visit: Page, hub: FakeHub, photograph: Path) -> None:
    hub.pause = 0.0
    steps.upload(visit, photograph)
    visit.click("#run")
    expect_source(visit, "Florence-2-base, ")
    expect(visit.locator("#warnings")).not_to_contain_text("this answer may not be meaningful")
