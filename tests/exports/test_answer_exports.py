"""Exports of one answer: hidden objects are left out, and datasets load back with the rest."""

import csv
import io
import json
import zipfile

import pytest
import supervision as sv
from workbench import BOXES, picture_in, request_about, workbench

from florence_ui.errors import InputError
from florence_ui.exports.formats import export_answer
from florence_ui.inference.request import Analysis
from florence_ui.rendering.style import Style

pytestmark = pytest.mark.anyio

SHOWN = [0, 2]
"""Car and wheel; the person between them is switched off."""


async def found_in(folder) -> Analysis:
    """Car, person and wheel on a plain picture."""
    with workbench() as (_, pipeline):
        return await pipeline.analyze(request_about(picture_in(folder)))


def boxes_in(layout: str, folder) -> tuple[list[list[float]], list[str]]:
    """The boxes and classes of an unzipped dataset."""
    if layout == "coco":
        annotations = folder / "annotations" / "instances_default.json"
        data = sv.DetectionDataset.from_coco(str(folder / "images"), str(annotations))
    elif layout == "yolo":
        parts = (folder / "images" / "train", folder / "labels" / "train", folder / "data.yaml")
        data = sv.DetectionDataset.from_yolo(*map(str, parts))
    else:
        data = sv.DetectionDataset.from_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))
    return [box for _, _, found in data for box in found.xyxy.tolist()], sorted(data.classes)


@pytest.mark.parametrize("layout", ["yolo", "coco", "voc"])
async def test_a_data_set_loads_back_with_the_boxes_that_are_switched_on(layout, tmp_path):
    analysis = await found_in(tmp_path)
    folder = tmp_path / layout
    zipfile.ZipFile(export_answer(layout, analysis, Style(), SHOWN)).extractall(folder)
    boxes, classes = boxes_in(layout, folder)
    assert [pytest.approx(BOXES[row], abs=1.01) for row in SHOWN] == boxes
    assert classes == ["car", "wheel"]


async def test_table_and_record_hold_what_is_switched_on(tmp_path):
    analysis = await found_in(tmp_path)
    table = export_answer("csv", analysis, Style(), SHOWN).read_text("utf-8-sig")
    record = json.loads(export_answer("json", analysis, Style(), SHOWN).read_text("utf-8"))
    assert [row["label"] for row in csv.DictReader(io.StringIO(table))] == ["car", "wheel"]
    assert [found["label"] for found in record["detections"]] == ["car", "wheel"]


async def test_a_data_set_of_nothing_switched_on_is_refused_in_words(tmp_path):
    analysis = await found_in(tmp_path)
    with pytest.raises(InputError, match="switched off"):
        export_answer("coco", analysis, Style(), [])
