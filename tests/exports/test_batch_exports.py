"""Exports of many answers: every finished picture under its own name, and datasets that load back."""

import csv
import io
import json
import zipfile

import pytest
import supervision as sv
from PIL import Image
from workbench import template, workbench

from florence_ui.bench.scripted_backend import plausible_answer
from florence_ui.errors import ImageError, InputError
from florence_ui.exports.formats import Options, export_batch
from florence_ui.images.loading import ImageLimits
from florence_ui.inference.batch import Batch, ItemState

pytestmark = pytest.mark.anyio


async def finished(folder, sizes, token="<OD>") -> Batch:
    """A batch of pictures of these sizes, all asked about; one of 77 pixels' width fails."""
    paths = [folder / f"{number}.png" for number in range(len(sizes))]
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        Image.new("RGB", size, (number, 9, 9)).save(path)
    batch = Batch.of(paths)

    def answer(prompt, size):
        return {} if size[0] == 77 else plausible_answer(prompt, size)

    with workbench(answer=answer) as (_, pipeline):
        async for _ in batch.run(pipeline.analyze, template(token)):
            pass
    return batch


async def test_json_and_csv_hold_every_finished_picture_by_its_name(tmp_path):
    batch = await finished(tmp_path, [(100, 80), (77, 80), (200, 100)])
    records = json.loads(export_batch("json", batch).path.read_text("utf-8"))
    assert [(record["picture"], record["picture_number"], record["image_size"]) for record in records] == [
        ("0.png", 1, [100, 80]),
        ("2.png", 3, [200, 100]),
    ]
    lines = export_batch("csv", batch).path.read_text("utf-8-sig").splitlines()
    assert len(lines) == 1 + 2 * 3


async def test_a_data_set_loads_back_with_the_same_boxes(tmp_path):
    batch = await finished(tmp_path, [(100, 80), (200, 100)])
    folder = tmp_path / "coco"
    zipfile.ZipFile(export_batch("coco", batch).path).extractall(folder)
    loaded = sv.DetectionDataset.from_coco(
        str(folder / "images"), str(folder / "annotations" / "instances_default.json")
    )
    boxes = sorted(tuple(box) for _, _, detections in loaded for box in detections.xyxy.round().tolist())
    assert boxes == sorted(tuple(box) for item in batch.done for box in item.result.detections.xyxy.round().tolist())
    assert loaded.classes == ["car", "person", "wheel"]


async def test_nothing_finished_and_nothing_found_are_said(tmp_path):
    with pytest.raises(InputError, match="No picture has an answer"):
        export_batch("json", None)
    batch = await finished(tmp_path, [(77, 80), (77, 90)])
    with pytest.raises(InputError, match="Every picture failed") as caught:
        export_batch("coco", batch)
    assert batch.items[0].reason in str(caught.value)
    batch.retry_failed()
    with pytest.raises(InputError, match="No picture has an answer yet"):
        export_batch("coco", batch)
    batch = await finished(tmp_path, [(100, 80)], "<CAPTION>")
    with pytest.raises(InputError, match="no objects"):
        export_batch("yolo", batch)


@pytest.mark.parametrize("layout", ["yolo", "coco", "voc", "jpeg", "png"])
async def test_a_picture_that_is_gone_costs_its_own_place_only(layout, tmp_path):
    batch = await finished(tmp_path, [(100, 80), (200, 100)])
    batch.items[0].path.unlink()
    export = export_batch(layout, batch)
    assert [note.partition(":")[0] for note in export.notes] == ["0.png was left out"]
    names = zipfile.ZipFile(export.path).namelist()
    assert len([name for name in names if name.endswith((".jpg", ".png"))]) == 1
    batch.items[1].path.unlink()
    with pytest.raises(ImageError):
        export_batch(layout, batch)


@pytest.mark.parametrize("layout", ["yolo", "coco", "voc"])
async def test_a_data_set_says_which_pictures_it_lacks_and_why(layout, tmp_path):
    batch = await finished(tmp_path, [(100, 80), (77, 80), (120, 80), (130, 80), (200, 100)])
    batch.items[3].path.unlink()
    batch.items[4].state, batch.items[4].analysis = ItemState.WAITING, None
    failed = batch.items[1].reason
    export = export_batch(layout, batch)
    with zipfile.ZipFile(export.path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("files.csv").decode("utf-8-sig"), newline="")))
        notes = [line for line in archive.read("README.txt").decode().splitlines() if line.startswith("Note: ")]
    assert [(row["picture_number"], row["picture"], bool(row["file"])) for row in rows] == [
        ("1", "0.png", True),
        ("2", "1.png", False),
        ("3", "2.png", True),
        ("4", "3.png", False),
        ("5", "4.png", False),
    ]
    about_others = [row[name] for row in rows if not row["file"] for name in ("subset", "prompt", "model_id")]
    assert about_others == [""] * 9, "nothing is said of a picture that is not there but its name and why"
    reasons = [row["left_out"] for row in rows]
    assert failed
    assert reasons == ["", failed, "", export.notes[0].removeprefix("3.png was left out: "), "It has no answer yet."]
    assert sorted(notes) == [f"Note: {number}.png was left out: {reasons[number]}" for number in (1, 3, 4)]
    assert len(export.notes) == 1, "the failed ones are said beside the file already"


@pytest.mark.parametrize("layout", ["coco", "jpeg"])
async def test_pictures_keep_to_the_limits_that_are_set(layout, tmp_path):
    batch = await finished(tmp_path, [(100, 80)])
    export_batch(layout, batch, Options(ImageLimits(max_pixels=8000)))
    with pytest.raises(ImageError, match="too large"):
        export_batch(layout, batch, Options(ImageLimits(max_pixels=7999)))


async def test_drawn_pictures_come_in_one_zip_at_their_own_size(tmp_path):
    batch = await finished(tmp_path, [(100, 80), (2000, 1500)])
    batch.items[1].name = "0.jpg"
    for name, suffix in (("jpeg", ".jpg"), ("png", ".png")):
        with zipfile.ZipFile(export_batch(name, batch).path) as archive:
            assert archive.namelist() == [f"0{suffix}", f"0-2{suffix}"]
            pictures = [Image.open(archive.open(entry)).convert("RGB") for entry in archive.namelist()]
        assert [picture.size for picture in pictures] == [(100, 80), (2000, 1500)]
        assert all(len(picture.getcolors(1_000_000)) > 3 for picture in pictures), "boxes are drawn on it"


async def test_masks_come_in_one_zip_a_folder_a_picture(tmp_path):
    token = "<REFERRING_EXPRESSION_SEGMENTATION>"
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        Image.new("RGB", (100, 80), (number, 9, 9)).save(path)
    batch = Batch.of(paths, ["a.png", "a.png"])
    with workbench() as (_, pipeline):
        async for _ in batch.run(pipeline.analyze, template(token, text="the square")):
            pass
    with zipfile.ZipFile(export_batch("masks", batch).path) as archive:
        assert archive.namelist() == ["a/001-the-square.png", "a-2/001-the-square.png"]
    with pytest.raises(InputError, match="no polygons"):
        export_batch("masks", await finished(tmp_path, [(100, 80)]))


async def test_another_question_starts_over_so_that_no_file_mixes_two(tmp_path):
    """Stopped after some, the task changed, continued: one COCO file must not hold answers to both."""
    batch = await finished(tmp_path, [(100, 80), (110, 80), (120, 80)])
    batch.question = ("<OD>",)
    batch.items[2].state, batch.items[2].analysis = ItemState.WAITING, None
    batch.ask(("<OD>",))
    assert [item.state for item in batch.items] == [ItemState.DONE, ItemState.DONE, ItemState.WAITING]
    batch.ask(("<DENSE_REGION_CAPTION>",))
    assert [(item.state, item.analysis, item.preview) for item in batch.items] == [(ItemState.WAITING, None, None)] * 3
    with workbench() as (_, pipeline):
        async for _ in batch.run(pipeline.analyze, template("<DENSE_REGION_CAPTION>")):
            pass
    with zipfile.ZipFile(export_batch("coco", batch).path) as archive:
        data = json.loads(archive.read("annotations/instances_default.json"))
    assert data["info"]["prompts"] == ["<DENSE_REGION_CAPTION>"]
