"""Compare: the verdict, one picture of who found what, a divider, two stages that move together, and the table."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.on_modes import choose_model, choose_task, enter, put_picture, serious
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend

ONE_SAW = {"bboxes": [[30, 40, 240, 240], [300, 80, 420, 360]], "labels": ["car", "person"]}
TWO_SAW = {"bboxes": [[32, 40, 242, 240], [10, 300, 100, 390], [450, 20, 580, 90]], "labels": ["car", "dog", "kite"]}
LIT = re.compile(r"\blit\b")
VERDICT = "two/2 finds 1 more: only one/1: 1 person; only two/2: dog, kite."


def compare(page: Page) -> None:
    """Press Compare, and wait for both sides."""
    page.click("#compare-run")
    page.wait_for_selector("#compare-found-by [data-state=done]")
    page.wait_for_selector("#compare-run")


def show(page: Page, layout: str) -> None:
    """Choose a layout."""
    page.locator("#compare-verdict label", has_text=layout).click()


@pytest.fixture
def two_models(backend: ScriptedBackend):
    """The scripted server, which answers by model; at the end it forgets what to answer."""
    answers: dict[str, dict[str, object]] = {}
    respond = type(backend).body

    def body(call):
        whole = respond(backend, call)
        return whole | {"response": answers[call.model_id]} if call.model_id in answers else whole

    backend.body = body
    backend.by_model = answers
    yield backend
    del backend.body, backend.by_model


@pytest.fixture
def compared(two_models: ScriptedBackend, photograph: Path) -> Callable[[Page], Page]:
    """Compare two answers of which one has a person, the other a dog and a kite."""

    def do(page: Page) -> Page:
        two_models.by_model.update({"one/1": {"<OD>": ONE_SAW}, "two/2": {"<OD>": TWO_SAW}})
        put_picture(page, photograph)
        enter(page, "Compare")
        choose_model(page, "left", "one/1")
        choose_model(page, "right", "two/2")
        compare(page)
        return page

    return do


@pytest.mark.parametrize("device", ["page", "phone"])
def test_the_verdict_comes_first_then_the_colors_then_the_table(
    request: pytest.FixtureRequest, device: str, compared: Callable[[Page], Page]
) -> None:
    page = compared(request.getfixturevalue(device))
    expect(page.locator("#compare-verdict .verdict-words")).to_have_text(VERDICT)
    assert page.locator(".verdict-words").evaluate("node => parseFloat(getComputedStyle(node).fontSize)") >= 15
    expect(page.locator("#compare-found-by .legend li")).to_have_text(["only one/11", "only two/22", "both1"])
    expect(page.locator("#compare-found-by tbody th")).to_have_text(["person", "dog", "kite", "car"])
    expect(page.locator("#compare-found-by tbody .differs th")).to_have_text(["person", "dog", "kite"])
    expect(page.locator("#compare-stage .stage-picture")).to_have_attribute(
        "alt", "Found by both: 1, only one/1: 1, only two/2: 2."
    )
    page.wait_for_selector("#compare-stage .stage-layer[src*=comparison]")


def test_nothing_moves_when_the_answers_come(page: Page, two_models: ScriptedBackend, photograph: Path) -> None:
    put_picture(page, photograph)
    enter(page, "Compare")
    page.wait_for_selector("#compare-stage [data-state=ready]")
    before = page.locator("#compare-stage").bounding_box()
    compare(page)
    assert page.locator("#compare-stage").bounding_box() == before


def test_the_divider_is_moved_by_mouse_and_keys(page: Page, compared: Callable[[Page], Page]) -> None:
    compared(page)
    show(page, "Slider")
    divider = page.locator("#compare-stage .stage-divider")
    expect(divider).to_have_attribute("aria-label", "one/1 at the left, two/2 at the right")
    expect(page.locator("#compare-stage .stage-layer")).to_have_count(2)
    expect(page.locator("#compare-stage .stage-tag")).to_have_text(["one/1", "two/2"])
    divider.focus()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    page.keyboard.press("Home")
    expect(divider).to_have_attribute("aria-valuenow", "0")
    area = page.locator("#compare-stage .stage").bounding_box()
    page.mouse.move(area["x"] + 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.75, area["y"] + 9, steps=4)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "75")


def test_two_stages_zoom_and_light_together(page: Page, compared: Callable[[Page], Page]) -> None:
    compared(page)
    show(page, "Side by side")
    first, second = page.locator("#compare-stage .stage"), page.locator("#compare-stage-2 .stage")
    expect(page.locator("#compare-stage-2 .stage-layer")).to_have_count(1)
    expect(second.locator(".stage-tag")).to_have_text("two/2")
    page.locator("#compare-found-by tbody tr", has_text="car").hover()
    for stage in (first, second):
        expect(stage).to_have_class(LIT)
    page.locator("#compare-found-by tbody tr", has_text="kite").hover()
    expect(first).not_to_have_class(LIT)
    expect(second).to_have_class(LIT)
    first.focus()
    page.keyboard.press("+")
    for stage in (first, second):
        expect(stage.locator(".stage-zoom")).to_contain_text("125")


def test_texts_are_marked_where_they_differ(page: Page, two_models: ScriptedBackend, photograph: Path) -> None:
    two_models.by_model.update(
        {"one/1": {"<CAPTION>": "A red <b>car</b>."}, "two/2": {"<CAPTION>": "A blue <b>car</b>."}}
    )
    put_picture(page, photograph)
    enter(page, "Compare")
    choose_task(page, "Brief caption")
    choose_model(page, "left", "one/1")
    choose_model(page, "right", "two/2")
    compare(page)
    expect(page.locator(".verdict-words")).to_have_text("Both write 3 words: 2 of them the same.")
    expect(page.locator(".found-text mark")).to_have_text(["red ", "blue "])
    expect(page.locator(".found-text").first).to_have_text("A red <b>car</b>.")
    expect(page.locator(".found-table")).to_be_hidden()


def test_two_tasks_of_one_model_are_compared_by_place(
    page: Page, two_models: ScriptedBackend, photograph: Path
) -> None:
    boxes = {"bboxes": ONE_SAW["bboxes"], "labels": ["a red car", "somebody"]}
    two_models.by_model["one/1"] = {"<OD>": ONE_SAW, "<DENSE_REGION_CAPTION>": boxes}
    put_picture(page, photograph)
    enter(page, "Compare")
    choose_model(page, "left", "one/1")
    choose_model(page, "right", "one/1", shown="second")
    page.click("#compare-right button")
    page.click("#compare-right-task input")
    page.get_by_role("option", name="Describe every region").click()
    expect(page.locator("#compare-right button")).to_contain_text("Describe every region")
    page.keyboard.press("Escape")
    compare(page)
    expect(page.locator(".verdict-words")).to_have_text("Both find 2 objects in the same places")
    rows = page.locator("#compare-found-by tbody tr")
    expect(rows.locator("th")).to_have_text(["car / a red car", "person / somebody"])
    expect(rows.locator("td")).to_have_text(["1", "1", "1", "1"])
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.locator("#compare-sides .icon:visible")).to_have_count(2)
        for name in page.locator("#compare-sides .side-button span").all():
            assert name.evaluate(
                "node => node.scrollHeight <= node.clientHeight && node.scrollWidth <= node.clientWidth"
            )


def test_one_side_that_fails_leaves_the_other_and_its_key_is_typed_here(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    put_picture(page, photograph)
    enter(page, "Compare")
    page.click("#compare-right button")
    expect(page.locator("#compare-right-key")).to_be_hidden()
    page.locator("#compare-right-backend label", has_text="Roboflow serverless").click()
    expect(page.locator("#compare-right-key input")).to_be_visible()
    page.keyboard.press("Escape")
    compare(page)
    expect(page.locator(".verdict-words")).to_contain_text("answered: there is nothing to compare it with.")
    expect(page.locator("#compare-found-by [data-tone=error]")).to_contain_text("API key")
    page.wait_for_selector("#compare-stage [data-state=done] .stage-layer")


def test_both_are_asked_at_the_same_time_and_stop_ends_both(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    put_picture(page, photograph)
    enter(page, "Compare")
    backend.delay = 60
    page.click("#compare-run")
    backend.wait_for(lambda b: b.running == 2)
    page.click("#compare-stop")
    backend.wait_for(lambda b: b.running == 0)
    expect(page.locator("#compare-run")).to_be_visible()
    expect(page.locator("#compare-notice")).to_contain_text("Stopped")


def test_what_the_task_lacks_is_typed_in_the_dock_and_enter_compares(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    put_picture(page, photograph)
    enter(page, "Compare")
    choose_task(page, "Ground a caption")
    before = backend.count
    page.click("#compare-run")
    expect(page.locator("#compare-notice")).to_contain_text("needs a phrase")
    assert backend.count == before
    page.fill("#phrase input", "a car")
    page.keyboard.press("Enter")
    page.wait_for_selector("#compare-found-by [data-state=done]")
    assert backend.count - before == 2
    assert {call.prompt for call in backend.calls[before:]} == {"<CAPTION_TO_PHRASE_GROUNDING>a car"}


def test_another_picture_from_the_strip_is_compared_next(
    page: Page, compared: Callable[[Page], Page], backend: ScriptedBackend
) -> None:
    compared(page)
    old = page.locator("#compare-stage .stage-picture").get_attribute("src")
    page.locator("#film-strip .thumb").nth(1).click()
    page.wait_for_function("old => document.querySelector('#compare-stage .stage-picture').src !== old", arg=old)
    expect(page.locator("#compare-found-by tbody tr")).to_have_count(0)


def test_another_task_keeps_the_comparison_and_marks_it_until_its_own_is_chosen_again(
    page: Page, compared: Callable[[Page], Page]
) -> None:
    compared(page)
    enter(page, "Many pictures")
    choose_task(page, "Brief caption")
    enter(page, "Compare")
    expect(page.locator("#compare-stage .stage-notice")).to_have_text("From the last comparison: Find objects.")
    page.wait_for_selector("#compare-stage [data-state=stale] .stage-layer[src*=comparison]")
    expect(page.locator("#compare-verdict .verdict-words")).to_have_text(VERDICT)
    expect(page.locator("#compare-found-by tbody tr")).to_have_count(4)
    choose_task(page, "Find objects")
    page.wait_for_selector("#compare-stage [data-state=done] .stage-layer[src*=comparison]")


def test_two_sides_that_ask_the_same_are_warned_of(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    put_picture(page, photograph)
    enter(page, "Compare")
    choose_model(page, "left", "one/1")
    page.click("#compare-right button")
    expect(page.locator("#compare-right-pop")).to_be_visible()
    expect(page.locator(".options")).to_have_count(0)
    page.keyboard.press("Escape")
    choose_model(page, "right", "one/1", shown="second")
    expect(page.locator("#compare-notice")).to_contain_text("Both sides ask the same.")
    assert page.locator("#compare-notice .notice").bounding_box()["width"] > 300, "in one line"
    choose_model(page, "right", "two/2")
    expect(page.locator("#compare-notice")).not_to_contain_text("the same")


def test_a_comparison_can_be_taken_away(page: Page, compared: Callable[[Page], Page], tmp_path: Path) -> None:
    compared(page)
    page.click("#open-compare-table")
    expect(page.locator("#compare-table")).to_contain_text("only two/2")
    page.click("#open-compare-download")
    with page.expect_download() as download:
        page.click("#compare-download-csv")
    download.value.save_as(tmp_path / "comparison.csv")
    with (tmp_path / "comparison.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["found by"], row["label"]) for row in rows] == [
        ("only one/1", "person"),
        ("only two/2", "dog"),
        ("only two/2", "kite"),
        ("both", "car"),
    ]
    with page.expect_download() as download:
        page.click("#compare-download-json")
    download.value.save_as(tmp_path / "comparison.json")
    assert len(json.loads((tmp_path / "comparison.json").read_text("utf-8"))["objects"]) == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [pytest.param(1440, id="wide"), pytest.param(390, id="narrow")])
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Page], compared: Callable[[Page], Page], scheme: str, width: int
) -> None:
    page = compared(open_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True))
    for layout in ("One picture", "Slider", "Side by side"):
        show(page, layout)
        page.wait_for_timeout(300)
        assert serious(page) == []


def test_after_a_reload_the_comparison_is_there_again(page: Page, compared: Callable[[Page], Page]) -> None:
    compared(page)
    show(page, "Side by side")
    page.wait_for_selector("#compare-stage-2 .stage-layer")
    asked = page.locator("#compare-verdict .verdict-words").inner_text()
    page.reload()
    page.wait_for_selector("#compare #dock")
    expect(page.locator("#compare-verdict .verdict-words")).to_have_text(asked)
    expect(page.locator("#compare-left button")).to_contain_text("one/1")
    expect(page.locator("#compare-right button")).to_contain_text("two/2")
    expect(page.locator("#compare-stage-2 .stage-layer")).to_be_visible()


def test_after_a_reload_the_pair_still_follows_what_can_answer(page: Page, photograph: Path) -> None:
    put_picture(page, photograph)
    enter(page, "Compare")
    sides = page.locator("#compare-sides button")
    expect(page.locator("#compare-left button")).not_to_contain_text("…")
    before = sides.all_text_contents()
    page.reload()
    page.wait_for_selector("#compare #dock")
    expect(sides).to_have_text(before)
