"""Two columns: the same picture and question, two answers, and what they have in common."""

from pathlib import Path

import pytest
from browser import steps
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend

SIDES = ("left", "right")


def open_tab(page: Page) -> None:
    """Open the tab once a picture is there."""
    page.get_by_role("tab", name="Compare", exact=True).click()
    expect(page.locator("#compare-question")).to_contain_text("on the picture under Explore")


def choose_model(page: Page, side: str, model: str) -> None:
    """Type a model's id."""
    field = page.locator(f"#compare-{side}-model input")
    field.fill(model)
    field.press("Enter")
    field.press("Tab")


def compare(page: Page) -> None:
    """Press Compare and wait until both sides have ended."""
    page.click("#compare-run:not([disabled])")
    for side in SIDES:  # before, the picture alone stands there, and nothing about an answer
        ended = f"#compare-{side}-stage [data-state=failed], #compare-{side}-meta p"
        page.wait_for_selector(ended, state="attached")
    page.wait_for_selector("#compare-run")


def answering_by_model(backend: ScriptedBackend, answers: dict[str, object], token: str) -> None:
    """Let the scripted server answer a model by its id."""
    respond = type(backend).body

    def body(call):
        whole = respond(backend, call)
        return whole | {"response": {token: answers[call.model_id]}} if call.model_id in answers else whole

    backend.body = body


@pytest.fixture
def two_models(backend: ScriptedBackend):
    """Forget at the end what the models were told to answer."""
    yield backend
    vars(backend).pop("body", None)


@pytest.mark.parametrize("device", ["page", "phone"])
def test_both_answers_stand_side_by_side_with_what_they_have_in_common(
    request: pytest.FixtureRequest, device: str, two_models: ScriptedBackend, photograph: Path
) -> None:
    page = request.getfixturevalue(device)
    answers = {
        "one/1": {"bboxes": [[30, 40, 240, 240], [300, 80, 420, 360]], "labels": ["car", "person"]},
        "two/2": {"bboxes": [[32, 40, 242, 240], [10, 300, 100, 390]], "labels": ["car", "dog"]},
    }
    answering_by_model(two_models, answers, "<OD>")
    steps.upload(page, photograph)
    steps.choose(page, "Detect")
    open_tab(page)
    choose_model(page, "left", "one/1")
    choose_model(page, "right", "two/2")
    before = two_models.count
    compare(page)
    assert sorted(call.model_id for call in two_models.calls[before:]) == ["one/1", "two/2"]
    expect(page.locator("#compare-left-stage .stage-row")).to_have_text(["car", "person"])
    expect(page.locator("#compare-right-stage .stage-row")).to_have_text(["car", "dog"])
    expect(page.locator("#compare-summary")).to_contain_text(
        "Found by both: 1, only on the left: 1, only on the right: 1."
    )
    expect(page.locator("#compare-table")).to_contain_text("both")
    expect(page.locator("#compare-table")).to_contain_text("only right")
    expect(page.locator("#compare-picture img")).to_have_attribute(
        "alt", "Found by both: 1, only on the left: 1, only on the right: 1."
    )
    for side in SIDES:
        expect(page.locator(f"#compare-{side}-meta")).to_contain_text(" s · ")


def test_texts_are_marked_where_they_differ(page: Page, two_models: ScriptedBackend, photograph: Path) -> None:
    answering_by_model(two_models, {"one/1": "A red <b>car</b>.", "two/2": "A blue <b>car</b>."}, "<CAPTION>")
    steps.upload(page, photograph)
    steps.choose(page, "Caption")
    open_tab(page)
    choose_model(page, "left", "one/1")
    choose_model(page, "right", "two/2")
    compare(page)
    expect(page.locator("#compare-left-text mark")).to_have_text(["red"])
    expect(page.locator("#compare-right-text mark")).to_have_text(["blue"])
    expect(page.locator("#compare-left-text .text-diff")).to_have_text("A red <b>car</b>.")
    expect(page.locator("#compare-outcome")).to_be_hidden()


def test_one_side_that_fails_leaves_the_other_standing(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Detect")
    open_tab(page)
    page.locator("#compare-right-backend label", has_text="Roboflow serverless").click()
    compare(page)
    expect(page.locator("#compare-left-stage [data-state=done] .stage-row").first).to_be_visible()
    expect(page.locator("#compare-right-stage [data-state=failed]")).to_contain_text("needs an API key")
    expect(page.locator("#compare-notice")).to_contain_text("Only one side answered")


def test_both_are_asked_at_the_same_time_and_stop_ends_both(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Detect")
    open_tab(page)
    backend.delay = 60
    page.click("#compare-run:not([disabled])")
    backend.wait_for(lambda b: b.running == 2)
    page.click("#compare-stop")
    backend.wait_for(lambda b: b.running == 0)
    expect(page.locator("#compare-run")).to_be_visible()
    expect(page.locator("#compare-notice")).to_contain_text("Stopped")


def test_without_a_picture_compare_is_off_and_says_why(page: Page, photograph: Path) -> None:
    page.locator("#picture").get_by_role("button", name="Remove Image").click()
    page.wait_for_selector("#stage [data-state=empty]")
    page.wait_for_timeout(1000)  # the field reports its old picture at the same time; that must not bring it back
    page.get_by_role("tab", name="Compare", exact=True).click()
    expect(page.locator("#compare-question")).to_contain_text("Choose a picture under Explore")
    expect(page.locator("#compare-run")).to_be_disabled()
    expect(page.locator("#compare-left-stage")).to_contain_text("No picture yet")
    page.get_by_role("tab", name="Explore", exact=True).click()
    steps.upload(page, photograph)
    open_tab(page)
    expect(page.locator("#compare-run")).to_be_enabled()


def test_ctrl_enter_compares_in_its_tab(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    open_tab(page)
    choose_model(page, "right", "two/2")
    expect(page.locator("#compare-run")).to_be_enabled()
    before = backend.count
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#compare-right-stage [data-state=done] .stage-row")
    page.wait_for_selector("#compare-left-stage [data-state=done] .stage-row")
    assert backend.count - before == 2
    expect(page.locator("#compare-left-stage .stage-eye").first).to_be_hidden()  # nothing can be switched off here
