"""Looking at an answer: pointing at objects, restyling, downloading, reopening, returning, sharing."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import steps
from PIL import Image, ImageColor
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.rendering.colors import row_colors
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import TASKS

KEY = "visitors-own-secret-key"


@pytest.fixture(params=["page", "phone"])
def answered(request: pytest.FixtureRequest, backend: ScriptedBackend, photograph: Path) -> Page:
    """The page with three objects found, at desktop width and on a telephone."""
    page = request.getfixturevalue(request.param)
    steps.upload(page, photograph)
    steps.run(page)
    return page


def lit(page: Page) -> list[str]:
    """The rows of the list that are lit."""
    return page.locator(".stage-list li.on .stage-row").all_inner_texts()


def point_at(page: Page, x: float, y: float) -> None:
    """Move the mouse to a place on the stage's picture, in parts of its size."""
    area = page.locator("#stage .stage-img").bounding_box()
    page.mouse.move(area["x"] + x * area["width"], area["y"] + y * area["height"])


def test_pointing_at_an_object_lights_its_row_and_the_other_way_round(answered: Page) -> None:
    point_at(answered, 0.6, 0.5)
    assert lit(answered) == ["person"]
    point_at(answered, 0.45, 0.95)
    assert lit(answered) == []
    answered.locator(".stage-row", has_text="wheel").hover()
    assert lit(answered) == ["wheel"]
    assert answered.locator(".stage-live.on .stage-lit").get_attribute("d")


def test_the_smallest_object_under_the_pointer_wins_and_a_click_pins_it(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    boxes = [[60, 40, 540, 360], [240, 160, 360, 240], [180, 120, 420, 300]]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": ["large", "small", "middle"]}}
    steps.upload(page, photograph)
    steps.run(page)
    point_at(page, 0.5, 0.5)
    assert lit(page) == ["small"]
    page.mouse.down()
    page.mouse.up()
    point_at(page, 0.02, 0.02)
    assert lit(page) == ["small"], "it stays pinned"
    expect(page.locator(".stage-row", has_text="small")).to_have_attribute("aria-pressed", "true")
    page.locator(".stage-row", has_text="small").focus()
    page.keyboard.press("Escape")
    page.locator("#answer-tabs [role=tab]").first.focus()
    assert lit(page) == []


def test_the_phrases_of_a_grounded_caption_light_up_with_their_boxes(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    answer = {"bboxes": [[60, 40, 240, 240], [300, 80, 420, 360]], "labels": ["a car", "a person"]}
    backend.answer = lambda prompt, size: {"<CAPTION_TO_PHRASE_GROUNDING>": answer}
    steps.upload(page, photograph)
    steps.choose(page, "Ground")
    page.locator("#text textarea").click()
    page.keyboard.type("A car next to a person.")
    steps.run(page)
    page.locator(".stage-text button", has_text="a person").hover()
    assert lit(page) == ["a person"]
    page.locator(".stage-row", has_text="a car").hover()
    expect(page.locator(".stage-text button.on")).to_have_text("A car")


def test_each_row_of_the_list_has_the_color_of_its_object(answered: Page) -> None:
    colors = answered.locator(".stage-row i").evaluate_all("all => all.map((i) => getComputedStyle(i).backgroundColor)")
    found = make_detections(["car", "person", "wheel"], [[0, 0, 9, 9]] * 3)
    named = row_colors(Result(TASKS["<OD>"], "<OD>", (10, 10), detections=found), "default")
    assert colors == [f"rgb{ImageColor.getrgb(color)}" for color in named]


def test_restyling_and_hiding_redraw_without_a_call(answered: Page, backend: ScriptedBackend) -> None:
    calls = backend.count
    assert steps.is_grey(steps.color_at(answered, 0.2, 0.3)), "inside the car's box nothing is drawn"
    before = answered.locator("#stage img").get_attribute("src")
    answered.locator("#style-panel button").first.click()
    answered.locator("#annotators label", has_text="filled").click()
    expect(answered.locator("#stage img")).not_to_have_attribute("src", before)
    assert not steps.is_grey(steps.color_at(answered, 0.2, 0.3)), "now it is filled"
    before = answered.locator("#stage img").get_attribute("src")
    answered.get_by_label("Hide car").click()
    expect(answered.locator("#stage img")).not_to_have_attribute("src", before)
    assert steps.is_grey(steps.color_at(answered, 0.2, 0.3)), "and not drawn at all"
    expect(answered.locator(".stage-count")).to_have_text("3 found, 2 shown")
    assert backend.count == calls


def test_a_pinned_object_stays_pinned_while_restyled_and_not_in_the_next_answer(answered: Page) -> None:
    row = answered.locator(".stage-row", has_text="person")
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    answered.locator("#style-panel button").first.click()
    for style in ("filled", "corners"):
        before = answered.locator("#stage img").get_attribute("src")
        answered.locator("#annotators label", has_text=style).click()
        expect(answered.locator("#stage img")).not_to_have_attribute("src", before)
        expect(row).to_have_attribute("aria-pressed", "true")
        expect(answered.locator(".stage-list li.on")).to_have_text(["person"])
    steps.run(answered)
    expect(answered.locator(".stage-row[aria-pressed=true]")).to_have_count(0)


def test_an_answer_is_taken_away_at_full_size_and_as_a_data_set(
    page: Page, backend: ScriptedBackend, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    Image.new("RGB", (2400, 1600), (120, 120, 120)).save(large)
    steps.upload(page, large)
    steps.run(page)
    page.locator("#download-panel button").first.click()
    files = {}
    for name in ("png", "json", "yolo"):
        with page.expect_download() as download:
            page.click(f"#download-{name}")
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    assert Image.open(files["png"]).size == (2400, 1600)
    assert [found["label"] for found in json.loads(files["json"].read_text())["detections"]] == [
        "car",
        "person",
        "wheel",
    ]
    assert "data.yaml" in zipfile.ZipFile(files["yolo"]).namelist()


def test_a_download_that_cannot_be_made_says_why_and_hands_nothing_over(answered: Page) -> None:
    handed_over = []
    answered.on("download", lambda download: handed_over.append(download.suggested_filename))
    answered.locator("#download-panel button").first.click()
    with answered.expect_download():
        answered.click("#download-csv")
    answered.click("#download-masks")
    expect(answered.locator("#download-notice")).to_contain_text("This answer has no polygons.")
    answered.wait_for_timeout(1500)
    assert [name.rpartition(".")[2] for name in handed_over] == ["csv"]


def test_the_answer_stands_in_every_tab(answered: Page) -> None:
    def tab(title: str) -> None:
        answered.locator("#answer-tabs [role=tab]", has_text=title).first.click()

    tab("Table")
    expect(answered.locator("#table")).to_contain_text("wheel")
    tab("JSON")
    expect(answered.locator("#record")).to_contain_text("image_size")
    tab("Code")
    expect(answered.locator("#curl")).to_contain_text("/infer/lmm")
    expect(answered.locator("#python")).to_contain_text("inference_sdk")
    tab("Before/after")
    assert answered.locator("#slider img").count() == 2


def test_earlier_runs_come_back_without_a_call(answered: Page, backend: ScriptedBackend) -> None:
    steps.choose(answered, "Caption", "Brief caption")
    steps.run(answered)
    expect(answered.locator(".stage-text")).to_have_text("A red car next to a person.")
    calls = backend.count
    answered.locator("#recent .thumbnail").nth(1).click()
    expect(answered.locator(".stage-row")).to_have_count(3)
    expect(answered.locator("#family label.selected")).to_have_text("Detect")
    assert backend.count == calls


def test_settings_are_remembered_in_the_browser_but_never_the_key(
    open_page: Callable[..., Page], backend: ScriptedBackend, photograph: Path
) -> None:
    page = open_page()
    page.locator("#model-panel button").first.click()
    page.locator("#backend label", has_text="serverless").click()
    page.locator("#key input").fill(KEY)
    page.locator("#backend label", has_text="Local").click()
    steps.upload(page, photograph)
    steps.choose(page, "Read", "Read text with places")
    steps.run(page)
    assert KEY not in page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    again = open_page(context=page.context)
    expect(again.locator("#variant label.selected")).to_have_text("Read text with places")
    assert KEY not in again.content()
    assert again.locator("#key input").count() == 0 or again.locator("#key input").input_value() == ""


def test_a_style_is_remembered_without_another_run(answered: Page, open_page: Callable[..., Page]) -> None:
    answered.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answered.locator("#style-panel button").first.click()
    answered.locator("#labels label").click()
    answered.wait_for_timeout(1500)
    again = open_page(context=answered.context)
    again.click("#copy-link")
    expect(again.locator("#copy-link")).to_have_text("Link copied")
    assert "labels=off" in again.evaluate("navigator.clipboard.readText()")


def test_a_link_opens_the_same_setup_and_runs_nothing(open_page: Callable[..., Page], backend: ScriptedBackend) -> None:
    calls = backend.count
    query = "/?task=<OPEN_VOCABULARY_DETECTION>&classes=dog,red+car&model=florence-2-large&labels=off&thickness=2"
    page = open_page(query)
    expect(page.locator("#variant label.selected")).to_have_text("Find my classes")
    for name in ("dog", "red car"):
        expect(page.locator("#classes")).to_contain_text(name)
    page.wait_for_timeout(1000)
    assert backend.count == calls, "a link never runs by itself"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#copy-link")
    expect(page.locator("#copy-link")).to_have_text("Link copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    for part in ("model=florence-2-large", "classes=dog%2Cred+car", "labels=off", "thickness=2"):
        assert part in copied


def test_a_link_brings_its_example_along(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.locator("#examples .thumbnail", has_text="beach").click()
    expect(page.locator("#examples .thumbnail[aria-current=true]")).to_contain_text("beach")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#copy-link")
    expect(page.locator("#copy-link")).to_have_text("Link copied")
    query = page.evaluate("navigator.clipboard.readText()").partition("/?")[2]
    other = open_page(f"/?{query}")
    expect(other.locator("#examples .thumbnail[aria-current=true]")).to_contain_text("beach")
    expect(other.locator("#text textarea")).to_have_value("a sun and a ball")


def test_the_first_visit_is_one_click_from_an_answer(page: Page, backend: ScriptedBackend) -> None:
    expect(page.locator("#examples .thumbnail[aria-current=true]")).to_have_count(1)
    steps.run(page)
    assert steps.labels(page)


@pytest.mark.parametrize(
    ("width", "height"),
    [
        pytest.param(1440, 900, id="desktop"), pytest.param(1024, 768, id="tablet"), pytest.param(390, 844, id="phone"),
    ],
)  # fmt: skip
def test_run_and_why_it_is_off_are_in_sight_at_once(open_page: Callable[..., Page], width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    expect(page.locator("#run")).to_be_in_viewport(ratio=1)
    expect(page.locator("#destination")).to_be_in_viewport(ratio=1)
    steps.choose(page, "Ground")
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator("#run-notice")).to_have_text("Type a phrase first.")
    expect(page.locator("#run-notice")).to_be_in_viewport(ratio=1)


def test_an_example_brings_its_own_question(page: Page, backend: ScriptedBackend) -> None:
    page.locator("#examples .thumbnail", has_text="street").click()
    expect(page.locator("#variant label.selected")).to_have_text("Read text with places")
    steps.run(page)
    assert backend.calls[-1].prompt == "<OCR_WITH_REGION>"


def test_an_example_after_one_of_another_kind_can_be_run(page: Page) -> None:
    for title, field in (("In the kitchen", "#classes"), ("A tidy desk", "#picker"), ("In the kitchen", "#classes")):
        page.locator("#examples .thumbnail", has_text=title).click()
        expect(page.locator(field)).to_be_visible()
        page.wait_for_timeout(1000)  # what the browser reports about the filled fields is answered
        expect(page.locator("#run")).to_be_enabled()
        expect(page.locator("#run-notice")).to_be_empty()


def test_a_style_chosen_for_one_answer_does_not_stand_in_the_way_of_the_next(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    steps.upload(page, photograph)
    steps.choose(page, "Segment")
    page.locator("#text textarea").click()
    page.keyboard.type("the square")
    steps.run(page)
    page.locator("#style-panel button").first.click()
    page.locator("#annotators label", has_text="polygon").click()
    steps.choose(page, "Detect")
    steps.run(page)
    assert steps.labels(page) == ["car", "person", "wheel"]
    steps.run(page)
    expect(page.locator("#annotators label", has_text="polygon").locator("input")).to_be_checked()


def test_a_link_with_a_style_can_be_run(
    open_page: Callable[..., Page], backend: ScriptedBackend, photograph: Path
) -> None:
    page = open_page("/?task=<OD>&draw=filled")
    steps.upload(page, photograph)
    steps.run(page)
    assert not steps.is_grey(steps.color_at(page, 0.2, 0.3))


@pytest.mark.parametrize("width", [390, 320])
def test_every_tab_is_in_its_row_on_a_phone(open_page: Callable[..., Page], photograph: Path, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 844}, has_touch=True, is_mobile=True)
    steps.upload(page, photograph)
    steps.choose(page, "Detect")
    steps.run(page)
    assert page.get_by_role("button", name="More tabs").count() == 0
    for name in ("Text", "Table", "Before/after", "JSON", "Code", "Picture"):
        tab = page.locator("#answer-tabs").get_by_role("tab", name=name, exact=True)
        tab.tap()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(tab).to_be_in_viewport(ratio=0.8)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("Compare", "Many pictures", "Explore"):
        page.locator("#modes").get_by_role("tab", name=name, exact=True).tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
