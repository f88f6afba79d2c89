"""Beyond one question: what comes after an answer, classes in three ways, filters."""

import asyncio
from pathlib import Path

import pytest
from browser import steps
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer

OVD = "<OPEN_VOCABULARY_DETECTION>"


@pytest.fixture(params=["page", "phone"])
def answered(request: pytest.FixtureRequest, backend: ScriptedBackend, photograph: Path) -> Page:
    """The page with three objects found, at desktop width and on a telephone."""
    page = request.getfixturevalue(request.param)
    find_objects(page, photograph)
    return page


def find_objects(page: Page, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    expect(page.locator("#then-describe")).to_have_text("Describe all 3")


def prompts(backend: ScriptedBackend, before: int) -> list[str]:
    """What was asked since."""
    return [call.prompt for call in backend.calls[before:]]


def then(page: Page, step: str) -> None:
    """Press one of the buttons beside an answer."""
    page.click(f"#then-{step}")


def names(page: Page, expected: list[str]) -> None:
    """Wait until the list has these names."""
    expect(page.locator("#answer-list .row .name")).to_have_text(expected)


def test_all_visible_objects_are_asked_about_and_merged(answered: Page, backend: ScriptedBackend) -> None:
    before = backend.count
    then(answered, "describe")
    names(answered, ["car: a red car", "person: a red car", "wheel: a red car"])
    assert [prompt.split(">")[0] for prompt in prompts(backend, before)] == 3 * ["<REGION_TO_DESCRIPTION"]
    before = backend.count
    answered.locator(".thumb[data-name=recent-1]").click()
    names(answered, ["car", "person", "wheel"])
    assert backend.count == before, "going back asks nothing"
    answered.locator("#answer-list .row", has_text="person").locator(".eye").click()
    expect(answered.locator("#then-segment")).to_have_text("Segment all 2")
    then(answered, "segment")
    expect(answered.locator(".thumb[data-name=recent-2]")).to_be_visible()
    steps.settle(answered)
    assert len(prompts(backend, before)) == 2, "what is hidden is not asked about"


def test_a_caption_is_followed_by_a_longer_one_and_by_what_it_mentions(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "<CAPTION>")
    steps.run(page)
    expect(page.locator("#then-shorter")).to_be_hidden()
    then(page, "longer")
    expect(page.locator(".stage-caption p")).to_contain_text("street sign")
    expect(page.locator("#task-button")).to_contain_text("Detailed caption")
    then(page, "shorter")
    expect(page.locator(".stage-caption p")).to_have_text("A red car next to a person.")
    before = backend.count
    then(page, "ground")
    expect(page.locator("#phrase input")).to_have_value("A red car next to a person.")
    expect(page.locator(".list-title")).to_have_text("1 found")
    assert prompts(backend, before) == ["<CAPTION_TO_PHRASE_GROUNDING>A red car next to a person."]


def test_lines_of_text_are_put_in_reading_order_without_a_call(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    quads = [[60, 300, 300, 300, 300, 340, 60, 340], [60, 40, 300, 40, 300, 80, 60, 80]]
    backend.answer = lambda prompt, size: {prompt: {"quad_boxes": quads, "labels": ["second", "first"]}}
    steps.upload(page, photograph)
    steps.choose(page, "<OCR_WITH_REGION>")
    steps.run(page)
    names(page, ["second", "first"])
    before = backend.count
    then(page, "order")
    names(page, ["first", "second"])
    assert backend.count == before


def test_an_object_that_fails_is_marked_and_the_rest_stays(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    find_objects(page, photograph)
    backend.answer = lambda prompt, size: {} if "<loc_500>" in prompt else plausible_answer(prompt, size)
    then(page, "describe")
    names(page, ["car: a red car", "person (no answer)", "wheel: a red car"])
    expect(page.locator("#warnings")).to_contain_text("Object 2 (person) has no answer")


def test_stop_keeps_the_objects_that_were_answered(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    find_objects(page, photograph)
    usual = backend.respond

    async def respond(request, call):
        await asyncio.sleep(60 if "<loc_500>" in call.prompt else 0)
        return await usual(request, call)

    backend.respond = respond
    try:
        then(page, "describe")
        expect(page.locator(".stage-notice")).to_contain_text("2 of 3")
        page.click("#stop")
        expect(page.locator("#run")).to_be_visible()
        names(page, ["car: a red car", "person", "wheel: a red car"])
    finally:
        del backend.respond


def test_classes_are_asked_for_in_the_chosen_way(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    page.click("#where")
    expect(page.locator("#strategy")).to_be_hidden()
    page.keyboard.press("Escape")
    steps.choose(page, OVD)
    steps.fill(page, "classes", "dog", "cat")
    for strategy, asked in (
        ("All in one prompt", [f"{OVD}dog<and>cat"]),
        ("One call per class", [f"{OVD}cat", f"{OVD}dog"]),
        ("As a sentence", ["<CAPTION_TO_PHRASE_GROUNDING>dog and cat"]),
    ):
        page.click("#where")
        page.locator("#strategy label", has_text=strategy).click()
        page.keyboard.press("Escape")
        before = backend.count
        steps.run(page)
        assert sorted(prompts(backend, before)) == asked


def test_filters_are_off_at_first_say_what_they_left_out_and_ask_nothing(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    boxes = [[0, 0, 600, 400], [50, 50, 200, 200], [51, 50, 201, 200]]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": ["scene", "dog", "dog"]}}
    find_objects(page, photograph)
    steps.open_drawer(page, "style")
    assert page.locator("#filters input:checked").count() == 0
    before = backend.count
    page.locator("#filters label", has_text="duplicates").click()
    expect(page.locator("#filter-notice")).to_contain_text("Left out 1 box around an object already found: dog.")
    page.locator("#filters label", has_text="whole-picture").click()
    expect(page.locator("#filter-notice")).to_contain_text("Left out 1 box around the whole picture: scene.")
    expect(page.locator("#answer-list .row.off")).to_have_count(2)
    page.locator("#filters label", has_text="duplicates").click()
    expect(page.locator("#answer-list .row.off .name")).to_have_text(["scene"])
    assert backend.count == before
