"""Many pictures: tiles, totals that filter, the viewer, retries of failures alone, Stop and continue, downloads."""

import asyncio
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser.conftest import DESKTOP
from browser.on_modes import choose_task, enter, serious
from hosting.running import RunningApp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer

BAD_SIZE = (123, 77)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six pictures, the fourth of a size of its own."""
    folder = tmp_path_factory.mktemp("many")
    paths = [folder / f"picture-{number}.jpg" for number in range(6)]
    for number, path in enumerate(paths):
        Image.new("RGB", BAD_SIZE if number == 3 else (320, 200), (40 * number, 99, 120)).save(path)
    return paths


def add(page: Page, paths: list[Path]) -> None:
    """Open the mode and choose files."""
    enter(page, "Many pictures")
    page.set_input_files("#batch-contact-sheet input[type=file]", paths)
    expect(page.locator(".tile[data-state=waiting] img[src*=thumbnail]")).to_have_count(len(paths))


def states(page: Page) -> list[str]:
    """Every tile's state."""
    return page.locator(".tile").evaluate_all("tiles => tiles.map((tile) => tile.dataset.state)")


def run_all(page: Page, words: str, button: str = "#batch-run") -> None:
    """Press a button, and wait until the work has ended with these words."""
    page.click(button)
    expect(page.locator(".sheet-words")).to_have_text(words)
    page.wait_for_selector("#batch-run", state="visible")


@contextmanager
def one_hangs(backend: ScriptedBackend) -> Iterator[None]:
    """Let the picture of `BAD_SIZE` wait for its answer for a minute."""
    usual = backend.respond

    async def respond(request, call):
        await asyncio.sleep(60 if call.image_size == BAD_SIZE else 0)
        return await usual(request, call)

    backend.respond = respond
    try:
        yield
    finally:
        del backend.respond


def stop_at_five(page: Page, backend: ScriptedBackend) -> None:
    """Run until five are done and one hangs, and press Stop."""
    with one_hangs(backend):
        page.click("#batch-run")
        expect(page.locator(".tile[data-state=done]")).to_have_count(5, timeout=60_000)
        expect(page.locator(".tile .mark", has_text="looking")).to_have_count(1)
        page.click("#batch-stop")
        expect(page.locator("#batch-run")).to_have_text("Run 1 more")
        backend.wait_for(lambda b: b.running == 0)


def test_without_pictures_the_mode_says_what_goes_where(page: Page, pictures: list[Path]) -> None:
    enter(page, "Many pictures")
    expect(page.locator("#batch-contact-sheet h2")).to_have_text("Drop pictures here")
    page.click("#batch-run")
    expect(page.locator("#batch-notice")).to_contain_text("There are no pictures yet.")
    add(page, pictures[:2])
    expect(page.locator("#batch-contact-sheet h2")).to_be_hidden()
    expect(page.locator(".sheet-words")).to_have_text("2 pictures")
    expect(page.locator("#batch-run")).to_have_text("Run on 2")


def test_pictures_are_added_and_removed(page: Page, pictures: list[Path]) -> None:
    add(page, pictures[:2])
    page.set_input_files("#batch-contact-sheet input[type=file]", pictures[2:3])
    expect(page.locator(".tile b")).to_have_text(["picture-0.jpg", "picture-1.jpg", "picture-2.jpg"])
    page.locator("li", has_text="picture-1.jpg").hover()
    page.get_by_role("button", name="Remove picture-1.jpg").click()
    expect(page.locator(".tile b")).to_have_text(["picture-0.jpg", "picture-2.jpg"])
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#batch-contact-sheet h2")).to_be_visible()


@pytest.mark.parametrize("count", [2, 6])
def test_tiles_are_as_large_as_the_room_allows(page: Page, pictures: list[Path], count: int) -> None:
    add(page, pictures[:count])
    room, last = page.locator(".sheet-tiles").bounding_box(), page.locator(".tile").last.bounding_box()
    assert last["y"] + last["height"] <= room["y"] + room["height"] + 1, "all of them are seen"
    assert last["width"] >= 300


def test_a_file_that_is_no_picture_is_listed_with_its_reason(page: Page, pictures: list[Path], tmp_path: Path) -> None:
    words = tmp_path / "x;=WEBSERVICE(A1);y.md"
    words.write_text("These are words.")
    enter(page, "Many pictures")
    page.set_input_files("#batch-contact-sheet input[type=file]", [pictures[0], words])
    expect(page.locator(".tile[data-state=unreadable] .mark")).to_contain_text("not a supported picture")
    expect(page.locator("#batch-run")).to_have_text("Run on 1")
    run_all(page, "1 of 1 answered")
    expect(page.locator("#batch-retry")).to_be_hidden()
    page.click("#open-batch-table")
    expect(page.locator("#batch-table")).to_contain_text("x;'=WEBSERVICE(A1);y.md")


@pytest.mark.parametrize("device", ["page", "phone"])
def test_all_are_answered_and_a_failed_one_is_tried_again_alone(
    request: pytest.FixtureRequest, device: str, backend: ScriptedBackend, pictures: list[Path]
) -> None:
    page = request.getfixturevalue(device)
    backend.answer = lambda prompt, size: {} if size == BAD_SIZE else plausible_answer(prompt, size)
    add(page, pictures)
    before = backend.count
    run_all(page, "5 of 6 answered")
    assert states(page) == ["done", "done", "done", "failed", "done", "done"]
    assert backend.count - before == 6
    expect(page.locator(".chip")).to_have_text(["1 failed"])
    backend.answer = plausible_answer
    run_all(page, "6 of 6 answered", "#batch-retry")
    assert backend.count - before == 7, "only the failed one is asked about again"
    expect(page.locator("#batch-retry")).to_be_hidden()


def test_totals_and_chips_filter_and_the_order_can_be_chosen(
    page: Page, backend: ScriptedBackend, pictures: list[Path]
) -> None:
    nothing = {"<OD>": {"bboxes": [], "labels": []}}
    backend.answer = lambda prompt, size: nothing if size == BAD_SIZE else plausible_answer(prompt, size)
    add(page, pictures)
    run_all(page, "6 of 6 answered")
    backend.answer = plausible_answer
    expect(page.locator(".totals-title")).to_have_text("15 found")
    expect(page.locator(".totals-source")).to_have_text("3 kinds in 5 pictures")
    page.locator(".total", has_text="car").click()
    expect(page.locator(".tile")).to_have_count(5)
    expect(page.locator(".chip[aria-pressed=true]")).to_have_text("Contains: car ×")
    page.locator(".chip", has_text="1 nothing found").click()
    expect(page.locator(".tile b")).to_have_text(["picture-3.jpg"])
    page.locator(".chip", has_text="1 nothing found").click()
    page.locator(".sheet-order select").select_option("most found")
    expect(page.locator(".tile b").last).to_have_text("picture-3.jpg")


def test_stop_keeps_what_is_done_and_the_next_run_asks_only_about_the_rest(
    page: Page, backend: ScriptedBackend, pictures: list[Path]
) -> None:
    add(page, pictures)
    stop_at_five(page, backend)
    expect(page.locator(".sheet-words")).to_contain_text("stopped")
    before = backend.count
    run_all(page, "6 of 6 answered")
    assert backend.count - before == 1


def test_another_task_starts_over_and_no_file_mixes_two_questions(
    page: Page, backend: ScriptedBackend, pictures: list[Path], tmp_path: Path
) -> None:
    add(page, pictures)
    stop_at_five(page, backend)
    choose_task(page, "Describe every region")
    expect(page.locator("#batch-run")).to_have_text("Run on 6")
    run_all(page, "6 of 6 answered")
    page.click("#open-batch-download")
    with page.expect_download() as download:
        page.click("#batch-json")
    download.value.save_as(tmp_path / "all.json")
    tasks = [record["task"] for record in json.loads((tmp_path / "all.json").read_text("utf-8"))]
    assert tasks == ["<DENSE_REGION_CAPTION>"] * 6
    expect(page.locator("#batch-run")).to_have_text("Run 6 again")


def test_a_share_for_validation_is_held_back(page: Page, pictures: list[Path], tmp_path: Path) -> None:
    add(page, pictures[:2])
    run_all(page, "2 of 2 answered")
    page.click("#open-batch-download")
    page.locator("#batch-validation input[type=number]").fill("50")
    page.locator("#batch-validation input[type=number]").press("Tab")
    with page.expect_download() as download:
        page.click("#batch-yolo")
    download.value.save_as(tmp_path / "all.zip")
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert sorted(name.rpartition("/")[0] for name in names if name.endswith(".jpg")) == ["images/train", "images/val"]


def test_all_can_be_taken_away(page: Page, backend: ScriptedBackend, pictures: list[Path], tmp_path: Path) -> None:
    add(page, pictures[:2])
    run_all(page, "2 of 2 answered")
    before = backend.count
    page.click("#open-batch-download")
    with page.expect_download() as download:
        page.click("#batch-json")
    download.value.save_as(tmp_path / "all.json")
    records = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert [record["picture"] for record in records] == ["picture-0.jpg", "picture-1.jpg"]
    assert [len(record["detections"]) for record in records] == [3, 3]
    with page.expect_download() as download:
        page.click("#batch-coco")
    download.value.save_as(tmp_path / "all.zip")
    assert "annotations/instances_default.json" in zipfile.ZipFile(tmp_path / "all.zip").namelist()
    with page.expect_download() as download:
        page.click("#batch-jpeg")
    download.value.save_as(tmp_path / "drawn.zip")
    assert zipfile.ZipFile(tmp_path / "drawn.zip").namelist() == ["picture-0.jpg", "picture-1.jpg"]
    assert backend.count == before, "taking away asks nothing"


def test_one_opens_large_with_the_others_beside_it_and_goes_on_in_explore(
    page: Page, backend: ScriptedBackend, pictures: list[Path]
) -> None:
    add(page, pictures[:3])
    run_all(page, "3 of 3 answered")
    before = backend.count
    page.locator(".tile").nth(1).click()
    expect(page.locator(".viewer-title")).to_have_text("picture-1.jpg")
    expect(page.locator(".viewer-words")).to_have_text("3 found, 2 of 3")
    page.wait_for_selector("#batch-stage .stage-layer")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".viewer-title")).to_have_text("picture-2.jpg")
    page.get_by_role("button", name="Previous picture").click()
    expect(page.locator(".viewer-title")).to_have_text("picture-1.jpg")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.viewer")).to_be_hidden()
    page.locator(".tile").first.click()
    page.get_by_role("button", name="Open in Explore").click()
    page.wait_for_selector("#explore #dock")
    page.wait_for_selector("#stage [data-state=done] .stage-layer")
    expect(page.locator("#answer-list .list-title")).to_have_text("3 found")
    assert backend.count == before, "looking asks nothing"


def test_several_pictures_that_are_dropped_in_explore_come_here(page: Page, pictures: list[Path]) -> None:
    page.set_input_files("#stage input[type=file]", pictures[:3])
    page.wait_for_selector("#batch #dock")
    expect(page.locator(".tile b")).to_have_text(["picture-0.jpg", "picture-1.jpg", "picture-2.jpg"])


@pytest.fixture
def roomy(browser: Browser, backend: ScriptedBackend) -> Iterator[Page]:
    """A page whose operator allows larger pictures than is usual."""
    with RunningApp(FLORENCE_UI_LOCAL_URL=backend.url, FLORENCE_UI_MAX_MEGAPIXELS="60") as app:
        context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(app.url)
        page.wait_for_selector("#run")
        yield page
        context.close()


def test_data_sets_obey_limits_that_are_raised(roomy: Page, tmp_path: Path) -> None:
    Image.new("L", (8500, 6000), 99).save(tmp_path / "large.png")
    add(roomy, [tmp_path / "large.png"])
    run_all(roomy, "1 of 1 answered")
    roomy.click("#open-batch-download")
    with roomy.expect_download() as download:
        roomy.click("#batch-coco")
    download.value.save_as(tmp_path / "all.zip")
    assert "images/large.png" in zipfile.ZipFile(tmp_path / "all.zip").namelist()


@pytest.mark.parametrize(
    ("task", "words"),
    [
        pytest.param("Ground a caption", "needs a phrase", id="words"),
        pytest.param("Name a region", "A region belongs to one picture.", id="a-region-of-one-picture"),
    ],
)
def test_what_a_task_lacks_is_said_before_any_call(
    page: Page, backend: ScriptedBackend, pictures: list[Path], task: str, words: str
) -> None:
    add(page, pictures[:1])
    before = backend.count
    choose_task(page, task)
    page.click("#batch-run")
    expect(page.locator("#batch-notice")).to_contain_text(words)
    assert backend.count == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [pytest.param(1440, id="wide"), pytest.param(390, id="narrow")])
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Page], backend: ScriptedBackend, pictures: list[Path], scheme: str, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    enter(page, "Many pictures")
    assert serious(page) == []
    add(page, pictures[:3])
    run_all(page, "3 of 3 answered")
    assert serious(page) == []
    page.locator(".tile").first.click()
    page.wait_for_selector("#batch-stage .stage-layer")
    assert serious(page) == []


def test_however_many_classes_are_found_the_buttons_stay_in_the_window(
    open_page: Callable[..., Page], backend: ScriptedBackend, pictures: list[Path]
) -> None:
    boxes = [[10 + 4 * number, 10, 60 + 4 * number, 150] for number in range(60)]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": [f"thing {k}" for k in range(60)]}}
    page = open_page(viewport={"width": 1200, "height": 675})
    add(page, pictures[:2])
    run_all(page, "2 of 2 answered")
    lowest = page.locator("#batch .drawers button").last.bounding_box()
    assert lowest["y"] + lowest["height"] <= 675
    last = page.locator("#batch-totals").get_by_text("thing 59")
    last.scroll_into_view_if_needed()
    assert last.bounding_box()["y"] < lowest["y"], "the totals scroll instead, above the buttons"


def test_after_a_reload_the_pictures_and_their_answers_are_there_again(page: Page, pictures: list[Path]) -> None:
    add(page, pictures[:2])
    run_all(page, "2 of 2 answered")
    totals = page.locator("#batch-totals .total").all_text_contents()
    page.reload()
    expect(page.locator("#batch #dock")).to_be_visible()
    expect(page.locator(".sheet-words")).to_have_text("2 of 2 answered")
    expect(page.locator("#batch-totals .total")).to_have_text(totals)
    expect(page.locator(".tile[data-state=done] img")).to_have_count(2)
    expect(page.locator("#batch-run")).to_have_text("Run 2 again")
