"""Questions by a person: pictures, tasks, fields, boxes, Run and Stop, and failures."""

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
    assert steps.labels(page) == ["car", "person", "wheel"]
    assert not steps.is_grey(steps.color_at(page, 0.05, 0.35)), "the left side of the car's box is drawn"
    assert steps.is_grey(steps.color_at(page, 0.46, 0.7)), "between the boxes nothing is"
    assert backend.calls[-1].prompt == "<OD>"
    expect(page.locator("#meta")).to_contain_text("Florence-2-base")
    expect(page.locator("#stage img")).to_have_attribute("alt", "The picture with 3 objects found: car, person, wheel.")


@pytest.mark.parametrize(
    ("family", "variant", "typed", "prompt", "shown"),
    [
        pytest.param("Caption", "Detailed caption", "", "<DETAILED_CAPTION>", "street sign", id="caption"),
        pytest.param("Detect", "Propose regions", "", "<REGION_PROPOSAL>", "region 1", id="proposals"),
        pytest.param(
            "Detect", "Find my classes", "dog\ncat\n", "<OPEN_VOCABULARY_DETECTION>dog<and>cat", "dog", id="classes"
        ),
        pytest.param("Ground", "", "a car", "<CAPTION_TO_PHRASE_GROUNDING>a car", "a car", id="ground"),
        pytest.param(
            "Segment", "", "the square", "<REFERRING_EXPRESSION_SEGMENTATION>the square", "1 found", id="segment"
        ),
        pytest.param("Read", "Read text with places", "", "<OCR_WITH_REGION>", "MAIN ST", id="read"),
        pytest.param("Custom", "", "What is it?", "What is it?", "free answer", id="custom"),
    ],
)  # fmt: skip
def test_every_family_asks_with_only_the_field_it_needs(
    page: Page, backend: ScriptedBackend, photograph: Path,
    family: str, variant: str, typed: str, prompt: str, shown: str,
) -> None:  # fmt: skip
    steps.upload(page, photograph)
    steps.choose(page, family, variant)
    fields = {"text": page.locator("#text"), "classes": page.locator("#classes"), "picker": page.locator("#picker")}
    needed = "classes" if "classes" in variant else "text" if typed else ""
    if needed:
        expect(fields[needed]).to_be_visible()
        expect(page.locator("#run")).to_be_disabled()
        expect(page.locator("#run-notice")).to_contain_text(re.compile("Type"))
        fields[needed].locator("textarea, input").first.click()
        page.keyboard.type(typed)
    for name, field in fields.items():
        if name != needed:
            expect(field).to_be_hidden()
    steps.run(page)
    assert backend.calls[-1].prompt == prompt
    expect(page.locator("#stage")).to_contain_text(shown)


def test_a_region_is_drawn_by_mouse(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Region", "Describe a region")
    expect(page.locator("#run-notice")).to_contain_text("Draw a box")
    steps.draw_box(page, (0.2, 0.25), (0.6, 0.75))
    steps.run(page)
    numbers = [int(n) for n in re.findall(r"<loc_(\d+)>", backend.calls[-1].prompt)]
    assert numbers == pytest.approx([200, 250, 600, 750], abs=8)
    assert steps.labels(page) == ["a red car"]
    assert not steps.is_grey(steps.color_at(page, 0.2, 0.5)), "the answer is drawn on its region"


def test_a_region_is_drawn_by_keyboard(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Region", "Name a region")
    page.locator(".bp-stage").focus()
    for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator(".bp-status")).to_contain_text("Box: 49 × 50 % at 27, 24")
    steps.run(page)
    assert backend.calls[-1].prompt == "<REGION_TO_CATEGORY><loc_270><loc_240><loc_760><loc_740>"


def test_a_box_moved_and_resized_by_keyboard_stays_in_the_picture(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Region", "Name a region")
    page.locator(".bp-stage").focus()
    page.keyboard.press("Enter")
    for key, words in (
        ("ArrowRight", "Box: 50 × 50 % at 50, 25"),
        ("ArrowDown", "Box: 50 × 50 % at 50, 50"),
        ("Shift+ArrowRight", "Box: 50 × 50 % at 50, 50"),
        ("ArrowLeft", "Box: 50 × 50 % at 0, 50"),
        ("ArrowUp", "Box: 50 × 50 % at 0, 0"),
    ):
        for _ in range(5 if key.startswith("Shift") else 60):
            page.keyboard.press(key)
        expect(page.locator(".bp-status")).to_contain_text(words)
    steps.run(page)
    assert backend.calls[-1].prompt == "<REGION_TO_CATEGORY><loc_0><loc_0><loc_500><loc_500>"


@pytest.mark.parametrize(
    "end",
    [
        pytest.param((0.8, 0.5), id="horizontal"),
        pytest.param((0.3, 0.9), id="vertical"),
        pytest.param((0.3, 0.5), id="click"),
    ],
)
def test_a_box_without_area_is_not_kept(page: Page, photograph: Path, end: tuple[float, float]) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Region", "Describe a region")
    steps.draw_box(page, (0.2, 0.25), (0.6, 0.75))
    expect(page.locator("#run")).to_be_enabled()
    steps.draw_box(page, (0.3, 0.5), end)
    expect(page.locator(".bp-status")).to_have_text("Drag on the picture to draw a box")
    expect(page.locator("#run-notice")).to_have_text("Draw a box on the picture first.")
    expect(page.locator("#run")).to_be_disabled()


def test_a_region_is_drawn_by_touch_on_a_telephone(phone: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(phone, photograph)
    steps.choose(phone, "Region", "Name a region")
    phone.locator("#picker").scroll_into_view_if_needed()
    area = phone.locator("#picker .bp-img").bounding_box()
    session = phone.context.new_cdp_session(phone)
    places = [(0.3, 0.3), (0.5, 0.5), (0.8, 0.9)]
    for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
        at = {"x": area["x"] + x * area["width"], "y": area["y"] + y * area["height"]}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    steps.run(phone)
    numbers = [int(n) for n in re.findall(r"<loc_(\d+)>", backend.calls[-1].prompt)]
    assert numbers == pytest.approx([300, 300, 800, 900], abs=15)


def test_a_link_is_fetched(page: Page, backend: ScriptedBackend) -> None:
    page.fill("#link input, #link textarea", "http://pictures.example/grey.png")
    page.evaluate("document.querySelector('#stage .stage-img').removeAttribute('src')")  # the old one must not count
    page.locator("#link button").click()
    page.wait_for_selector("#stage [data-state=ready] img[src*=picture]")
    expect(page.locator("#picture-notice")).not_to_contain_text("Fetching")
    steps.run(page)
    assert backend.calls[-1].image_size == (600, 400)


def test_run_waits_for_a_picture_on_its_way(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    calls = backend.count
    page.route("**/upload?*", lambda route: (page.wait_for_timeout(2000), route.continue_()))
    page.set_input_files("#picture input[type=file]", photograph)
    page.click("#run")
    expect(page.locator("#run")).to_have_attribute("aria-busy", "true")
    steps.settle(page)
    assert backend.count == calls + 1
    assert backend.calls[-1].image_size == (600, 400), "asked about the new picture, and about it alone"
    expect(page.locator("#stage .stage-img")).to_have_js_property("naturalWidth", 600)


def test_run_is_free_again_when_the_picture_does_not_come(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    page.set_input_files("#picture input[type=file]", broken)
    expect(page.locator("#picture-notice")).to_contain_text("corrupt or incomplete")
    expect(page.locator("#run")).not_to_have_attribute("aria-busy", "true")
    steps.run(page)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param("http://pictures.example/none.png", "404", id="not-there"),
        pytest.param("http://127.0.0.1/grey.png", "public", id="inside"),
        pytest.param("file:///etc/passwd", "http", id="file"),
    ],
)
def test_a_link_that_cannot_be_fetched_is_said_at_the_field(page: Page, typed: str, words: str) -> None:
    page.fill("#link input, #link textarea", typed)
    page.keyboard.press("Enter")
    notice = page.locator("#picture-notice p.error")
    expect(notice).to_contain_text(words)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        pytest.param("broken.png", None, "corrupt or incomplete", id="cut-off"),
        pytest.param("short.png", b"\x89PNG\r\n\x1a\n", "corrupt or incomplete", id="nothing-but-a-signature"),
        pytest.param("words.png", b"These are words.", "not a supported picture", id="text"),
        pytest.param("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", id="heic"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_and_the_page_goes_on(
    page: Page, backend: ScriptedBackend, photograph: Path, tmp_path: Path, name: str, data: bytes | None, words: str
) -> None:
    broken = tmp_path / name
    broken.write_bytes(data or photograph.read_bytes()[:200])
    page.set_input_files("#picture input[type=file]", broken)
    expect(page.locator("#picture-notice p.error")).to_contain_text(words)
    steps.upload(page, photograph)
    steps.run(page)
    assert steps.labels(page)


def test_stop_ends_a_run_at_once(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    backend.fault, gone = faults.hang(), backend.abandoned
    page.click("#run:not([disabled])")
    expect(page.locator("#stage .stage-title")).to_contain_text("working")
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
    expect(page.locator("#stage .stage-title")).to_contain_text(re.compile(words, re.IGNORECASE))
    assert page.locator("#stage .stage-hint").inner_text(), "says what to do next"
    backend.fault = None
    steps.run(page)
    assert steps.labels(page)


def test_nothing_of_the_answer_before_stands_beside_a_failure(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    expect(page.locator("#download-panel")).to_be_visible()
    backend.fault = faults.status(500)
    steps.run(page, "failed")
    for left_over in ("#meta p", "#download-panel", "#style-panel", "#object-panel", "#filter-panel"):
        expect(page.locator(left_over)).to_be_hidden()
    expect(page.locator("#recent .thumbnail[aria-current=true]")).to_have_count(0)
    backend.fault = None
    page.locator("#recent .thumbnail").first.click()
    steps.settle(page)
    assert steps.labels(page), "it can still be gone back to"


def test_nothing_found_is_said(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": [], "labels": []}}
    steps.upload(page, photograph)
    steps.run(page, "nothing")
    expect(page.locator("#stage .stage-title")).to_have_text("Nothing found")


def test_ctrl_enter_runs_from_a_field(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Ground")
    page.locator("#text textarea").click()
    page.keyboard.type("a car")
    expect(page.locator("#run")).to_be_enabled()
    page.keyboard.press("Control+Enter")
    steps.settle(page)
    assert backend.calls[-1].prompt == "<CAPTION_TO_PHRASE_GROUNDING>a car"


def test_who_runs_by_keyboard_stays_at_run_and_stop(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    expect(page.locator("#run")).to_be_enabled()
    backend.fault = faults.hang()
    page.focus("#run")
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#run")).to_be_focused()


def test_the_page_fits_a_telephone(phone: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(phone, photograph)
    steps.run(phone)
    width = phone.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "nothing makes the page wider than the screen"
    expect(phone.locator("#stage img")).to_be_in_viewport()


def test_a_remote_server_names_its_host_and_asks_for_a_key(open_page: Callable[..., Page], photograph: Path) -> None:
    page = open_page()
    steps.upload(page, photograph)
    expect(page.locator("#destination")).to_contain_text("stays on this machine")
    page.locator("#model-panel button").first.click()
    page.locator("#backend label", has_text="serverless").click()
    expect(page.locator("#destination")).to_contain_text("serverless.roboflow.com")
    expect(page.locator("#run")).to_be_disabled()
    expect(page.locator("#run-notice")).to_contain_text("key")
