"""Many answers taken away: every finished picture, by its own name, and data sets that load back."""

import json
import zipfile

import pytest
import supervision as sv
from PIL import Image
from workbench import request_about, workbench

from florence_ui.batch import Batch
from florence_ui.errors import InputError
from florence_ui.scripted import plausible_answer
from florence_ui.ui import many_downloads

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
        async for _ in batch.run(pipeline.analyse, lambda picture: request_about(picture, token)):
            pass
    return batch


async def test_json_and_csv_hold_every_finished_picture_by_its_name(tmp_path):
    batch = await finished(tmp_path, [(100, 80), (77, 80), (200, 100)])
    records = json.loads(many_downloads.make("json", batch).read_text("utf-8"))
    assert [(record["picture"], record["image_size"]) for record in records] == [
        ("0.png", [100, 80]),
        ("2.png", [200, 100]),
    ]
    lines = many_downloads.make("csv", batch).read_text("utf-8-sig").splitlines()
    assert len(lines) == 1 + 2 * 3


async def test_a_data_set_loads_back_with_the_same_boxes(tmp_path):
    batch = await finished(tmp_path, [(100, 80), (200, 100)])
    folder = tmp_path / "coco"
    zipfile.ZipFile(many_downloads.make("coco", batch)).extractall(folder)
    loaded = sv.DetectionDataset.from_coco(str(folder / "images"), str(folder / "annotations.json"))
    boxes = sorted(tuple(box) for _, _, detections in loaded for box in detections.xyxy.round().tolist())
    assert boxes == sorted(tuple(box) for item in batch.done for box in item.result.detections.xyxy.round().tolist())
    assert loaded.classes == ["car", "person", "wheel"]


async def test_nothing_finished_and_nothing_found_are_said(tmp_path):
    with pytest.raises(InputError, match="No picture has an answer"):
        many_downloads.make("json", None)
    batch = await finished(tmp_path, [(100, 80)], "<CAPTION>")
    with pytest.raises(InputError, match="no objects"):
        many_downloads.make("yolo", batch)
