"""Questions by a person: pictures, tasks, fields, Run and Stop, and failures."""

import re
from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from browser import steps
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import Respond, ScriptedBackend


def test_an_uploaded_picture_is_looked_at_and_the_answer_drawn_on_it(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    assert steps.is_grey(steps.color_at(page, 0.05, 0.35))
    steps.run(page)
    steps.wait_for_drawing(page)
    assert steps.labels(page) == ["car", "person", "wheel"]
    assert not steps.is_grey(steps.color_at(page, 0.05, 0.35)), "the left side of the car's box is drawn"
    assert steps.is_grey(steps.color_at(page, 0.46, 0.7)), "between the boxes nothing is"
    assert backend.calls[-1].prompt == "<OD>"
    expect(page.locator(".list-source")).to_contain_text("Florence-2-base")
    alt = "The picture with 3 objects found: car, person, wheel."
    expect(page.locator(".stage-picture")).to_have_attribute("alt", alt)


QUESTIONS = [
    ("<DETAILED_CAPTION>", "", (), "<DETAILED_CAPTION>", "street sign"),
    ("<REGION_PROPOSAL>", "", (), "<REGION_PROPOSAL>", "Region, left"),
    ("<OPEN_VOCABULARY_DETECTION>", "classes", ("dog", "cat"), "<OPEN_VOCABULARY_DETECTION>dog<and>cat", "dog"),
    ("<CAPTION_TO_PHRASE_GROUNDING>", "phrase", ("a car",), "<CAPTION_TO_PHRASE_GROUNDING>a car", "a car"),
    (
        "<REFERRING_EXPRESSION_SEGMENTATION>", "phrase", ("the square",),
        "<REFERRING_EXPRESSION_SEGMENTATION>the square", "1 outlined",
    ),
    ("<OCR_WITH_REGION>", "", (), "<OCR_WITH_REGION>", "MAIN ST"),
    ("custom", "prompt", ("What is it?",), "What is it?", "free answer"),
]  # fmt: skip
"""Task, field, what is typed, the prompt that is sent, and something that is shown."""


def test_every_kind_of_task_asks_with_the_one_field_it_needs(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    for token, field, typed, prompt, shown in QUESTIONS:
        steps.choose(page, token)
        for name in ("phrase", "classes", "prompt", "region"):
            expect(page.locator(f"#{name}")).to_be_visible(visible=name == field)
        steps.fill(page, field, *typed)
        steps.run(page)
        assert backend.calls[-1].prompt == prompt
        expect(page.locator("#explore")).to_contain_text(shown)


def test_what_is_missing_is_said_at_its_field_which_takes_the_focus(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    calls = backend.count
    for token, field, words in (
        ("<CAPTION_TO_PHRASE_GROUNDING>", "phrase", "phrase"),
        ("<OPEN_VOCABULARY_DETECTION>", "classes", "class"),
        ("custom", "prompt", "prompt"),
    ):
        steps.choose(page, token)
        page.click("#run")
        notice = page.locator("#input-notice .error")
        expect(notice).to_contain_text(words)
        expect(notice).to_be_in_viewport(ratio=1)
        expect(page.locator(f"#{field} input")).to_be_focused()
        assert page.locator("#input-notice").bounding_box()["y"] < page.locator("#dock").bounding_box()["y"]
    steps.choose(page, "<REGION_TO_CATEGORY>")
    page.click("#run")
    expect(page.locator("#input-notice .error")).to_contain_text("box")
    expect(page.locator(".stage-region")).to_be_focused()
    assert backend.count == calls
    steps.run(page)
    assert backend.calls[-1].prompt.startswith("<REGION_TO_CATEGORY><loc_")


SLOW_EVENTS = """() => {
  const fetched = window.fetch;
  window.fetch = async (address, ...more) => {
    if (String(address).includes("/run/predict")) await new Promise((done) => setTimeout(done, 700));
    return fetched(address, ...more);
  };
}"""


def test_what_is_missing_stays_said_where_the_chosen_task_comes_late(page: Page, photograph: Path) -> None:
    steps.upload(page, photograph)
    page.evaluate(SLOW_EVENTS)
    steps.choose(page, "<CAPTION_TO_PHRASE_GROUNDING>")
    with page.expect_response("**/run/predict*"):
        page.click("#run")
    notice = page.locator("#input-notice .error")
    expect(notice).to_contain_text("phrase")
    page.wait_for_timeout(1000)  # longer than any event of the choice is under way
    expect(notice).to_contain_text("phrase")


def test_words_typed_for_one_task_are_not_another_ones_prompt(page: Page, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "<CAPTION_TO_PHRASE_GROUNDING>")
    steps.fill(page, "phrase", "the red car")
    steps.choose(page, "custom")
    expect(page.locator("#prompt input")).to_have_value("")
    steps.choose(page, "<CAPTION_TO_PHRASE_GROUNDING>")
    expect(page.locator("#phrase input")).to_have_value("the red car")


@pytest.mark.parametrize("bring", [pytest.param(steps.open_link, id="typed"), pytest.param(steps.paste, id="pasted")])
def test_a_link_is_fetched(page: Page, backend: ScriptedBackend, bring: Callable[[Page, str], None]) -> None:
    bring(page, "http://pictures.example/grey.png")
    page.wait_for_selector(f"{steps.STAGE}[data-state=ready]")
    expect(page.locator("#open-pop")).to_be_hidden()
    expect(page.locator("#link input")).to_have_value("")
    steps.run(page)
    assert backend.calls[-1].image_size == (600, 400)


def test_run_waits_for_a_picture_on_its_way(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    calls = backend.count
    page.route("**/upload?*", lambda route: (page.wait_for_timeout(2000), route.continue_()))
    page.set_input_files("#stage input[type=file]", photograph)
    page.wait_for_selector(f"{steps.STAGE}[data-state=busy]")
    page.click("#run")
    steps.settle(page)
    assert steps.labels(page) == ["car", "person", "wheel"]
    assert backend.count == calls + 1
    assert backend.calls[-1].image_size == (600, 400), "asked about the new picture, and about it alone"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param("http://pictures.example/none.png", "404", id="not-there"),
        pytest.param("http://127.0.0.1/grey.png", "public", id="inside"),
        pytest.param("file:///etc/passwd", "http", id="file"),
    ],
)
def test_why_a_link_cannot_be_fetched_is_said_where_it_was_typed(page: Page, typed: str, words: str) -> None:
    steps.open_link(page, typed)
    expect(page.locator("#open-pop #link-notice p.error")).to_contain_text(words)
    expect(page.locator("#link-notice")).to_be_visible()
    expect(page.locator("#link input")).to_have_value(typed)
    expect(page.locator(steps.STAGE)).to_have_attribute("data-state", "done")


def test_a_file_that_is_no_picture_is_refused_and_the_page_goes_on(
    page: Page, backend: ScriptedBackend, photograph: Path, tmp_path: Path
) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    for name, data, words in (
        ("broken.png", photograph.read_bytes()[:200], "corrupt or incomplete"),
        ("short.png", b"\x89PNG\r\n\x1a\n", "corrupt or incomplete"),
        ("words.png", b"These are words.", "not a supported picture"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    ):
        (tmp_path / name).write_bytes(data)
        page.set_input_files("#stage input[type=file]", tmp_path / name)
        expect(page.locator("#explore")).to_contain_text(words)
        expect(page.locator(steps.STAGE)).to_have_attribute("data-state", "done")
    assert steps.labels(page) == ["car", "person", "wheel"], "picture and answer stay"
    steps.upload(page, photograph)
    steps.run(page)
    assert steps.labels(page)


def test_stop_ends_a_run_at_once(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    backend.fault, gone = faults.hang(), backend.abandoned
    page.click("#run")
    page.wait_for_selector(f"{steps.STAGE}[data-state=busy]")
    expect(page.locator("#run")).to_be_hidden()
    page.click("#stop")
    steps.settle(page, "ready")
    backend.wait_for(lambda b: b.abandoned == gone + 1)
    backend.fault = None
    steps.run(page)
    assert steps.labels(page)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(faults.status(401), "key", id="key-refused"),
        pytest.param(faults.status(500), "server", id="server-error"),
        pytest.param(faults.html(), "web page", id="nonsense"),
    ],
)
def test_a_failure_is_said_in_words_and_the_next_run_works(
    page: Page, backend: ScriptedBackend, photograph: Path, fault: Respond, words: str
) -> None:
    steps.upload(page, photograph)
    backend.fault = fault
    steps.run(page, "failed")
    expect(page.locator(".stage-notice")).to_contain_text(re.compile(words, re.IGNORECASE))
    backend.fault = None
    steps.run(page)
    assert steps.labels(page)


def test_nothing_of_the_answer_before_stands_beside_a_failure(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    expect(page.locator("#then")).to_be_visible()
    expect(page.locator("#open-download")).to_be_enabled()
    backend.fault = faults.status(500)
    steps.run(page, "failed")
    assert steps.labels(page) == []
    expect(page.locator(".stage-layer")).to_have_count(0)
    expect(page.locator("#then")).to_be_hidden()
    expect(page.locator("#open-download")).to_be_disabled()
    expect(page.locator("#film .thumb[aria-current=true]")).to_have_count(0)
    page.locator(".thumb[data-name=recent-0]").click()
    steps.settle(page)
    assert steps.labels(page), "it can still be gone back to"


def test_classes_are_typed_in_one_go_and_enter_in_the_empty_field_asks_for_them(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "<OPEN_VOCABULARY_DETECTION>")
    field = page.locator("#classes input")
    expect(field).to_have_attribute("placeholder", re.compile("dog"))
    field.fill("dog, red car")
    field.press("Enter")
    expect(page.locator("#classes .token")).to_have_text(["dog", "red car"])
    field.press("Enter")
    steps.settle(page)
    assert backend.calls[-1].prompt == "<OPEN_VOCABULARY_DETECTION>dog<and>red car"
    expect(page.locator("#classes .token")).to_have_count(2)


def test_the_list_of_models_closes_behind_whoever_tabs_on(page: Page) -> None:
    page.locator("#model input").focus()
    expect(page.locator("#model [role=option]")).to_have_count(4)
    page.keyboard.press("Tab")
    expect(page.locator("#run")).to_be_focused()
    expect(page.locator("#model input")).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#model [role=option]")).to_have_count(0)


def test_nothing_found_is_said_with_a_way_on(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": [], "labels": []}} if prompt == "<OD>" else {prompt: "A."}
    steps.upload(page, photograph)
    steps.run(page, "nothing")
    expect(page.locator(".stage-notice")).to_contain_text("Nothing found in this picture.")
    page.locator(".stage-notice button", has_text="Describe it instead").click()
    steps.settle(page)
    assert backend.calls[-1].prompt == "<DETAILED_CAPTION>"


@pytest.mark.parametrize("key", ["Enter", "Control+Enter"])
def test_a_key_runs_from_a_field(page: Page, backend: ScriptedBackend, photograph: Path, key: str) -> None:
    steps.upload(page, photograph)
    for token, field, typed in (
        ("<CAPTION_TO_PHRASE_GROUNDING>", "phrase", "a car"),
        ("<OPEN_VOCABULARY_DETECTION>", "classes", "dog"),
        ("custom", "prompt", "What is it?"),
    ):
        steps.choose(page, token)
        steps.fill(page, field, typed)
        calls = backend.count
        page.keyboard.press(key)
        backend.wait_for(lambda b, calls=calls: b.count == calls + 1)
        assert backend.calls[-1].prompt.endswith(typed)
        steps.settle(page)


def test_who_runs_by_keyboard_stays_at_run_and_stop(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    backend.fault = faults.hang()
    page.focus("#run")
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#run")).to_be_focused()


def test_an_answer_is_in_view_on_a_telephone(phone: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(phone, photograph)
    steps.run(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "nothing makes the page wider"
    expect(phone.locator(steps.STAGE)).to_be_in_viewport(ratio=1)
    expect(phone.locator(".list-title")).to_be_in_viewport(ratio=1)
    expect(phone.locator("#run")).to_be_in_viewport(ratio=1)


def test_a_remote_server_names_its_host_and_run_asks_for_its_key(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    page.click("#where")
    expect(page.locator("#destination")).to_contain_text("stay on this machine")
    steps.choose_backend(page, "serverless")
    expect(page.locator("#destination")).to_contain_text("serverless.roboflow.com")
    page.keyboard.press("Escape")
    page.click("#run")
    expect(page.locator("#where-pop")).to_be_visible()
    expect(page.locator("#key-notice .error")).to_contain_text("key")
    expect(page.locator("#key input")).to_be_focused()


def test_what_is_wrong_with_the_key_is_said_until_the_key_changes(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.choose_backend(page, "serverless")
    page.keyboard.press("Escape")
    page.click("#run")
    wrong = page.locator("#key-notice .error")
    expect(wrong).to_contain_text("key")
    steps.choose_model(page, "large")
    expect(page.locator("#where")).to_contain_text("large")  # the server's state was looked at once more
    expect(wrong).to_contain_text("key")
    page.click("#where")
    page.fill("#key input", "another")
    page.keyboard.press("Tab")
    expect(wrong).to_have_count(0)


def test_an_answer_to_another_task_is_marked_and_the_chosen_one_runs_from_there(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    calls = backend.count
    steps.choose(page, "<CAPTION>")
    expect(page.locator(steps.STAGE)).to_have_attribute("data-state", "stale")
    expect(page.locator(".stage-notice")).to_contain_text("These marks answer “Find objects”.")
    assert backend.count == calls
    page.locator(".stage-notice button", has_text="Run “Brief caption”").click()
    steps.settle(page)
    assert backend.calls[-1].prompt == "<CAPTION>"
