"""Many pictures: progress, retries of failures alone, Stop and continue, opening one, downloading all."""

import asyncio
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.conftest import DESKTOP
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


def open_tab(page: Page, paths: list[Path]) -> None:
    """Open the tab and drop the files."""
    page.get_by_role("tab", name="Many pictures").click()
    page.set_input_files("#batch-files input[type=file]", paths)
    expect(page.locator("#batch-contact-sheet .frame")).to_have_count(len(paths))


def states(page: Page) -> list[str]:
    """Every picture's state."""
    return page.locator("#batch-contact-sheet .frame").evaluate_all(
        "frames => frames.map((frame) => frame.dataset.state)"
    )


def run_all(page: Page, words: str, button: str = "#batch-run") -> None:
    """Press a button and wait until the work has ended with these words."""
    page.click(f"{button}:not([disabled])")
    expect(page.locator("#batch-contact-sheet .contact-sheet-words")).to_have_text(words)
    page.wait_for_selector("#batch-run", state="visible")


def test_without_pictures_the_tab_says_what_goes_where_and_why_run_is_off(page: Page, pictures: list[Path]) -> None:
    page.get_by_role("tab", name="Many pictures").click()
    expect(page.locator("#batch-run")).to_be_disabled()
    expect(page.locator("#batch-notice")).to_have_text("Choose some pictures first.")
    expect(page.locator("#batch-contact-sheet")).to_contain_text("Your pictures go here")
    page.set_input_files("#batch-files input[type=file]", pictures[:1])
    expect(page.locator("#batch-run")).to_be_enabled()
    expect(page.locator("#batch-notice")).to_be_empty()
    expect(page.locator("#batch-contact-sheet .contact-sheet-empty")).to_be_hidden()


def test_a_file_that_is_no_picture_is_listed_with_its_reason(page: Page, pictures: list[Path], tmp_path: Path) -> None:
    words = tmp_path / "words.md"
    words.write_text("These are words.")
    open_tab(page, [pictures[0], words])
    run_all(page, "1 of 2 done, 1 failed.")
    expect(page.locator("#batch-failures")).to_contain_text("words.md")
    expect(page.locator("#batch-failures")).to_contain_text("not a supported picture")


def test_a_list_of_failures_can_be_pasted_into_a_spreadsheet(page: Page, tmp_path: Path) -> None:
    words = tmp_path / "x;=WEBSERVICE(A1);y.md"
    words.write_text("These are words.")
    open_tab(page, [words])
    run_all(page, "0 of 1 done, 1 failed.")
    expect(page.locator("#batch-failures")).to_contain_text("x;'=WEBSERVICE(A1);y.md")


@pytest.mark.parametrize("device", ["page", "phone"])
def test_all_are_answered_and_a_failed_one_is_tried_again_alone(
    request: pytest.FixtureRequest, device: str, backend: ScriptedBackend, pictures: list[Path]
) -> None:
    page = request.getfixturevalue(device)
    backend.answer = lambda prompt, size: {} if size == BAD_SIZE else plausible_answer(prompt, size)
    open_tab(page, pictures)
    before = backend.count
    run_all(page, "5 of 6 done, 1 failed.")
    assert states(page) == ["done", "done", "done", "failed", "done", "done"]
    assert backend.count - before == 6
    expect(page.locator("#batch-failures")).to_contain_text("picture-3.jpg")
    backend.answer = plausible_answer
    run_all(page, "6 of 6 done.", "#batch-retry")
    assert backend.count - before == 7, "only the failed one is asked about again"
    expect(page.locator("#batch-retry")).to_be_hidden()


def test_stop_keeps_what_is_done_and_continue_asks_only_about_the_rest(
    page: Page, backend: ScriptedBackend, pictures: list[Path]
) -> None:
    open_tab(page, pictures)
    usual = backend.respond

    async def respond(request, call):
        await asyncio.sleep(60 if call.image_size == BAD_SIZE else 0)
        return await usual(request, call)

    backend.respond = respond
    try:
        page.click("#batch-run:not([disabled])")
        expect(page.locator("#batch-contact-sheet .frame[data-state=done]")).to_have_count(5, timeout=60_000)
        page.click("#batch-stop")
        expect(page.locator("#batch-run")).to_have_text("Continue with 1")
        expect(page.locator("#batch-contact-sheet .contact-sheet-words")).to_contain_text("stopped")
        backend.wait_for(lambda b: b.running == 0)
    finally:
        del backend.respond
    before = backend.count
    run_all(page, "6 of 6 done.")
    assert backend.count - before == 1


def test_another_task_starts_over_and_no_file_mixes_two_questions(
    page: Page, backend: ScriptedBackend, pictures: list[Path], tmp_path: Path
) -> None:
    open_tab(page, pictures)
    usual = backend.respond

    async def respond(request, call):
        await asyncio.sleep(60 if call.image_size == BAD_SIZE else 0)
        return await usual(request, call)

    backend.respond = respond
    try:
        page.click("#batch-run:not([disabled])")
        expect(page.locator("#batch-contact-sheet .frame[data-state=done]")).to_have_count(5, timeout=60_000)
        page.click("#batch-stop")
        expect(page.locator("#batch-run")).to_have_text("Continue with 1")
        backend.wait_for(lambda b: b.running == 0)
    finally:
        del backend.respond
    page.click("#batch-task input")
    page.get_by_role("option", name="Describe every region").click()
    expect(page.locator("#batch-run")).to_have_text("Run all")
    run_all(page, "6 of 6 done.")
    with page.expect_download() as download:
        page.click("#batch-json")
    download.value.save_as(tmp_path / "all.json")
    tasks = [record["task"] for record in json.loads((tmp_path / "all.json").read_text("utf-8"))]
    assert tasks == ["<DENSE_REGION_CAPTION>"] * 6
    page.click("#batch-task input")
    page.get_by_role("option", name="Find objects").click()
    page.click("#batch-task input")
    page.get_by_role("option", name="Describe every region").click()
    expect(page.locator("#batch-run")).to_have_text("Run all again")


def test_a_share_for_validation_is_held_back(page: Page, pictures: list[Path], tmp_path: Path) -> None:
    open_tab(page, pictures[:2])
    run_all(page, "2 of 2 done.")
    page.locator("#batch-validation input[type=number]").fill("50")
    page.locator("#batch-validation input[type=number]").press("Tab")
    with page.expect_download() as download:
        page.click("#batch-yolo")
    download.value.save_as(tmp_path / "all.zip")
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert sorted(name.rpartition("/")[0] for name in names if name.endswith(".jpg")) == ["images/train", "images/val"]


def test_one_can_be_looked_at_and_all_can_be_taken_away(
    page: Page, backend: ScriptedBackend, pictures: list[Path], tmp_path: Path
) -> None:
    open_tab(page, pictures[:2])
    run_all(page, "2 of 2 done.")
    before = backend.count
    page.locator("#batch-contact-sheet .frame").nth(1).click()
    expect(page.locator("#batch-stage .stage-row")).to_have_text(["car", "person", "wheel"])
    expect(page.locator("#batch-meta")).to_contain_text("picture-1.jpg")
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
    assert backend.count == before, "looking and taking away ask nothing"


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
    open_tab(roomy, [tmp_path / "large.png"])
    run_all(roomy, "1 of 1 done.")
    with roomy.expect_download() as download:
        roomy.click("#batch-coco")
    download.value.save_as(tmp_path / "all.zip")
    assert "images/large.png" in zipfile.ZipFile(tmp_path / "all.zip").namelist()


def test_a_task_that_needs_words_asks_for_them_before_any_call(
    page: Page, backend: ScriptedBackend, pictures: list[Path]
) -> None:
    open_tab(page, pictures[:1])
    before = backend.count
    page.click("#batch-task input")
    page.get_by_role("option", name="Ground a caption").click()
    expect(page.locator("#batch-text")).to_be_visible()
    page.click("#batch-run:not([disabled])")
    expect(page.locator("#batch-notice")).to_contain_text("needs a phrase")
    assert backend.count == before
