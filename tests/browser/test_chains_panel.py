"""Beyond one question: chains, questions about objects, classes in three ways, filters."""

import asyncio
from pathlib import Path

import pytest
from browser import steps
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer

OVD = "<OPEN_VOCABULARY_DETECTION>"


def prompts(backend: ScriptedBackend, before: int) -> list[str]:
    """What was asked since."""
    return [call.prompt for call in backend.calls[before:]]


def run_chain(page: Page, chain: str) -> None:
    """Choose a chain and run it."""
    page.get_by_role("button", name="Chains").click()
    page.click("#chain input")
    page.get_by_role("option", name=chain, exact=True).click()
    page.click("#chain-run")


def ask_about(page: Page, action: str, labels: list[str]) -> None:
    """Press one of the buttons below an answer and wait for the merged answer with these labels."""
    recent = page.locator("#recent .thumbnail").count()
    page.click(f"#object-{action}:not([disabled])")
    expect(page.locator("#recent .thumbnail")).to_have_count(recent + 1)
    expect(page.locator("#stage .stage-row")).to_have_text(labels)


def find_objects(page: Page, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Detect")
    steps.run(page)
    expect(page.locator("#object-about")).to_contain_text("About all 3 visible objects")


@pytest.mark.parametrize("device", ["page", "phone"])
def test_a_chain_shows_its_steps_and_times_and_each_can_be_opened(
    request: pytest.FixtureRequest, device: str, backend: ScriptedBackend, photograph: Path
) -> None:
    page = request.getfixturevalue(device)
    steps.upload(page, photograph)
    before = backend.count
    run_chain(page, "Find objects, then describe each")
    expect(page.locator("#chain-steps")).to_contain_text("1. Find objects: done in")
    expect(page.locator("#chain-steps")).to_contain_text("2. Describe each: done in")
    expect(page.locator("#stage .stage-row")).to_have_text(["car: a red car", "person: a red car", "wheel: a red car"])
    page.wait_for_selector("#chain-run", state="visible")
    assert [prompt.split(">")[0] for prompt in prompts(backend, before)] == ["<OD"] + 3 * ["<REGION_TO_DESCRIPTION"]
    asked = backend.count
    page.locator("#chain-answers .thumbnail").first.click()
    expect(page.locator("#stage .stage-row")).to_have_text(["car", "person", "wheel"])
    assert backend.count == asked, "opening a step asks nothing"


def test_a_chain_that_fails_in_the_middle_says_why_and_keeps_its_first_step(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    backend.answer = lambda prompt, size: {} if "GROUNDING" in prompt else plausible_answer(prompt, size)
    steps.upload(page, photograph)
    run_chain(page, "Caption, then ground it")
    expect(page.locator("#chain-steps")).to_contain_text("2. Ground a caption: failed")
    expect(page.locator("#stage .stage-text")).to_have_text("A red car next to a person.")


def test_stop_ends_a_chain(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    backend.delay = 60
    page.get_by_role("button", name="Chains").click()
    page.click("#chain-run")
    backend.wait_for(lambda b: b.running == 1)
    page.click("#chain-stop")
    backend.wait_for(lambda b: b.running == 0)
    expect(page.locator("#chain-steps")).to_contain_text("stopped")
    expect(page.locator("#run")).to_be_visible()


@pytest.mark.parametrize("device", ["page", "phone"])
def test_all_found_objects_or_the_chosen_one_are_asked_about_and_merged(
    request: pytest.FixtureRequest, device: str, backend: ScriptedBackend, photograph: Path
) -> None:
    page = request.getfixturevalue(device)
    find_objects(page, photograph)
    before = backend.count
    ask_about(page, "segment", ["car", "person", "wheel"])
    assert backend.count - before == 3
    page.locator(".stage-row").nth(1).click()
    expect(page.locator("#object-about")).to_contain_text("About object 2, person")
    before = backend.count
    ask_about(page, "describe", ["car", "person: a red car", "wheel"])
    assert len(prompts(backend, before)) == 1


def test_an_object_that_fails_is_marked_and_the_rest_stays(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    find_objects(page, photograph)
    backend.answer = lambda prompt, size: {} if "<loc_500>" in prompt else plausible_answer(prompt, size)
    ask_about(page, "describe", ["car: a red car", "person (no answer)", "wheel: a red car"])
    expect(page.locator("#warnings")).to_contain_text("Object 2 (person) has no answer")


def test_stop_keeps_the_objects_that_were_answered(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    find_objects(page, photograph)
    usual = backend.respond

    async def respond(request, call):
        await asyncio.sleep(60 if "<loc_500>" in call.prompt else 0)
        return await usual(request, call)

    backend.respond = respond
    try:
        page.click("#object-describe")
        expect(page.locator("#stage .stage-title")).to_contain_text("2 of 3")
        page.click("#object-stop")
        page.wait_for_selector("#object-stop", state="hidden")
        expect(page.locator("#stage .stage-row")).to_have_text(["car: a red car", "person", "wheel: a red car"])
    finally:
        del backend.respond


@pytest.mark.parametrize("device", ["page", "phone"])
@pytest.mark.parametrize(
    ("strategy", "asked"),
    [
        pytest.param("All in one prompt", [f"{OVD}dog<and>cat"], id="together"),
        pytest.param("One call per class", [f"{OVD}cat", f"{OVD}dog"], id="each"),
        pytest.param("As a sentence", ["<CAPTION_TO_PHRASE_GROUNDING>dog and cat"], id="sentence"),
    ],
)
def test_classes_are_asked_for_in_the_chosen_way(
    request: pytest.FixtureRequest,
    device: str,
    backend: ScriptedBackend,
    photograph: Path,
    strategy: str,
    asked: list[str],
) -> None:
    page = request.getfixturevalue(device)
    steps.upload(page, photograph)
    steps.choose(page, "Detect", "Find my classes")
    for name in ("dog", "cat"):
        page.fill("#classes input", name)
        page.press("#classes input", "Enter")
    page.locator("#strategy label", has_text=strategy).click()
    before = backend.count
    steps.run(page)
    assert sorted(prompts(backend, before)) == asked


def test_filters_are_off_at_first_say_what_they_left_out_and_ask_nothing(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    boxes = [[0, 0, 600, 400], [50, 50, 200, 200], [51, 50, 201, 200]]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": ["scene", "dog", "dog"]}}
    find_objects(page, photograph)
    assert page.locator("#filters input:checked").count() == 0
    before = backend.count
    page.locator("#filters label", has_text="duplicates").click()
    expect(page.locator("#filter-notice")).to_contain_text("Left out 1 box around an object already found: dog.")
    page.locator("#filters label", has_text="whole-picture").click()
    expect(page.locator("#filter-notice")).to_contain_text("Left out 1 box around the whole picture: scene.")
    expect(page.locator(".stage-count")).to_have_text("3 found, 1 shown")
    page.locator("#filters label", has_text="duplicates").click()
    expect(page.locator(".stage-count")).to_have_text("3 found, 2 shown")
    assert backend.count == before
