"""The stage: light, selection, tools, notes, zoom, keys, and the ways a picture comes to it."""

from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from browser import on_stage, steps
from PIL import Image
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer

HOVER_LIMIT = 50
"""Milliseconds of script between a movement of the pointer and a lit object."""


@pytest.fixture
def answered(page: Page, backend: ScriptedBackend, photograph: Path) -> Page:
    """The page with a car, a person and a wheel found."""
    steps.upload(page, photograph)
    steps.run(page)
    page.wait_for_selector(".stage-layer")
    return page


def test_pointing_at_an_object_lights_its_row_and_the_other_way_round(answered: Page) -> None:
    on_stage.point_at(answered, 0.6, 0.5)
    assert (on_stage.lit_rows(answered), on_stage.is_lit(answered)) == (["person"], True)
    expect(answered.locator(".stage-tip")).to_have_text("person")
    on_stage.point_at(answered, 0.45, 0.95)
    assert (on_stage.lit_rows(answered), on_stage.is_lit(answered)) == ([], False)
    answered.locator("#answer-list .row", has_text="wheel").hover()
    assert on_stage.is_lit(answered)
    expect(answered.locator(".stage-tip")).to_have_text("wheel")


def test_an_object_is_lit_at_once_among_hundreds(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    boxes = [[20 * (k % 25), 25 * (k // 25), 20 * (k % 25) + 60, 25 * (k // 25) + 60] for k in range(250)]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": [f"thing {k}" for k in range(250)]}}
    steps.upload(page, photograph)
    steps.run(page)
    took = page.evaluate(
        """async () => {
            const stage = document.querySelector("#stage .stage"), area = stage.getBoundingClientRect(), took = [];
            for (let k = 0; k < 30; k++) {
                const at = { clientX: area.left + area.width * (0.1 + 0.025 * k), clientY: area.top + area.height / 3 };
                const start = performance.now();
                stage.dispatchEvent(new PointerEvent("pointermove", { ...at, bubbles: true, pointerType: "mouse" }));
                took.push(performance.now() - start);
                await new Promise((resolve) => setTimeout(resolve, 10));
            }
            return took.sort((a, b) => a - b)[15];
        }"""
    )
    assert on_stage.is_lit(page)
    assert took < HOVER_LIMIT


def test_the_smallest_object_wins_and_a_click_selects_it_until_escape(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    boxes = [[60, 40, 540, 360], [240, 160, 360, 240], [180, 120, 420, 300]]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": ["large", "small", "middle"]}}
    steps.upload(page, photograph)
    steps.run(page)
    on_stage.click(page, 0.5, 0.5)
    row = page.locator("#answer-list .row", has_text="small").locator(".main")
    expect(row).to_have_attribute("aria-pressed", "true")
    expect(on_stage.tool(page, "describe")).to_be_visible()
    on_stage.point_at(page, 0.02, 0.02)
    assert on_stage.is_lit(page), "a selected object stays lit"
    page.keyboard.press("Escape")
    expect(row).to_have_attribute("aria-pressed", "false")
    expect(on_stage.tool(page, "describe")).to_be_hidden()
    assert not on_stage.is_lit(page)


def test_a_question_about_an_object_becomes_a_note_and_never_its_label(
    answered: Page, backend: ScriptedBackend
) -> None:
    on_stage.click(answered, 0.2, 0.3)
    on_stage.tool(answered, "describe").click()
    note = answered.locator(".stage-note.done")
    expect(note).to_contain_text("a red car")
    assert backend.calls[-1].prompt.startswith("<REGION_TO_DESCRIPTION><loc_50><loc_100><loc_400><loc_600>")
    assert answered.locator("#answer-list .name").all_inner_texts() == ["car", "person", "wheel"]
    expect(answered.locator("#answer-list .row", has_text="car").locator(".main")).to_have_attribute(
        "aria-pressed", "true"
    )
    note.get_by_role("button", name="Close note").click()
    expect(note).to_have_count(0)
    answered.locator("#answer-list .row", has_text="wheel").hover()
    answered.locator("#answer-list .row", has_text="wheel").locator(".eye").click()
    expect(answered.locator("#answer-list .row.off")).to_have_count(1)
    answered.wait_for_timeout(500)
    expect(note).to_have_count(0)


def test_a_question_that_fails_is_said_at_its_place(answered: Page, backend: ScriptedBackend) -> None:
    backend.fault = faults.status(500)
    on_stage.click(answered, 0.2, 0.3)
    on_stage.tool(answered, "read").click()
    expect(answered.locator(".stage-note.failed")).not_to_be_empty()
    expect(answered.locator("#stage .stage")).to_have_attribute("data-state", "done")


def test_segment_turns_the_objects_box_into_its_outline(answered: Page, backend: ScriptedBackend) -> None:
    on_stage.click(answered, 0.2, 0.3)
    before = answered.locator(".stage-lit").get_attribute("d")
    triangle = [[[30, 40, 240, 40, 135, 240]]]
    backend.answer = lambda prompt, size: {"<REGION_TO_SEGMENTATION>": {"polygons": triangle, "labels": [""]}}
    on_stage.tool(answered, "segment").click()
    answered.wait_for_function(
        "before => document.querySelector('.stage-lit').getAttribute('d') !== before", arg=before
    )
    assert answered.locator(".stage-lit").get_attribute("d").count("L") == 2
    expect(answered.locator(".stage-note")).to_have_count(0)
    on_stage.point_at(answered, 0.07, 0.55)
    assert on_stage.lit_rows(answered) == [], "the corner of the box is outside the outline"


def test_a_cut_out_is_shown_beside_the_object_and_its_other_note(
    page: Page, backend: ScriptedBackend, photograph: Path
) -> None:
    cow = {"<OD>": {"bboxes": [[42, 196, 176, 300]], "labels": ["cow"]}}
    backend.answer = lambda prompt, size: cow if prompt == "<OD>" else plausible_answer(prompt, size)
    steps.upload(page, photograph)
    steps.run(page)
    on_stage.click(page, 0.18, 0.62)
    on_stage.tool(page, "describe").click()
    page.wait_for_selector(".stage-note.done")
    on_stage.tool(page, "cut").click()
    page.wait_for_function("document.querySelector('.stage-note img')?.complete")
    page.wait_for_timeout(100)
    told, cut = (note.bounding_box() for note in page.locator(".stage-note").all())
    assert cut["x"] + cut["width"] <= told["x"] or cut["y"] + cut["height"] <= told["y"]
    assert cut["y"] + cut["height"] <= on_stage.place(page, 0.18, 0.49)[1], "above the cow"


def test_what_is_cut_out_can_be_saved_in_full_size(answered: Page, tmp_path: Path) -> None:
    on_stage.click(answered, 0.2, 0.3)
    on_stage.tool(answered, "cut").click()
    with answered.expect_download() as download:
        answered.locator(".stage-note a").click()
    download.value.save_as(tmp_path / "cut.png")
    with Image.open(tmp_path / "cut.png") as image:
        assert image.size == (210, 200)


def test_hide_takes_an_object_off_the_stage_without_a_call(answered: Page, backend: ScriptedBackend) -> None:
    calls = backend.count
    on_stage.click(answered, 0.2, 0.3)
    answered.locator(".stage-tools").get_by_role("button", name="Hide").click()
    expect(answered.locator("#answer-list .row.off .name")).to_have_text(["car"])
    on_stage.point_at(answered, 0.2, 0.3)
    assert on_stage.lit_rows(answered) == []
    assert backend.count == calls


def test_the_wheel_zooms_at_the_pointer_and_a_double_click_fits(answered: Page, backend: ScriptedBackend) -> None:
    calls = backend.count
    x, y = on_stage.place(answered, 0.25, 0.5)  # the picture is centered where it does not fill the stage
    answered.mouse.move(x, y)
    for _ in range(4):
        answered.mouse.wheel(0, -120)
    expect(answered.locator(".stage-zoom .percent")).not_to_have_text("100 %")
    assert on_stage.place(answered, 0.25, 0.5) == pytest.approx((x, y), abs=3), "whole pixels"
    expect(answered.locator(".stage-layer.part")).to_have_count(1)  # what is seen now is drawn anew
    answered.mouse.dblclick(*on_stage.place(answered, 0.45, 0.3))
    expect(answered.locator(".stage-zoom .percent")).to_have_text("100 %")
    expect(answered.locator(".stage-layer.part")).to_have_count(0)
    assert backend.count == calls


def test_the_picture_never_leaves_the_stage(answered: Page) -> None:
    answered.focus(steps.STAGE)
    for key in ["+"] * 3 + ["ArrowLeft"] * 40:
        answered.keyboard.press(key)
    stage, picture = (answered.locator(name).bounding_box() for name in (steps.STAGE, ".stage-picture"))
    assert picture["x"] == pytest.approx(stage["x"], abs=1)
    answered.keyboard.press("0")
    assert on_stage.zoom(answered) == "100 %"


def test_the_stage_is_used_by_keyboard_alone(answered: Page) -> None:
    answered.focus(steps.STAGE)
    for key in ("n", "n", "p"):
        answered.keyboard.press(key)
    assert on_stage.is_lit(answered)
    expect(answered.locator(".stage-said")).to_have_text("1, car")
    answered.keyboard.press("Enter")
    assert on_stage.focused(answered) == "describe"
    answered.keyboard.press("ArrowRight")
    assert on_stage.focused(answered) == "name"
    answered.keyboard.press("Escape")
    assert (on_stage.focused(answered), on_stage.is_lit(answered)) == ("stage", False)
    answered.locator("#answer-list .row", has_text="person").locator(".main").focus()
    answered.keyboard.press("Enter")
    assert on_stage.focused(answered) == "describe", "from the list straight to the tools"
    answered.keyboard.press("Escape")
    assert on_stage.focused(answered) == "main", "and back to the row"


def test_the_stage_has_one_tab_stop_and_one_more_for_each_thing_to_use(answered: Page) -> None:
    def stops() -> int:
        return answered.evaluate(
            """() => [document.querySelector("#stage .stage"), ...document.querySelectorAll("#stage .stage *")]
                .filter((node) => node.tabIndex >= 0 && node.getClientRects().length && !node.disabled).length"""
        )

    assert stops() == 1
    on_stage.click(answered, 0.2, 0.3)
    assert stops() == 2, "the toolbar"
    on_stage.tool(answered, "name").click()
    answered.wait_for_selector(".stage-note.done")
    assert stops() == 3, "the note's button"


def test_nothing_moves_when_an_answer_comes(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    page.evaluate(
        """() => {
            window.shift = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shift += entry.value; }))
                .observe({ type: "layout-shift" });
        }"""
    )
    before = page.locator(steps.STAGE).bounding_box()
    backend.delay = 0.5
    page.click("#run")
    page.wait_for_selector("#stage .stage[data-state=busy]")
    assert page.locator(steps.STAGE).bounding_box() == before
    assert page.evaluate("document.getAnimations().filter((a) => a.playState === 'running').length") == 0, "calm"
    page.wait_for_selector("#stage .stage[data-state=done]")
    page.wait_for_selector(".stage-layer")
    assert page.locator(steps.STAGE).bounding_box() == before
    assert page.evaluate("window.shift") < 0.02


@pytest.mark.parametrize(
    ("size", "is_beside"),
    [pytest.param((300, 600), True, id="portrait"), pytest.param((600, 400), False, id="landscape")],
)
def test_a_caption_is_read_beside_or_over_its_picture_without_scrolling(
    page: Page, backend: ScriptedBackend, tmp_path: Path, size: tuple[int, int], is_beside: bool
) -> None:
    Image.new("RGB", size, (90, 120, 90)).save(tmp_path / "picture.png")
    steps.upload(page, tmp_path / "picture.png")
    steps.choose(page, "<CAPTION>")
    steps.run(page)
    caption = page.locator(".stage-caption")
    expect(caption).to_contain_text("A red car next to a person.")
    picture, stage, label = (
        page.locator(name).bounding_box() for name in (".stage-picture", steps.STAGE, ".stage-caption")
    )
    assert (label["x"] >= picture["x"] + picture["width"]) == is_beside
    assert stage["y"] < label["y"]
    assert label["y"] + label["height"] <= stage["y"] + stage["height"]


def drop(page: Page, name: str, kind: str) -> None:
    """Drop a picture of 300 x 200 pixels, or a file that claims another type, somewhere on the page."""
    page.evaluate(
        """async ([name, type]) => {
            const canvas = document.createElement("canvas"), files = new DataTransfer();
            canvas.width = 300;
            canvas.height = 200;
            const blob = await new Promise((resolve) => canvas.toBlob(resolve));
            files.items.add(new File([blob], name, { type }));
            for (const kind of ["dragenter", "dragover", "drop"]) {
                const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: files });
                document.querySelector("#side").dispatchEvent(event);
            }
        }""",
        [name, kind],
    )


def test_a_picture_is_dropped_anywhere_on_the_page(answered: Page) -> None:
    before = answered.get_attribute(".stage-picture", "src")
    drop(answered, "dropped.png", "image/png")
    expect(answered.locator(steps.STAGE)).to_have_attribute("data-state", "ready")
    assert answered.get_attribute(".stage-picture", "src") != before
    box = answered.locator(".stage-picture").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(1.5, abs=0.01)
    expect(answered.locator(".stage-drop")).to_be_hidden()


def test_a_dropped_file_that_is_not_a_picture_leaves_the_answer_where_it_is(answered: Page) -> None:
    drop(answered, "notes.pdf", "application/pdf")
    expect(answered.locator(".stage-notice")).to_contain_text("notes.pdf is not a picture")
    expect(answered.locator(steps.STAGE)).to_have_attribute("data-state", "done")
    on_stage.click(answered, 0.2, 0.3)
    expect(answered.locator(".stage-notice")).not_to_contain_text("not a picture")


def test_a_large_picture_comes_in_the_size_of_a_screen(page: Page, backend: ScriptedBackend, tmp_path: Path) -> None:
    Image.new("RGB", (4000, 3000), (90, 120, 90)).save(tmp_path / "large.jpg")
    steps.upload(page, tmp_path / "large.jpg")
    steps.run(page)
    page.wait_for_selector(".stage-layer")
    widths = page.evaluate("[...document.querySelectorAll('#stage img')].map((image) => image.naturalWidth)")
    assert max(widths) <= 1600


WITHOUT = """
    Object.defineProperty(navigator, "mediaDevices", { value: undefined });
    Object.defineProperty(navigator, "clipboard", { value: { writeText: async () => {} } });
"""


@pytest.mark.parametrize("has_them", [pytest.param(True, id="with both"), pytest.param(False, id="with neither")])
def test_a_browser_without_camera_or_clipboard_offers_neither(
    open_page: Callable[..., Page], page: Page, has_them: bool
) -> None:
    context = page.context
    if not has_them:
        context.add_init_script(WITHOUT)
    shown = open_page(context=context)
    shown.click("#open")
    for how in ("camera", "paste"):
        expect(shown.locator(f"#open-pop [data-how={how}]")).to_be_visible(visible=has_them)
    expect(shown.locator("#open-pop [data-how=file]")).to_be_visible()


def test_restyling_keeps_the_selection_and_a_new_answer_drops_it(answered: Page, backend: ScriptedBackend) -> None:
    backend.answer = plausible_answer
    on_stage.click(answered, 0.2, 0.3)
    answered.click("#open-style")
    drawing = answered.locator(".stage-layer").get_attribute("src")
    answered.locator("#labels input").uncheck()
    answered.wait_for_function(
        "before => document.querySelector('.stage-layer').getAttribute('src') !== before", arg=drawing
    )
    assert on_stage.is_lit(answered)
    steps.run(answered)
    assert not on_stage.is_lit(answered)
