"""What is taken away holds what was found, loads back, and is text to whatever opens it."""

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from florence_ui.exporting import (
    COLUMNS,
    CSV_COLUMNS,
    DatasetFormat,
    as_record,
    dataset_zip,
    encoded,
    mask_zip,
    safe_name,
    table_rows,
    to_csv,
    to_json,
    unique_names,
)
from florence_ui.parsing import parse
from florence_ui.results import Result, make_detections
from florence_ui.tasks import get_task

SIZE = (400, 300)
TRIANGLE = np.array([[10, 10], [100, 10], [60, 80]], dtype=float)
HOSTILE = [
    "=1+1",
    "</script><img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "a\x00b\x1b]0;x\x07",
    "]]>&amp;<x/>",
    "'; DROP TABLE",
    "line\nbreak, comma",
    "\u202eevil",
    "日本",
    "",
]


@dataclass
class Answer:
    result: Result
    model_id: str = "florence-2-base"
    backend: str = "local"
    seconds: float = 1.23456


def result(labels, boxes, *, token="<OD>", size=SIZE, **more) -> Result:
    return Result(get_task(token), token, size, detections=make_detections(labels, boxes, **more))


def loaded(result: Result, layout: DatasetFormat, folder: Path, name: str = "a.jpg") -> sv.DetectionDataset:
    return load([(name, lambda: Image.new("RGB", result.size), result)], layout, folder)


def load(items, layout: DatasetFormat, folder: Path) -> sv.DetectionDataset:
    """A data set, written, unpacked and read by supervision."""
    with zipfile.ZipFile(dataset_zip(items, layout, folder / "set.zip")) as archive:
        archive.extractall(folder)
    images = str(folder / "images")
    match layout:
        case DatasetFormat.YOLO:
            return sv.DetectionDataset.from_yolo(images, str(folder / "labels"), str(folder / "data.yaml"))
        case DatasetFormat.COCO:
            return sv.DetectionDataset.from_coco(images, str(folder / "annotations.json"))
        case DatasetFormat.VOC:
            return sv.DetectionDataset.from_pascal_voc(images, str(folder / "annotations"))


TOLERANCE = {DatasetFormat.YOLO: 0.01, DatasetFormat.COCO: 0.01, DatasetFormat.VOC: 0.5}
"""Pixels; Pascal VOC has whole ones."""


def test_the_record_has_exactly_the_documented_keys() -> None:
    prompt = "<OCR_WITH_REGION>"
    response = {prompt: {"quad_boxes": [[60, 60, 140, 50, 150, 140, 70, 150]], "labels": ["</s>STOP"]}}
    parsed = parse(get_task(prompt), prompt, response, sent_size=SIZE, size=SIZE)
    assert as_record(Answer(parsed)) == {
        "task": prompt,
        "prompt": prompt,
        "model_id": "florence-2-base",
        "backend": "local",
        "image_size": [400, 300],
        "text": "",
        "detections": [
            {
                "label": "STOP",
                "box": [60.0, 50.0, 150.0, 150.0],
                "quad": [[60.0, 60.0], [140.0, 50.0], [150.0, 140.0], [70.0, 150.0]],
            }
        ],
        "seconds": 1.235,
        "warnings": [],
        "raw": response,
    }


def test_a_record_has_outlines_where_there_are_some_and_only_the_wanted_rows() -> None:
    mixed = result(["a", "b"], [[10, 10, 100, 80], [1, 2, 3, 4]], polygons=[[TRIANGLE, TRIANGLE + 100], []])
    first, second = as_record(Answer(mixed))["detections"]
    assert [len(part) for part in first["polygons"]] == [3, 3]
    assert first["polygons"][0][1] == [100.0, 10.0]
    assert second == {"label": "b", "box": [1.0, 2.0, 3.0, 4.0]}
    assert [d["label"] for d in as_record(Answer(mixed), rows=[1])["detections"]] == ["b"]


def test_a_record_survives_json_with_its_letters() -> None:
    record = as_record(Answer(result(HOSTILE, [[1, 2, 3, 4]] * len(HOSTILE))))
    assert json.loads(to_json(record)) == record
    assert "日本" in to_json(record)


def test_the_table_counts_from_one() -> None:
    headers, rows = table_rows(result(["dog", ""], [[1.234, 2, 30, 40], [5, 6, 7, 8]]))
    assert headers == list(COLUMNS)
    assert rows == [[1, "dog", 1.23, 2.0, 30.0, 40.0, 28.77, 38.0], [2, "", 5.0, 6.0, 7.0, 8.0, 2.0, 2.0]]
    assert table_rows(Result(get_task("<CAPTION>"), "<CAPTION>", SIZE, "A dog."))[1] == []


def test_csv_has_a_row_an_object_and_one_for_an_answer_of_words() -> None:
    words = Result(get_task("<CAPTION>"), "<CAPTION>", SIZE, 'A "dog",\nrunning.')
    table = list(
        csv.DictReader(io.StringIO(to_csv([("a.jpg", result(["dog"] * 2, [[1, 2, 3, 4]] * 2)), ("b", words)])))
    )
    assert tuple(table[0]) == CSV_COLUMNS
    assert [(row["picture"], row["task"], row["label"], row["x2"], row["text"]) for row in table] == [
        ("a.jpg", "<OD>", "dog", "3.0", ""),
        ("a.jpg", "<OD>", "dog", "3.0", ""),
        ("b", "<CAPTION>", "", "", 'A "dog",\nrunning.'),
    ]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("http://x")'], ids=ascii
)
def test_a_spreadsheet_gets_no_formula(text: str) -> None:
    written = to_csv([(text, Result(get_task("<OCR>"), "<OCR>", SIZE, text)), ("x", result([text], [[-1, 2, 3, 4]]))])
    first, second = list(csv.DictReader(io.StringIO(written, newline="")))
    assert first["picture"] == first["text"] == second["label"] == f"'{text}"
    assert second["x1"] == "-1.0", "a number stays one"


def test_masks_are_black_and_white_pictures_of_the_originals_size(tmp_path: Path) -> None:
    both = result(["../a", "b"], [[10, 10, 200, 180], [1, 2, 3, 4]], polygons=[[TRIANGLE, TRIANGLE + 100], []])
    with zipfile.ZipFile(mask_zip(both, tmp_path / "masks.zip")) as archive:
        assert archive.namelist() == ["001-a.png"]
        mask = np.asarray(Image.open(io.BytesIO(archive.read("001-a.png"))))
    assert mask.shape == SIZE[::-1]
    assert mask[30, 60]
    assert mask[130, 160]
    assert not mask[200, 300]


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_picture_is_encoded_at_its_size_without_metadata(image_format: str) -> None:
    image = Image.new("RGB", SIZE, (200, 30, 30))
    image.info["comment"] = b"secret"
    image.info["exif"] = b"secret"
    file = encoded(image, image_format)
    again = Image.open(io.BytesIO(file))
    assert (again.size, again.format) == (SIZE, image_format)
    assert b"secret" not in file


@pytest.mark.parametrize("layout", DatasetFormat)
def test_a_data_set_loads_back_with_the_same_boxes(layout: DatasetFormat, tmp_path: Path) -> None:
    found = result(["dog", "red car", "dog"], [[1.26, 2.5, 300.3, 280.9], [0, 0, 400, 300], [50, 60, 51, 61]])
    nothing = Result(get_task("<CAPTION>"), "<CAPTION>", (50, 40), "A dog.")
    items = [
        ("b.png", lambda: Image.new("RGB", SIZE), found),
        ("b.png", lambda: Image.new("RGB", (50, 40)), nothing),
    ]
    dataset = load(items, layout, tmp_path)
    by_name = {Path(path).name: (image, found) for path, image, found in dataset}
    assert set(by_name) == {"b.jpg", "b-2.jpg"}
    image, back = by_name["b.jpg"]
    assert image.shape == (300, 400, 3)
    assert np.allclose(back.xyxy, found.detections.xyxy, atol=TOLERANCE[layout])
    assert list(back.data["class_name"]) == found.labels
    assert len(by_name["b-2.jpg"][1]) == 0


@pytest.mark.parametrize("layout", [DatasetFormat.YOLO, DatasetFormat.COCO])
def test_outlines_load_back_one_object_an_instance_however_many_parts(layout: DatasetFormat, tmp_path: Path) -> None:
    parts = [TRIANGLE + np.array(offset) for offset in ([0, 0], [120, 10], [20, 150])]
    found = result(
        ["a", "b"], [[10, 10, 220, 230], [300, 5, 390, 75]], polygons=[parts, [TRIANGLE + np.array([290, -5])]]
    )
    ((_, _, back),) = loaded(found, layout, tmp_path)
    assert np.allclose(back.xyxy, found.detections.xyxy, atol=0.01)
    drawn = [np.any([sv.polygon_to_mask(part, SIZE) for part in own], axis=0) for own in found.polygons]
    for mask, expected in zip(back.mask, drawn, strict=True):
        union, both = (mask | expected).sum(), (mask & expected).sum()
        assert both / union > 0.95


@pytest.mark.parametrize("layout", [DatasetFormat.YOLO, DatasetFormat.COCO])
def test_boxes_and_outlines_in_one_picture_both_load_back(layout: DatasetFormat, tmp_path: Path) -> None:
    found = result(["a", "b"], [[10, 10, 100, 80], [200, 20, 300, 90]], polygons=[[TRIANGLE], []])
    ((_, _, back),) = loaded(found, layout, tmp_path)
    assert np.allclose(back.xyxy, found.detections.xyxy, atol=0.01)


@pytest.mark.parametrize("layout", DatasetFormat)
def test_a_box_beyond_the_picture_is_cut_to_it(layout: DatasetFormat, tmp_path: Path) -> None:
    ((_, _, back),) = loaded(result(["a"], [[-1, 20, 401, 305]]), layout, tmp_path)
    assert np.allclose(back.xyxy, [[0, 20, 400, 300]], atol=0.01)


@pytest.mark.parametrize("layout", DatasetFormat)
def test_hostile_labels_and_names_stay_text_in_a_data_set(layout: DatasetFormat, tmp_path: Path) -> None:
    found = result(HOSTILE, [[n, n, n + 20, n + 20] for n in range(len(HOSTILE))])
    ((path, _, back),) = loaded(found, layout, tmp_path, name="../../<x>.jpg")
    assert Path(path).name == "x.jpg"
    assert len(back) == len(HOSTILE)
    names = [str(name) for name in back.data["class_name"]]
    assert names[:3] == HOSTILE[:3]
    assert names[-2:] == ["日本", "object"]
    assert not any(ord(c) < 32 or c == "\u202e" for name in names for c in name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("../../etc/passwd", "etc-passwd", id="traversal"),
        pytest.param("C:\\x\\..", "C-x", id="drive"),
        pytest.param("", "picture", id="empty"),
        pytest.param("...", "picture", id="dots"),
        pytest.param("nul", "picture-nul", id="device"),
        pytest.param("a\x00\n\u202eb", "a-b", id="control"),
        pytest.param("мой кот", "мой-кот", id="letters"),
        pytest.param("x" * 5000, "x" * 80, id="long"),
    ],
)
def test_a_file_name_is_only_a_name(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_names_in_an_archive_differ_also_where_case_does_not_count() -> None:
    names = unique_names(["a", "A", "a", "a-2", "ß", "SS"])
    assert names == ["a", "A-2", "a-3", "a-2-2", "ß", "SS-2"]
    assert len({name.casefold() for name in names}) == len(names)
