"""Looking at an answer: restyling, downloading, reopening, returning, sharing."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import on_stage, steps
from PIL import Image, ImageColor
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import TASKS

KEY = "visitors-own-secret-key"
DRAWERS = ("text", "table", "json", "code", "style", "download")


@pytest.fixture(params=["page", "phone"])
def answered(request: pytest.FixtureRequest, backend: ScriptedBackend, photograph: Path) -> Page:
    """The page with three objects found, at desktop width and on a telephone."""
    page = request.getfixturevalue(request.param)
    steps.upload(page, photograph)
    steps.run(page)
    steps.wait_for_drawing(page)
    return page


def open_drawer(page: Page, name: str) -> None:
    """Open a drawer; on a telephone the sheet is pulled up first."""
    grip = page.locator("#explore .sheet-grip")
    if grip.is_visible() and grip.get_attribute("aria-expanded") == "false":
        grip.click()
    steps.open_drawer(page, name)


def copied_link(page: Page) -> str:
    """The link to this setup, as copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    steps.open_drawer(page, "download")
    page.click("#copy-link")
    expect(page.locator("#copy-link")).to_have_text("Link copied")
    return page.evaluate("navigator.clipboard.readText()")


def test_the_phrases_of_a_grounded_caption_light_up_with_their_boxes(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    answer = {"bboxes": [[60, 40, 240, 240], [300, 80, 420, 360]], "labels": ["a car", "a person"]}
    backend.answer = lambda prompt, size: {"<CAPTION_TO_PHRASE_GROUNDING>": answer}
    steps.upload(page, photograph)
    steps.choose(page, "<CAPTION_TO_PHRASE_GROUNDING>")
    steps.fill(page, "phrase", "A car next to a person.")
    steps.run(page)
    page.locator(".list-phrases .phrase", has_text="a person").hover()
    assert on_stage.is_lit(page)
    expect(page.locator(".stage-tip")).to_have_text("a person")
    assert on_stage.lit_rows(page) == ["a person"]
    on_stage.point_at(page, 0.2, 0.3)
    expect(page.locator(".list-phrases .phrase.on")).to_have_text(["A car"])
    page.locator("#answer-list .row", has_text="a person").hover()
    expect(page.locator(".list-phrases .phrase.on")).to_have_text(["a person"])
    assert on_stage.lit_rows(page) == ["a person"]
    page.hover("#task-button")
    expect(page.locator(".phrase.on")).to_have_count(0)
    assert on_stage.lit_rows(page) == []


def test_however_much_is_found_the_six_buttons_stay_in_the_window(
    open_page: Callable[..., Page], backend: ScriptedBackend, photograph: Path
) -> None:
    boxes = [[10 + 6 * number, 10, 60 + 6 * number, 300] for number in range(60)]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": [f"thing {k}" for k in range(60)]}}
    page = open_page(viewport={"width": 1200, "height": 675})
    steps.upload(page, photograph)
    steps.run(page)
    lowest = page.locator("#explore .drawers button").last.bounding_box()
    assert lowest["y"] + lowest["height"] <= 675
    last = page.locator("#answer-list .row").last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport(ratio=1)
    assert last.bounding_box()["y"] < lowest["y"], "the list scrolls instead, above the buttons"


def test_the_text_drawer_shows_what_was_found(page: Page, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    steps.open_drawer(page, "text")
    expect(page.locator("#answer-text textarea")).to_have_value(re.compile(r"\w"))
    assert page.locator("#answer-text").bounding_box()["height"] > 300, "it fills the drawer"
    expect(page.locator("#answer-text").get_by_role("button", name="Copy")).to_be_visible()


def test_each_row_of_the_list_has_the_color_of_its_object(answered: Page) -> None:
    colors = answered.locator("#answer-list .badge").evaluate_all(
        "all => all.map((node) => getComputedStyle(node).backgroundColor)"
    )
    found = make_detections(["car", "person", "wheel"], [[0, 0, 9, 9]] * 3)
    named = Style().colors_of(Result(TASKS["<OD>"], "<OD>", (10, 10), detections=found))
    assert colors == [f"rgb{ImageColor.getrgb(color)}" for color in named]


def test_restyling_and_hiding_redraw_without_a_call(answered: Page, backend: ScriptedBackend) -> None:
    calls = backend.count
    assert steps.is_grey(steps.color_at(answered, 0.2, 0.3)), "inside the car's box nothing is drawn"
    open_drawer(answered, "style")
    with steps.redrawing(answered):
        answered.locator("#annotators label", has_text="filled").click()
    assert not steps.is_grey(steps.color_at(answered, 0.2, 0.3)), "now it is filled"
    answered.locator("#drawer-style [data-do=close-drawer]").click()
    with steps.redrawing(answered):
        answered.get_by_label("Hide car").click()
    assert steps.is_grey(steps.color_at(answered, 0.2, 0.3)), "and not drawn at all"
    expect(answered.locator("#answer-list .row.off .name")).to_have_text(["car"])
    assert backend.count == calls


def test_style_and_downloads_are_used_while_the_picture_is_seen(
    open_page: Callable[..., Page], backend: ScriptedBackend, photograph: Path
) -> None:
    page = open_page(viewport={"width": 1440, "height": 760})
    steps.upload(page, photograph)
    steps.run(page)
    before = page.locator(steps.STAGE).bounding_box()
    for name, first in (("style", "#annotators label"), ("download", "#download-png")):
        steps.open_drawer(page, name)
        expect(page.locator(first).first).to_be_in_viewport(ratio=1)
        drawer = page.locator(f"#drawer-{name}").bounding_box()
        assert drawer["x"] >= before["x"] + before["width"], "beside the stage, not over it"
        assert page.locator(steps.STAGE).bounding_box() == before
    expect(page.locator(steps.STAGE)).to_be_in_viewport(ratio=1)


def test_the_bare_picture_is_shown_without_its_drawing_and_comes_back(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    steps.wait_for_drawing(page)
    steps.open_drawer(page, "style")
    page.locator("#bare input").check()
    expect(page.locator(".stage-layer")).to_be_hidden()
    page.locator("#bare input").uncheck()
    expect(page.locator(".stage-layer")).to_be_visible()


def test_an_answer_is_taken_away_at_full_size_and_as_a_data_set(
    page: Page, backend: ScriptedBackend, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    Image.new("RGB", (2400, 1600), (120, 120, 120)).save(large)
    steps.upload(page, large)
    steps.run(page)
    steps.open_drawer(page, "download")
    files = {}
    for name in ("png", "json", "yolo"):
        with page.expect_download() as download:
            page.click(f"#download-{name}")
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    assert Image.open(files["png"]).size == (2400, 1600)
    detections = json.loads(files["json"].read_text())["detections"]
    assert [found["label"] for found in detections] == ["car", "person", "wheel"]
    assert "data.yaml" in zipfile.ZipFile(files["yolo"]).namelist()


def test_a_download_that_cannot_be_made_says_why_and_hands_nothing_over(answered: Page) -> None:
    handed_over = []
    answered.on("download", lambda download: handed_over.append(download.suggested_filename))
    for name in ("car", "person", "wheel"):
        answered.get_by_label(f"Hide {name}").click()
    expect(answered.locator("#answer-list .row.off")).to_have_count(3)
    open_drawer(answered, "download")
    expect(answered.locator("#download-masks:disabled")).to_have_text("Masks (no polygons)")
    with answered.expect_download():
        answered.click("#download-csv")
    answered.click("#download-coco")
    expect(answered.locator("#download-notice")).to_contain_text("All objects are switched off.")
    answered.wait_for_timeout(1500)
    assert [name.rpartition(".")[2] for name in handed_over] == ["csv"]


def test_no_line_of_the_program_breaks_within_a_name(answered: Page) -> None:
    open_drawer(answered, "code")
    expect(answered.locator("#python")).to_contain_text("InferenceConfiguration(")
    broken = answered.locator("#python .cm-line span").evaluate_all(
        """spans => spans.map((span) => span.firstChild).filter((text) => {
            const range = document.createRange();
            range.selectNodeContents(text);
            return /^\\w+$/.test(text.data) && range.getClientRects().length > 1;
        }).map((text) => text.data)"""
    )
    assert broken == []


def test_the_answer_stands_in_every_drawer(answered: Page) -> None:
    for name, shown, words in (
        ("text", "#answer-text textarea", ""),
        ("table", "#table", "wheel"),
        ("json", "#record", "image_size"),
        ("code", "#curl", "/infer/lmm"),
        ("code", "#python", "inference_sdk"),
    ):
        if answered.locator(f"#drawer-{name}").is_hidden():
            open_drawer(answered, name)
        expect(answered.locator(shown)).to_contain_text(words)
    open_drawer(answered, "text")
    expect(answered.locator("#answer-text textarea")).to_have_value("car\nperson\nwheel")
    answered.keyboard.press("Escape")
    expect(answered.locator("#drawer-text")).to_be_hidden()
    expect(answered.locator("#open-text")).to_be_focused()
    expect(answered.locator("#answer-list .row")).to_have_count(3)


def test_earlier_runs_come_back_without_a_call(answered: Page, backend: ScriptedBackend) -> None:
    steps.choose(answered, "<CAPTION>")
    steps.run(answered)
    expect(answered.locator(".stage-caption p")).to_have_text("A red car next to a person.")
    calls = backend.count
    answered.locator(".thumb[data-name=recent-1]").click()
    expect(answered.locator("#answer-list .row")).to_have_count(3)
    expect(answered.locator("#task-button")).to_contain_text("Find objects")
    expect(answered.locator(".thumb[aria-current=true]")).to_have_attribute("data-name", "recent-1")
    assert backend.count == calls


def test_settings_are_remembered_in_the_browser_but_never_the_key(
    open_page: Callable[..., Page], backend: ScriptedBackend, photograph: Path
) -> None:
    page = open_page()
    steps.choose_backend(page, "serverless")
    page.locator("#key input").fill(KEY)
    steps.choose_backend(page, "Local")
    page.keyboard.press("Escape")
    steps.upload(page, photograph)
    steps.choose(page, "<OCR_WITH_REGION>")
    steps.run(page)
    assert KEY not in page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    again = open_page(context=page.context)
    expect(again.locator("#task-button")).to_contain_text("Read and locate text")
    assert KEY not in again.content()
    assert again.locator("#key input").count() == 0 or again.locator("#key input").input_value() == ""


def test_a_style_is_remembered_without_another_run(open_page: Callable[..., Page]) -> None:
    page = open_page()
    steps.open_drawer(page, "style")
    with steps.redrawing(page):
        page.locator("#annotators label", has_text="halo").click()
        page.locator("#labels input").uncheck()
    page.wait_for_timeout(1500)
    again = open_page(context=page.context)
    expect(again.locator("#labels input")).not_to_be_checked()
    expect(again.locator("#annotators label", has_text="halo").locator("input")).to_be_checked()


def test_a_link_opens_the_same_setup_and_runs_nothing(open_page: Callable[..., Page], backend: ScriptedBackend) -> None:
    calls = backend.count
    page = open_page(
        "/?task=<OPEN_VOCABULARY_DETECTION>&classes=dog,red+car&model=florence-2-large&labels=off&thickness=2&draw=filled"
    )
    expect(page.locator("#task-button")).to_contain_text("Find my classes")
    for name in ("dog", "red car"):
        expect(page.locator("#classes")).to_contain_text(name)
    page.wait_for_timeout(1000)
    assert backend.count == calls, "a link never runs by itself"
    steps.run(page)
    steps.wait_for_drawing(page)
    assert backend.calls[-1].prompt == "<OPEN_VOCABULARY_DETECTION>dog<and>red car"
    copied = copied_link(page)
    for part in ("model=florence-2-large", "classes=dog%2Cred+car", "labels=off", "thickness=2", "draw=filled"):
        assert part in copied


def test_a_link_brings_its_example_along(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.locator(".thumb[title*=beach]").click()
    expect(page.locator(".thumb[title*=beach]").last).to_have_attribute("aria-current", "true")
    query = copied_link(page).partition("/?")[2]
    other = open_page(f"/?{query}")
    expect(other.locator(".thumb[aria-current=true]")).to_have_attribute("title", "At the beach: Ground a caption")
    expect(other.locator("#phrase input")).to_have_value("a sun and a ball")


def test_an_example_brings_its_own_question_and_is_asked_at_once(page: Page, backend: ScriptedBackend) -> None:
    for title, prompt in (("A photographer", "<OD>"), ("A cup of coffee", "<CAPTION_TO_PHRASE_GROUNDING>")):
        calls = backend.count
        page.locator(f".thumb[title^='{title}']").last.click()
        backend.wait_for(lambda b, calls=calls: b.count == calls + 1)
        steps.settle(page)
        assert backend.calls[-1].prompt.startswith(prompt)
        expect(page.locator("#input-notice")).to_be_empty()
    assert page.locator("#phrase input").input_value() in backend.calls[-1].prompt


def test_a_style_chosen_for_one_answer_does_not_stand_in_the_way_of_the_next(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "<REFERRING_EXPRESSION_SEGMENTATION>")
    steps.fill(page, "phrase", "the square")
    steps.run(page)
    assert steps.labels(page) == ["the square"], "a mask is called by the phrase that asked for it"
    steps.open_drawer(page, "style")
    page.locator("#annotators label", has_text="polygon").click()
    steps.choose(page, "<OD>")
    for _ in range(2):
        steps.run(page)
        steps.wait_for_drawing(page)
        assert steps.labels(page) == ["car", "person", "wheel"]
    expect(page.locator("#annotators label", has_text="polygon").locator("input")).to_be_checked()


@pytest.mark.parametrize("width", [390, 320])
def test_every_drawer_and_mode_fits_a_phone(
    open_page: Callable[..., Page], backend: ScriptedBackend, photograph: Path, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 844}, has_touch=True, is_mobile=True)
    steps.upload(page, photograph)
    steps.run(page)
    for name in DRAWERS:
        open_drawer(page, name)
        expect(page.locator(f"#open-{name}")).to_be_in_viewport(ratio=0.8)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("Compare", "Many pictures", "Explore"):
        steps.open_mode(page, name)
        expect(page.get_by_role("tab", name=name)).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_escape_closes_a_list_before_the_drawer_around_it(page: Page) -> None:
    steps.open_drawer(page, "style")
    page.locator("#palette-name input").focus()
    expect(page.locator("#palette-name [role=option]").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#palette-name [role=option]")).to_have_count(0)
    expect(page.locator("#drawer-style")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#drawer-style")).to_be_hidden()
