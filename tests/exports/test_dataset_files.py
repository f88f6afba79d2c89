"""The files of a dataset, word for word where programs read them."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from dataset_scenes import Answer
from PIL import Image
from sentences import reads_as_sentences

from florence_ui.errors import InputError
from florence_ui.exports import coco, voc, yolo
from florence_ui.exports.classes import class_names
from florence_ui.exports.datasets import MAX_VALIDATION_SHARE, Layout, dataset_zip
from florence_ui.exports.labeled import assign_subsets
from florence_ui.exports.records import ExportItem
from florence_ui.images.loading import ImageLimits
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

FIND, GROUND, SEGMENT = (
    "<OPEN_VOCABULARY_DETECTION>",
    "<CAPTION_TO_PHRASE_GROUNDING>",
    "<REFERRING_EXPRESSION_SEGMENTATION>",
)
SIZE = (40, 30)
PROMPT = f"{FIND}dog<and>bird"
BOXES = [[4, 3, 20, 15], [30.2, 20, 45, 30]]
"""A dog, and a cat that reaches over the right edge."""
TRIANGLE = np.array([[4, 3], [20, 3], [4, 15]], dtype=float)


def result(token: str = FIND, prompt: str = PROMPT, labels=("dog", "cat"), boxes=BOXES, **more) -> Result:
    return Result(get_task(token), prompt, SIZE, detections=make_detections(labels, boxes, **more))


def item(folder: Path, found: Result, name: str = "dog.jpg", number: int = 1, model_id: str = "base") -> ExportItem:
    path = folder / f"{number}{Path(name).suffix}"
    Image.new("RGB", SIZE, (number, 9, 9)).save(path)
    return ExportItem(name, number, path, Answer(found, model_id))


def files(items: list[ExportItem], layout: Layout, **options) -> dict[str, bytes]:
    """Name -> contents of a dataset's files."""
    with zipfile.ZipFile(dataset_zip(items, layout, ImageLimits(), stem="set", **options).path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def two(tmp_path: Path) -> list[ExportItem]:
    """Two pictures of one name; the objects of the second are named the other way round."""
    return [item(tmp_path, result()), item(tmp_path, result(labels=("cat", "dog")), number=2)]


def test_yolo_has_a_line_for_every_object(two: list[ExportItem]) -> None:
    written = files(two, yolo, validation=0.5)
    assert [name for name in written if name not in ("classes.txt", "files.csv", "README.txt")] == [
        "images/train/dog.jpg",
        "images/val/dog-2.jpg",
        "data.yaml",
        "labels/train/dog.txt",
        "labels/val/dog-2.txt",
    ]
    boxes = "0.3000000 0.3000000 0.4000000 0.4000000", "0.8775000 0.8333335 0.2450000 0.3333330"
    assert written["labels/train/dog.txt"].decode() == f"0 {boxes[0]}\n2 {boxes[1]}\n"
    assert written["labels/val/dog-2.txt"].decode() == f"2 {boxes[0]}\n0 {boxes[1]}\n"
    assert written["data.yaml"].decode() == (
        "train: images/train\nval: images/val\nnc: 3\nnames:\n  0: dog\n  1: bird\n  2: cat\n"
    )


def test_yolo_writes_a_box_as_four_corners_where_another_object_has_a_polygon(tmp_path: Path) -> None:
    written = files([item(tmp_path, result(polygons=[[TRIANGLE], []]))], yolo)
    assert written["labels/train/dog.txt"].decode() == (
        "0 0.1000000 0.1000000 0.5000000 0.1000000 0.1000000 0.5000000\n"
        "2 0.7550000 0.6666667 1.0000000 0.6666667 1.0000000 1.0000000 0.7550000 1.0000000\n"
    )
    assert written["data.yaml"].decode().startswith("# No picture is held back for validation, so val is the same as ")
    assert yaml.safe_load(written["data.yaml"])["val"] == "images/train"


def test_yolo_joins_the_parts_of_a_polygon_there_and_back(tmp_path: Path) -> None:
    parts = [TRIANGLE, TRIANGLE + 8, TRIANGLE + 12]
    written = files([item(tmp_path, result(labels=["dog"], boxes=[[4, 3, 32, 27]], polygons=[parts]))], yolo)
    numbers = [float(number) for number in written["labels/train/dog.txt"].split()[1:]]
    points = (np.array(numbers).reshape(-1, 2) * SIZE).round(2).tolist()
    starts = [part[0].tolist() for part in parts]
    rings = [[*part.tolist(), start] for part, start in zip(parts, starts, strict=True)]
    assert points == [*rings[0], *rings[1], *rings[2], starts[1], starts[0]]


@pytest.mark.parametrize(
    ("box", "line"),
    [
        pytest.param((0, 0, 40, 30), "0 0.5000000 0.5000000 1.0000000 1.0000000", id="the whole picture"),
        pytest.param((0, 0, 0.01, 0.01), "0 0.0001250 0.0001665 0.0002500 0.0003330", id="the first corner"),
        pytest.param((39.99, 29.99, 40, 30), "0 0.9998750 0.9998335 0.0002500 0.0003330", id="the last corner"),
        pytest.param((-9, -9, 50, 50), "0 0.5000000 0.5000000 1.0000000 1.0000000", id="beyond all edges"),
    ],
)
def test_yolo_boxes_stay_in_the_picture(box, line: str, tmp_path: Path) -> None:
    written = files([item(tmp_path, result(labels=["dog"], boxes=[box]))], yolo)
    assert written["labels/train/dog.txt"].decode() == f"{line}\n"


def test_coco_numbers_pictures_through_all_its_files_and_objects_in_each(two: list[ExportItem]) -> None:
    written = files(two, coco, validation=0.5)
    assert list(written)[:4] == [
        "images/dog.jpg",
        "images/dog-2.jpg",
        "annotations/instances_train.json",
        "annotations/instances_val.json",
    ]
    val = json.loads(written["annotations/instances_val.json"])
    plain = {"iscrowd": 0, "segmentation": []}
    assert val == {
        "info": {
            "description": "Found by Florence-2",
            "prompts": [PROMPT],
            "models": ["base"],
            "warnings": [],
            "left_out": [],
        },
        "licenses": [],
        "categories": [
            {"id": 1, "name": "dog", "supercategory": ""},
            {"id": 2, "name": "bird", "supercategory": ""},
            {"id": 3, "name": "cat", "supercategory": ""},
        ],
        "images": [{"id": 2, "file_name": "dog-2.jpg", "width": 40, "height": 30}],
        "annotations": [
            {"id": 1, "image_id": 2, "category_id": 3, "bbox": [4, 3, 16, 12], "area": 192, **plain},
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [30.2, 20, 9.8, 10], "area": 98, **plain},
        ],
    }
    train = json.loads(written["annotations/instances_train.json"])
    assert [image["id"] for image in train["images"]] == [1]
    assert list(files(two, coco))[2] == "annotations/instances_default.json"


def test_coco_keeps_a_polygon_its_area_and_the_letters_of_a_name(tmp_path: Path) -> None:
    found = result(labels=["犬"], boxes=[[4, 3, 20, 15]], polygons=[[TRIANGLE, TRIANGLE + 10]])
    written = files([item(tmp_path, found)], coco)["annotations/instances_default.json"].decode()
    (annotation,) = json.loads(written)["annotations"]
    assert annotation["segmentation"] == [[4, 3, 20, 3, 4, 15], [14, 13, 30, 13, 14, 25]]
    assert (annotation["bbox"], annotation["area"]) == ([4, 3, 26, 22], 192)
    assert '"name": "犬"' in written


def test_coco_rounds_an_area_as_it_does_coordinates(tmp_path: Path) -> None:
    written = files([item(tmp_path, result(labels=["dog"], boxes=[[1, 1, 2.234, 2.57]]))], coco)
    (annotation,) = json.loads(written["annotations/instances_default.json"])["annotations"]
    assert (annotation["bbox"], annotation["area"]) == ([1, 1, 1.23, 1.57], 1.93)


def test_voc_has_an_annotation_a_picture_and_lists_of_them(two: list[ExportItem]) -> None:
    written = files(two, voc, validation=0.5)
    assert list(written)[:2] == ["JPEGImages/dog.jpg", "JPEGImages/dog-2.jpg"]
    assert written["ImageSets/Main/train.txt"] == b"dog\n"
    assert written["ImageSets/Main/val.txt"] == b"dog-2\n"
    assert json.loads(written["dataset_meta.json"]) == {"labels": ["dog", "bird", "cat"]}
    assert written["Annotations/dog-2.xml"].decode() == VOC_XML


VOC_OBJECT = """\
  <object>
    <name>{}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <bndbox>
      <xmin>{}</xmin>
      <ymin>{}</ymin>
      <xmax>{}</xmax>
      <ymax>{}</ymax>
    </bndbox>
  </object>
"""
VOC_XML = f"""\
<annotation>
  <folder>JPEGImages</folder>
  <filename>dog-2.jpg</filename>
  <size>
    <width>40</width>
    <height>30</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
{VOC_OBJECT.format("cat", 5, 4, 20, 15)}{VOC_OBJECT.format("dog", 31, 21, 40, 30)}</annotation>
"""


def test_voc_says_how_many_channels_the_file_has(two: list[ExportItem]) -> None:
    Image.new("L", SIZE, 99).save(two[1].path)
    written = files(two, voc)
    annotations = [ElementTree.fromstring(written[f"Annotations/{stem}.xml"]) for stem in ("dog", "dog-2")]
    assert [annotation.findtext("size/depth") for annotation in annotations] == ["3", "1"]


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        pytest.param((0, 0, 40, 30), (1, 1, 40, 30), id="the whole picture"),
        pytest.param((10.2, 5.6, 20.4, 9.5), (11, 7, 20, 10), id="rounded to whole pixels"),
        pytest.param((10.2, 5.6, 10.4, 5.8), (11, 7, 12, 8), id="two at least"),
        pytest.param((39.8, 29.8, 40, 30), (39, 29, 40, 30), id="the last two"),
    ],
)
def test_voc_counts_the_pixels_of_a_box(box, pixels) -> None:
    assert voc.whole_pixels(np.array(box), SIZE) == pixels


def test_voc_gives_the_only_pixel_of_a_picture() -> None:
    assert voc.whole_pixels(np.array([0, 0, 1, 1]), (1, 1)) == (1, 1, 1, 1)


def test_every_layout_names_its_classes_and_traces_its_files(two: list[ExportItem]) -> None:
    for layout in (yolo, coco, voc):
        written = files(two, layout, validation=0.5)
        assert written["classes.txt"] == b"dog\nbird\ncat\n"
        table = written["files.csv"]
        assert table.startswith(b"\xef\xbb\xbf"), "a spreadsheet reads it as UTF-8"
        assert list(csv.reader(io.StringIO(table.decode("utf-8-sig"), newline=""))) == [
            ["file", "picture_number", "picture", "subset", "prompt", "model_id", "left_out"],
            ["dog.jpg", "1", "dog.jpg", "train", PROMPT, "base", ""],
            ["dog-2.jpg", "2", "dog.jpg", "val", PROMPT, "base", ""],
        ]


README = """\
Found by Florence-2.

Asked: {asked}
Answered by: {model}
Pictures: {pictures}.
Objects: {objects}.
Class ids are the lines of classes.txt, from 0 (COCO counts from 1).
files.csv says which file was which picture, what was asked about it, which model answered,
and why a picture was left out.
Florence-2 gives no confidence, so there are no scores.
"""


def test_the_readme_says_what_is_in_a_dataset(two: list[ExportItem], tmp_path: Path) -> None:
    split = files(two, yolo, validation=0.5)["README.txt"].decode()
    about = {"asked": PROMPT, "model": "base", "objects": 4}
    assert split == README.format(pictures="2, 1 to train, 1 held back for validation", **about)
    whole = files(two, yolo)["README.txt"].decode()
    assert whole == README.format(pictures="2, none held back for validation", **about)
    flat = result("<OD>", "<OD>", ("line", "dog"), [[5, 5, 5, 20], BOXES[0]])
    warned = item(tmp_path, replace(flat, warnings=("Beware.",)), "b.jpg", 3, "large")
    more = files([two[0], warned], yolo)["README.txt"].decode()
    about = {"asked": f"{PROMPT}\nAsked: <OD>", "model": "base\nAnswered by: large", "objects": 3}
    words = "\nWarning: Beware.\nNote: b.jpg: left out 1 object without width or height.\n"
    assert more == README.format(pictures="2, none held back for validation", **about) + words
    careful = item(tmp_path, replace(result(), warnings=("Beware.",)))
    assert files([careful], yolo)["README.txt"].decode().endswith("there are no scores.\n\nWarning: Beware.\n")


def test_pictures_are_stored_as_they_are_and_text_is_compressed(two: list[ExportItem], tmp_path: Path) -> None:
    items = [*two, item(tmp_path, result(), "c.png", 3)]
    with zipfile.ZipFile(dataset_zip(items, yolo, ImageLimits(), stem="set").path) as archive:
        kinds = {Path(entry.filename).suffix: entry.compress_type for entry in archive.infolist()}
    assert {suffix for suffix, kind in kinds.items() if kind == zipfile.ZIP_STORED} == {".jpg", ".png"}
    assert {suffix for suffix, kind in kinds.items() if kind == zipfile.ZIP_DEFLATED} == {".txt", ".csv", ".yaml"}


def test_nothing_is_left_of_a_dataset_that_failed(two: list[ExportItem], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    whole = dataset_zip(two, yolo, ImageLimits(), stem="set").path
    kept = set(whole.parent.parent.rglob("*.zip"))
    monkeypatch.setattr(yolo, "files", fail)
    with pytest.raises(ZeroDivisionError):
        dataset_zip(two, yolo, ImageLimits(), stem="set")
    assert set(whole.parent.parent.rglob("*.zip")) == kept


@pytest.mark.parametrize(
    ("count", "share", "held"),
    [
        pytest.param(10, 0.24, 2, id="rounded down"),
        pytest.param(10, 0.26, 3, id="rounded up"),
        pytest.param(10, 0.9, 9, id="most"),
        pytest.param(3, 0.9, 2, id="one is left to train"),
        pytest.param(3, 0.01, 1, id="one is held back"),
        pytest.param(1, 0.9, 0, id="a single one is for training"),
        pytest.param(2, 0, 0, id="none is wanted"),
        pytest.param(0, 0.5, 0, id="no picture"),
    ],
)
def test_as_many_pictures_are_held_back_as_the_share_says(count: int, share: float, held: int) -> None:
    subsets = assign_subsets(count, share)
    assert (len(subsets), subsets.count("val")) == (count, held)


def test_the_share_may_be_none_and_the_largest_and_its_refusal_says_so(two: list[ExportItem]) -> None:
    for share in (0, MAX_VALIDATION_SHARE):
        assert files(two, yolo, validation=share)
    with pytest.raises(InputError) as caught:
        files(two, yolo, validation=MAX_VALIDATION_SHARE + 0.001)
    assert caught.value.field == "validation"
    assert caught.value.hint == "Give a number from 0 to 0.9."
    assert reads_as_sentences(caught.value)


@pytest.mark.parametrize(
    ("token", "words", "seen", "classes"),
    [
        pytest.param(FIND, "dog<and>bird", ["cat", "dog"], ["dog", "bird", "cat"], id="classes"),
        pytest.param(GROUND, "zebra, ant and dog", ["dog"], ["zebra", "ant", "dog"], id="list"),
        pytest.param(
            GROUND, "zebra, ant, and dog", ["dog"], ["zebra", "ant", "dog"], id="list with a comma before and"
        ),
        pytest.param(GROUND, "A zebra and a dog.", ["a dog"], ["A zebra", "a dog"], id="list that ends as a sentence"),
        pytest.param(GROUND, "A dog sees a CAR", ["a car", "dog"], ["dog", "a car"], id="sentence"),
        pytest.param(
            GROUND, "catfish and cat", ["cat", "catfish"], ["catfish", "cat"], id="list of which all are found"
        ),
        pytest.param(GROUND, "Dog sees a car", ["a car", "dog"], ["dog", "a car"], id="sentence that starts with one"),
        pytest.param(GROUND, "A dog sees it", ["cat", "dog"], ["dog", "cat"], id="sentence without one of them"),
        pytest.param(SEGMENT, "the dog, left and small", ["x"], ["the dog, left and small", "x"], id="phrase"),
        pytest.param("<OD>", "", ["dog", "ant", "dog"], ["dog", "ant"], id="nothing asked for"),
        pytest.param("<OD>", "", ["a\n b\x00", "", "a b"], ["a b", "object"], id="lines and no label"),
    ],
)
def test_classes_are_those_asked_for_then_those_found(token: str, words: str, seen, classes: list[str]) -> None:
    boxes = [BOXES[0]] * len(seen)
    assert class_names([result(token, f"{token}{words}", seen, boxes)]) == classes
