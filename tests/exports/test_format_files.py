"""What each export format writes for one answer and for many, and what it refuses."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sentences import reads_as_sentences

from florence_ui.errors import ImageError, InputError
from florence_ui.exports.formats import FORMATS, Options, export_answer, export_batch
from florence_ui.images.loading import ImageLimits, open_picture
from florence_ui.inference.batch import Batch
from florence_ui.inference.drawing import render
from florence_ui.inference.request import Analysis
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

SIZE = (1600, 400)
"""Larger than what is shown, so that drawings must be of the original."""
TRIANGLE = np.array([[100, 50], [700, 50], [100, 350]], dtype=float)
BOXES = [[100, 50, 700, 350], [800, 80, 1500, 330]]
BRIGHT = Style(palette="bright", labels=False)


def analysis_of(path: Path, labels: Sequence[str] = ("dog", "cat"), polygons=(), boxes=BOXES) -> Analysis:
    """An answer about a plain picture in that file."""
    Image.new("RGB", SIZE, "gray").save(path)
    found = make_detections(labels, boxes[: len(labels)], polygons=polygons)
    result = Result(get_task("<OD>"), "<OD>", SIZE, detections=found)
    return Analysis(result, "base", "local", "127.0.0.1", 0.1, picture=open_picture(path))


def batch_of(*analyses: Analysis) -> Batch:
    """A batch that is done."""
    batch = Batch.of([analysis.picture.path for analysis in analyses], [a.picture.path.name for a in analyses])
    for item, analysis in zip(batch.items, analyses, strict=True):
        item.analysis = analysis.stored()
    return batch


@pytest.fixture
def boxes(tmp_path: Path) -> Analysis:
    return analysis_of(tmp_path / "boxes.png")


@pytest.fixture
def mixed(tmp_path: Path) -> Analysis:
    """The first object has a polygon, the second has none."""
    return analysis_of(tmp_path / "mixed.png", polygons=[[TRIANGLE], []])


@pytest.fixture
def empty(tmp_path: Path) -> Analysis:
    return analysis_of(tmp_path / "empty.png", ())


def pixels(path: Path | io.BytesIO) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_formats_that_are_offered() -> None:
    assert [(row.name, row.title, row.batch_title, row.file_a_picture) for row in FORMATS.values()] == [
        ("png", "Picture (PNG)", "", True),
        ("jpeg", "Picture (JPEG)", "Pictures", True),
        ("json", "JSON", "JSON", False),
        ("csv", "CSV", "CSV", False),
        ("masks", "Masks", "Masks", True),
        ("yolo", "YOLO", "YOLO", False),
        ("coco", "COCO", "COCO", False),
        ("voc", "Pascal VOC", "Pascal VOC", False),
    ]


def test_a_picture_is_drawn_in_its_style_with_what_is_switched_on_at_its_own_size(boxes: Analysis) -> None:
    drawn = pixels(export_answer("png", boxes, BRIGHT, [1]))
    assert drawn.shape == (SIZE[1], SIZE[0], 3)
    assert np.array_equal(drawn, np.asarray(render(boxes, BRIGHT, [1], full=True)))
    assert not np.array_equal(drawn, pixels(export_answer("png", boxes, Style(), [1])))
    assert (drawn[:, :750] == drawn[0, 0]).all(), "the first object is switched off"
    assert Image.open(export_answer("jpeg", boxes, BRIGHT, [1])).format == "JPEG"


@pytest.mark.parametrize(("name", "suffix", "kind"), [("png", ".png", "PNG"), ("jpeg", ".jpg", "JPEG")], ids=str)
def test_pictures_of_many_are_drawn_in_the_style_that_is_set(name, suffix, kind, boxes: Analysis) -> None:
    path = export_batch(name, batch_of(boxes, boxes), Options(style=BRIGHT)).path
    assert path.name == "2-pictures-find-objects.zip"
    written = entries(path)
    assert list(written) == [f"boxes{suffix}", f"boxes-2{suffix}"]
    image = Image.open(io.BytesIO(written[f"boxes-2{suffix}"]))
    assert (image.format, image.size) == (kind, SIZE)
    expected = np.asarray(render(boxes, BRIGHT, full=True), dtype=int)
    assert np.abs(np.asarray(image, dtype=int) - expected).mean() < 1
    plain = entries(export_batch(name, batch_of(boxes)).path)
    assert plain[f"boxes{suffix}"] != written[f"boxes{suffix}"]


def test_a_class_has_one_color_in_all_drawn_pictures(boxes: Analysis) -> None:
    batch = batch_of(boxes)
    batch.color_order = tuple(map(str, range(14)))[:-1]  # one color is left, and it is not one that they prefer
    drawn = pixels(io.BytesIO(entries(export_batch("png", batch).path)["boxes.png"]))
    style = batch.styled(Style())
    assert np.array_equal(drawn, np.asarray(render(boxes, style, full=True)))
    assert style.colors_of(boxes.result) != Style().colors_of(boxes.result)


def test_masks_are_of_what_is_switched_on_only(mixed: Analysis) -> None:
    path = export_answer("masks", mixed, Style(), [0, 1])
    assert path.name == "mixed-find-objects-masks.zip"
    assert list(entries(path)) == ["001-dog.png"]
    both = analysis_of(mixed.picture.path, polygons=[[TRIANGLE], [np.add(TRIANGLE, (600, 20))]])
    assert list(entries(export_answer("masks", both, Style(), [1]))) == ["002-cat.png"]


def test_masks_of_many_are_in_folders_and_pictures_without_any_have_none(mixed: Analysis, boxes: Analysis) -> None:
    path = export_batch("masks", batch_of(boxes, mixed)).path
    assert path.name == "2-pictures-find-objects-masks.zip"
    assert list(entries(path)) == ["mixed/001-dog.png"]


def test_a_dataset_keeps_to_its_pictures_limits_and_the_share_that_is_set(boxes: Analysis) -> None:
    tight = replace(boxes, picture=replace(boxes.picture, limits=ImageLimits(max_pixels=SIZE[0] * SIZE[1] - 1)))
    with pytest.raises(ImageError, match="too large"):
        export_answer("coco", tight, Style(), [0])
    export = export_batch("coco", batch_of(boxes, boxes), Options(validation=0.5))
    assert export.path.name == "2-pictures-find-objects-coco.zip"
    names = entries(export.path)
    assert {"annotations/instances_train.json", "annotations/instances_val.json"} < set(names)


def test_a_dataset_of_one_picture_is_traced_to_its_file(boxes: Analysis) -> None:
    path = export_answer("voc", boxes, Style(), [1])
    assert path.name == "boxes-find-objects-voc.zip"
    table = entries(path)["files.csv"].decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    assert (row["file"], row["picture_number"], row["picture"]) == ("boxes.png", "1", "boxes.png")


@pytest.mark.parametrize(("name", "file"), [("csv", ""), ("json", ""), ("voc", "Annotations/boxes.xml")], ids=str)
def test_a_file_of_one_answer_has_only_what_is_switched_on(name: str, file: str, boxes: Analysis) -> None:
    path = export_answer(name, boxes, Style(), [1])
    written = entries(path)[file] if file else path.read_bytes().partition(b'"raw"')[0]
    assert (b"cat" in written, b"dog" in written) == (True, False)


def test_tables_and_records_are_utf_8_and_a_spreadsheet_is_told_so(tmp_path: Path) -> None:
    answer = analysis_of(tmp_path / "犬.png", ("犬", "cat"))
    for path in (export_answer("csv", answer, Style(), [0]), export_batch("csv", batch_of(answer)).path):
        assert path.suffix == ".csv"
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        first = next(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
        assert (first["picture_number"], first["picture"], first["label"]) == ("1", "犬.png", "犬")
    path = export_batch("json", batch_of(answer)).path
    assert path.name == "1-picture-find-objects.json"
    assert [found["label"] for found in json.loads(path.read_bytes())[0]["detections"]] == ["犬", "cat"]


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        pytest.param("masks", [0, 1], "This answer has no polygons. Run a Segment task", id="no polygons"),
        pytest.param("coco", [], "All objects are switched off. Switch on those", id="all switched off"),
    ],
)
def test_what_one_answer_lacks_is_said_with_a_next_step(name, rows, words, boxes: Analysis) -> None:
    with pytest.raises(InputError, match=words) as caught:
        export_answer(name, boxes, Style(), rows)
    assert reads_as_sentences(caught.value)


def test_polygons_that_are_switched_off_are_no_masks(mixed: Analysis) -> None:
    with pytest.raises(InputError, match="All polygons are switched off"):
        export_answer("masks", mixed, Style(), [1])


@pytest.mark.parametrize("name", ["yolo", "coco", "voc"])
def test_a_dataset_needs_an_object(name: str, empty: Analysis, boxes: Analysis) -> None:
    for write in (
        lambda: export_answer(name, empty, Style(), []),
        lambda: export_batch(name, batch_of(empty, empty)),
    ):
        with pytest.raises(InputError, match=r"no objects\. A dataset needs some: run a Detect task") as caught:
            write()
        assert reads_as_sentences(caught.value)
    assert export_batch(name, batch_of(empty, boxes)).path.exists(), "one with some is enough"


def test_many_answers_without_masks_or_without_any_answer_are_said(boxes: Analysis) -> None:
    for name, batch, words in (
        ("masks", batch_of(boxes), r"These answers have no polygons\. Run a Segment task"),
        ("json", None, r"No picture has an answer yet\. Run some first"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            export_batch(name, batch)
        assert reads_as_sentences(caught.value)


def test_pictures_that_are_gone_are_named_and_the_others_written(boxes: Analysis, tmp_path: Path) -> None:
    gone = analysis_of(tmp_path / "gone.png")
    gone.picture.path.unlink()
    export = export_batch("png", batch_of(gone, boxes))
    assert list(entries(export.path)) == ["boxes.png"]
    (note,) = export.notes
    with pytest.raises(ImageError) as caught:
        export_batch("png", batch_of(gone, gone))
    assert note == f"gone.png was left out: {caught.value}"
