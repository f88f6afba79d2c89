"""Datasets, read back by common readers."""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import dataset_readers as readers
import numpy as np
import pytest
import yaml
from dataset_scenes import ASKED, TASK, Answer, SceneFile, scene_files, truth
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from florence_ui.errors import ImageError, InputError
from florence_ui.exports import coco, voc, yolo
from florence_ui.exports.classes import class_names
from florence_ui.exports.datasets import Export, Layout, dataset_zip
from florence_ui.exports.labeled import assign_subsets
from florence_ui.exports.records import ExportItem
from florence_ui.exports.voc import whole_pixels
from florence_ui.exports.yolo import GRID, _span
from florence_ui.images.loading import ImageLimits
from florence_ui.prompts import build_prompt
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

LAYOUTS: dict[str, Layout] = {"yolo": yolo, "coco": coco, "voc": voc}
YOLO, COCO, VOC = LAYOUTS
TOLERANCE = {YOLO: 0.01, COCO: 0.011, VOC: 1.01}
"""Pixels; Pascal VOC has whole ones, at least two of each."""
SIZE = (400, 300)
HOSTILE = [
    "=1+1",
    "</script><img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "a\x00b\x1b]0;x\x07",
    "]]>&amp;<x/>",
    "'; DROP TABLE",
    "line\nbreak, comma: #1",
    "\u202eevil",
    "日本",
    "",
]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[SceneFile]:
    return scene_files(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def folders(scenes: list[SceneFile], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The scenes' datasets, unpacked."""
    return {layout: unpacked(scenes, layout, tmp_path_factory.mktemp(layout)) for layout in LAYOUTS}


@pytest.fixture(scope="module")
def boxed(scenes: list[SceneFile]) -> list[SceneFile]:
    """The scenes without any polygon."""
    return [scene for scene in scenes if not any(scene.result.polygons)]


@pytest.fixture(scope="module")
def boxed_yolo(boxed: list[SceneFile], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their dataset in YOLO's layout, unpacked."""
    return unpacked(boxed, YOLO, tmp_path_factory.mktemp("boxed"))


def export(scenes: list[SceneFile], layout: str, **options) -> Export:
    examples = [ExportItem(s.name, number, s.path, Answer(s.result)) for number, s in enumerate(scenes, start=1)]
    return dataset_zip(examples, LAYOUTS[layout], ImageLimits(), stem="set", **options)


def unpacked(scenes: list[SceneFile], layout: str, folder: Path, **options) -> Path:
    with zipfile.ZipFile(export(scenes, layout, **options).path) as archive:
        archive.extractall(folder)
    return folder


def found_in(folder: Path, labels, boxes, *, name: str = "a.jpg", token: str = "<OD>", **more) -> SceneFile:
    """A plain picture with an answer."""
    path = folder / f"{len(list(folder.iterdir()))}.jpg"
    Image.new("RGB", SIZE).save(path)
    prompt = more.pop("prompt", token)
    return SceneFile(
        name, path, Result(get_task(token), prompt, SIZE, detections=make_detections(labels, boxes, **more))
    )


def expect_truth(reading: readers.Reading, scenes: list[SceneFile], tolerance: float) -> None:
    """The reader complains about nothing, knows every picture, and has every object where it is."""
    assert reading.complaints == []
    assert len(reading.pictures) == len(set(reading.pictures)) == len(scenes)
    expected = [(label, box) for label, box, _ in truth(scenes)]
    found = [(label, box) for _, label, box in reading.boxes]
    assert len(found) == len(expected)
    for (label, box), (right_label, right_box) in zip(
        sorted(found, key=order), sorted(expected, key=order), strict=True
    ):
        assert label == right_label
        assert np.allclose(box, right_box, atol=tolerance), f"{label}: {box} is not {right_box}"


def order(labeled: tuple[str, np.ndarray]) -> tuple:
    """By label, then roughly from left to right."""
    return (labeled[0], *np.round(labeled[1] / 8).astype(int))


def expect_coco_scores_of_one(annotations: Path, scenes: list[SceneFile]) -> None:
    """COCOeval agrees fully with the truth, boxes and outlines."""
    from pycocotools.cocoeval import COCOeval

    written = json.loads(annotations.read_text("utf-8"))
    ids = {image["file_name"]: image["id"] for image in written["images"]}
    numbers = {category["name"]: category["id"] for category in written["categories"]}
    right = []
    for row, scene in zip(files_of(annotations.parents[1]), scenes, strict=True):
        for label, box, parts in truth([scene]):
            (x1, y1, x2, y2), outline = box.tolist(), [part.ravel().tolist() for part in parts]
            place = {"image_id": ids[row["file"]], "category_id": numbers[label]}
            size = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
            right.append({"id": len(right) + 1, **place, **size, "segmentation": outline})
    given = [{**annotation, "score": 1.0} for annotation in written["annotations"]]
    for kind in ("bbox", "segmentation"):
        sides = [[found for found in side if found[kind]] for side in (right, given)]
        assert len(sides[0]) == len(sides[1]) > 4
        with contextlib.redirect_stdout(io.StringIO()):
            scored = COCOeval(
                *(coco({**written, "annotations": side}) for side in sides), "bbox" if kind == "bbox" else "segm"
            )
            scored.evaluate()
            scored.accumulate()
            scored.summarize()
        assert scored.stats[0] > 0.999, kind


def coco(dataset: dict):
    """pycocotools' view of a dataset."""
    from pycocotools.coco import COCO

    view = COCO()
    view.dataset = dataset
    view.createIndex()
    return view


def files_of(folder: Path) -> list[dict[str, str]]:
    """The rows of `files.csv`."""
    return list(csv.DictReader(io.StringIO((folder / "files.csv").read_text("utf-8-sig"), newline="")))


def test_pycocotools_reads_coco(folders, scenes) -> None:
    pytest.importorskip("pycocotools")
    annotations = folders[COCO] / "annotations" / "instances_default.json"
    expect_truth(readers.by_pycocotools(annotations), scenes, TOLERANCE[COCO])
    expect_coco_scores_of_one(annotations, scenes)


def test_coco_has_no_scores_and_no_licence_that_nobody_gave(folders) -> None:
    data = json.loads((folders[COCO] / "annotations" / "instances_default.json").read_text("utf-8"))
    assert not any("score" in annotation for annotation in data["annotations"])
    assert data["licenses"] == []
    assert data["info"]["prompts"] == [build_prompt(get_task(TASK), classes=ASKED)]
    assert data["info"]["models"] == ["florence-2-nano"]
    assert [category["id"] for category in data["categories"]] == list(range(1, len(data["categories"]) + 1))


def test_a_warning_beside_an_answer_goes_along_with_the_dataset(tmp_path) -> None:
    found = found_in(tmp_path, ["penguin"], [[1, 2, 30, 40]])
    warned = replace(found, result=replace(found.result, warnings=("Florence-2-nano only knows drawn scenes.",)))
    folder = unpacked([warned, found], COCO, tmp_path / "set")
    data = json.loads((folder / "annotations" / "instances_default.json").read_text("utf-8"))
    assert data["info"]["warnings"] == ["Florence-2-nano only knows drawn scenes."]
    assert "Warning: Florence-2-nano only knows drawn scenes." in (folder / "README.txt").read_text("utf-8")


def test_ultralytics_reads_yolo(folders, scenes, boxed_yolo, boxed) -> None:
    pytest.importorskip("ultralytics")
    expect_truth(readers.by_ultralytics(folders[YOLO]), scenes, TOLERANCE[YOLO])
    expect_truth(readers.by_ultralytics(boxed_yolo), boxed, TOLERANCE[YOLO])
    assert readers.by_ultralytics(folders[YOLO]).classes[: len(ASKED)] == list(ASKED)


def test_ultralytics_trains_segmentation_where_any_object_has_a_polygon(folders, scenes) -> None:
    pytest.importorskip("ultralytics")
    assert readers.instances_for_segmentation(folders[YOLO]) == (len(truth(scenes)),) * 2


def test_a_yolo_dataset_has_boxes_only_or_polygons_only(folders, scenes, boxed_yolo, boxed) -> None:
    numbers = [[len(row) for row in yolo_rows(folder)] for folder in (folders[YOLO], boxed_yolo)]
    assert [len(rows) for rows in numbers] == [len(truth(scenes)), len(truth(boxed))]
    assert min(numbers[0]) >= 6, "of three points and more"
    assert set(numbers[1]) == {4}


def yolo_rows(folder: Path) -> list[list[float]]:
    """The numbers behind the class in all label files."""
    lines = [line for path in sorted(folder.glob("labels/*/*.txt")) for line in path.read_text().splitlines()]
    return [[float(number) for number in line.split()[1:]] for line in lines]


def test_ultralytics_reads_both_parts_of_a_split(scenes, tmp_path) -> None:
    pytest.importorskip("ultralytics")
    folder = unpacked(scenes, YOLO, tmp_path, validation=0.3)
    parts = [readers.by_ultralytics(folder, subset) for subset in ("train", "val")]
    assert [len(part.pictures) for part in parts] == [7, 3]
    assert [part.complaints for part in parts] == [[], []]
    assert sum(len(part.boxes) for part in parts) == len(truth(scenes))


def test_datumaro_reads_coco_and_voc(folders, scenes) -> None:
    pytest.importorskip("datumaro")
    reading = readers.by_datumaro(folders[VOC], "voc")
    expect_truth(reading, scenes, TOLERANCE[VOC])
    reading = readers.by_datumaro(folders[COCO], "coco")
    outlined = sum(bool(parts) for _, _, parts in truth(scenes))
    assert reading.complaints == []
    assert len(reading.pictures) == len(scenes)
    assert len(reading.boxes) == len(truth(scenes)) + outlined, "an outline counts beside its box there"
    assert reading.classes[: len(ASKED)] == list(ASKED)


def test_datumaro_reads_yolo_where_there_are_boxes_only(boxed_yolo, boxed) -> None:
    """It passes over every file with an outline, of whatever tool: its reader knows no outlines in YOLO."""
    pytest.importorskip("datumaro")
    expect_truth(readers.by_datumaro(boxed_yolo, "yolo"), boxed, TOLERANCE[YOLO])


def test_albumentations_takes_every_box(folders, boxed_yolo) -> None:
    pytest.importorskip("albumentations")
    rows = yolo_rows(boxed_yolo)
    assert readers.by_albumentations(rows, "yolo", SIZE) == ""
    checked = len(rows)
    data = json.loads((folders[COCO] / "annotations" / "instances_default.json").read_text("utf-8"))
    for image in data["images"]:
        boxes = [a["bbox"] for a in data["annotations"] if a["image_id"] == image["id"]]
        assert readers.by_albumentations(boxes, "coco", (image["width"], image["height"])) == ""
        checked += len(boxes)
    for path in (folders[VOC] / "Annotations").glob("*.xml"):
        size, boxes = readers.voc_boxes(path)
        assert readers.by_albumentations(boxes, "pascal_voc", size) == ""
        checked += len(boxes)
    assert checked > 60


def test_supervision_reads_all_three(folders, scenes, boxed_yolo, boxed) -> None:
    in_yolo, in_coco, in_voc = (folders[layout] for layout in LAYOUTS)
    reading = readers.by_supervision(in_yolo / "images" / "train", in_yolo / "labels" / "train", in_yolo / "data.yaml")
    expect_truth(reading, scenes, TOLERANCE[YOLO])
    places = (boxed_yolo / place for place in ("images/train", "labels/train", "data.yaml"))
    expect_truth(readers.by_supervision(*places), boxed, TOLERANCE[YOLO])
    reading = readers.by_supervision(in_coco / "images", in_coco / "annotations" / "instances_default.json")
    expect_truth(reading, scenes, TOLERANCE[COCO])
    reading = readers.by_supervision(in_voc / "JPEGImages", in_voc / "Annotations")
    assert reading.complaints == []
    assert len(reading.boxes) == len(truth(scenes))


def test_voc_has_its_pixels_inside_and_its_lists(folders, scenes) -> None:
    names = (folders[VOC] / "ImageSets" / "Main" / "train.txt").read_text("utf-8").splitlines()
    assert len(names) == len(scenes)
    for name in names:
        (width, height), boxes = readers.voc_boxes(folders[VOC] / "Annotations" / f"{name}.xml")
        for x1, y1, x2, y2 in boxes:
            assert 1 <= x1 < x2 <= width
            assert 1 <= y1 < y2 <= height


@pytest.mark.parametrize("box", [(0, 0, 400, 300), (399.7, 0, 400, 0.2), (0, 0, 0.3, 0.3), (10.4, 20.5, 11, 21)])
def test_voc_counts_from_one_to_the_last_pixel(box) -> None:
    x1, y1, x2, y2 = whole_pixels(np.array(box), SIZE)
    assert 1 <= x1 < x2 <= 400
    assert 1 <= y1 < y2 <= 300
    assert max(abs(x1 - 1 - box[0]), abs(x2 - box[2]), abs(y1 - 1 - box[1]), abs(y2 - box[3])) < 2


def test_yolo_coordinates_are_rounded_inwards_also_in_32_bits() -> None:
    rng = np.random.default_rng(0)
    edges = np.sort(rng.random((20_000, 2)), axis=1)
    edges[::3, 1], edges[1::3, 0] = 1, 0
    for start, end in edges:
        centre, length = (np.float32(f"{value:.7f}") for value in _span(start, end))
        assert centre - length / 2 >= 0
        assert centre + length / 2 <= 1
        assert abs(float(centre) - (start + end) / 2) < 3 / GRID
        assert 0 < length <= max(end - start, 1 / GRID) + 1e-7


@pytest.mark.parametrize("edge", [0, 1])
def test_every_yolo_box_at_an_edge_stays_inside_in_32_bits(edge: int) -> None:
    ends = np.sort(np.stack([np.arange(1, GRID), np.full(GRID - 1, edge * GRID)]), axis=0)
    centers, lengths = (
        (ends.sum(axis=0) / 2 / GRID).astype(np.float32),
        (np.ptp(ends, axis=0) / GRID).astype(np.float32),
    )
    assert (centers - lengths / 2).min() >= 0
    assert (centers + lengths / 2).max() <= 1


def test_yolo_describes_itself(folders, scenes) -> None:
    data = yaml.safe_load((folders[YOLO] / "data.yaml").read_text("ascii"))
    assert data["train"] == data["val"] == "images/train"
    assert list(data["names"]) == list(range(data["nc"]))
    names = list(data["names"].values())
    assert (folders[YOLO] / "classes.txt").read_text("utf-8").splitlines() == names
    assert "val is the same as train" in (folders[YOLO] / "data.yaml").read_text("ascii")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_box_without_width_or_height_is_left_out_and_said(layout, scenes, folders) -> None:
    done = export(scenes, layout)
    assert done.notes == ("flat.png: left out 2 objects without width or height.",)
    assert f"Note: {done.notes[0]}" in (folders[layout] / "README.txt").read_text("utf-8")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_file_can_be_traced_to_its_picture(layout, scenes, folders) -> None:
    rows = files_of(folders[layout])
    assert [(row["picture_number"], row["picture"]) for row in rows] == [
        (str(number), scene.name) for number, scene in enumerate(scenes, start=1)
    ]
    files = [row["file"] for row in rows]
    assert files[:3] == ["my-photo.png", "a-b.jpg", "a-b-2.jpg"]
    assert len({name.casefold() for name in files}) == len(files)
    stored = {path.name: path for path in folders[layout].rglob("*") if path.suffix in (".jpg", ".png")}
    assert set(stored) == set(files)
    for scene, name in zip(scenes, files, strict=True):
        same = stored[name].read_bytes() == scene.path.read_bytes()
        assert same == (scene.name != "turned.jpg"), f"{scene.name}: only what needs turning is encoded anew"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_share_is_held_back_the_same_every_time(layout, scenes, tmp_path) -> None:
    once, again = (unpacked(scenes, layout, tmp_path / side, validation=0.3) for side in ("a", "b"))
    parts = [[row["subset"] for row in files_of(folder)] for folder in (once, again)]
    assert parts[0] == parts[1]
    assert parts[0].count("val") == 3
    match layout:
        case "yolo":
            data = yaml.safe_load((once / "data.yaml").read_text())
            assert (data["train"], data["val"]) == ("images/train", "images/val")
            assert len(list((once / "labels" / "val").iterdir())) == 3
        case "coco":
            train, val = (
                json.loads((once / f"annotations/instances_{part}.json").read_text()) for part in ("train", "val")
            )
            assert (len(train["images"]), len(val["images"])) == (7, 3)
            assert train["categories"] == val["categories"]
        case "voc":
            lists = [(once / f"ImageSets/Main/{part}.txt").read_text().split() for part in ("train", "val")]
            assert [len(names) for names in lists] == [7, 3]
            assert not set(lists[0]) & set(lists[1])


REQUIREMENTS = Path(__file__).parents[1] / "requirements-training.txt"
COLLECT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[2:]))  # None: not importable
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", sys.argv[1]]))
"""


def test_the_readers_environment_has_what_these_tests_import() -> None:
    there = packages_with(REQUIREMENTS.read_text().splitlines())
    absent = [
        module
        for module, packages in metadata.packages_distributions().items()
        if not there & {canonicalize_name(package) for package in packages}
    ]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-c", COLLECT, __file__, *absent]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environ, cwd=REQUIREMENTS.parents[1]
    )
    assert done.returncode == 0, done.stdout + done.stderr


def packages_with(requirements: list[str]) -> set[str]:
    """The installed packages among these requirements, and what they need."""
    found: set[str] = set()
    waiting = [Requirement(line) for line in requirements if line and not line.startswith("#")]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if name in found or not wanted:
            continue
        with contextlib.suppress(metadata.PackageNotFoundError):
            waiting += [Requirement(line) for line in metadata.requires(name) or []]
            found.add(name)
    return found


def test_each_part_of_a_split_has_at_least_one_picture() -> None:
    assert assign_subsets(1, 0.5) == ["train"]
    assert sorted(assign_subsets(2, 0.01)) == sorted(assign_subsets(2, 0.9)) == ["train", "val"]
    assert assign_subsets(5, 0) == ["train"] * 5


@pytest.mark.parametrize("share", [-0.1, 0.91, 20, float("nan")])
def test_a_share_that_is_none_is_refused(share, scenes) -> None:
    with pytest.raises(InputError, match="share"):
        export(scenes[:1], YOLO, validation=share)


def test_class_ids_follow_the_order_asked_then_first_seen(tmp_path) -> None:
    prompt = "<OPEN_VOCABULARY_DETECTION>zebra<and>ant<and>dog"
    one = found_in(tmp_path, ["dog", "boat"], [[1, 2, 30, 40]] * 2, prompt=prompt)
    other = found_in(tmp_path, ["car", "ant"], [[1, 2, 30, 40]] * 2, prompt=prompt)
    assert class_names([one.result, other.result]) == ["zebra", "ant", "dog", "boat", "car"]
    assert class_names([other.result])[:3] == class_names([one.result])[:3]
    unasked = found_in(tmp_path, ["dog", "ant", "dog"], [[1, 2, 30, 40]] * 3)
    assert class_names([unasked.result]) == ["dog", "ant"]


def test_class_ids_follow_a_sentence(tmp_path) -> None:
    token = "<CAPTION_TO_PHRASE_GROUNDING>"
    box = [[1, 2, 30, 40]]
    told = found_in(tmp_path, ["a bicycle", "A dog"], box * 2, token=token, prompt=f"{token}A dog next to a bicycle.")
    assert class_names([told.result]) == ["A dog", "a bicycle"]
    one, other = (
        found_in(tmp_path, [name], box, token=token, prompt=f"{token}zebra, ant and dog") for name in ("dog", "ant")
    )
    assert class_names([one.result]) == class_names([other.result]) == ["zebra", "ant", "dog"]


def test_the_phrase_is_the_class_of_what_it_segments(tmp_path) -> None:
    token = "<REFERRING_EXPRESSION_SEGMENTATION>"
    triangle = np.array([[10, 10], [100, 10], [60, 80]], dtype=float)
    found = found_in(
        tmp_path,
        ["the brown dog"],
        [[10, 10, 100, 80]],
        token=token,
        prompt=f"{token}the brown dog",
        polygons=[[triangle]],
    )
    reading = readers.by_supervision(
        *(
            unpacked([found], COCO, tmp_path / "coco") / part
            for part in ("images", "annotations/instances_default.json")
        )
    )
    assert reading.classes == ["the brown dog"]


@pytest.mark.parametrize("layout", [YOLO, COCO])
def test_an_instance_of_several_parts_stays_one(layout, tmp_path) -> None:
    triangle = np.array([[10, 10], [100, 10], [60, 80]], dtype=float)
    parts = [triangle + np.array(offset) for offset in ([0, 0], [120, 10], [20, 150])]
    found = found_in(tmp_path, ["a", "b"], [[10, 10, 220, 230], [200, 20, 300, 90]], polygons=[parts, []])
    folder = unpacked([found], layout, tmp_path / "set")
    if layout is YOLO:
        import supervision as sv

        ((_, _, back),) = sv.DetectionDataset.from_yolo(
            str(folder / "images/train"), str(folder / "labels/train"), str(folder / "data.yaml")
        )
        drawn = np.any([sv.polygon_to_mask(part.astype(int), SIZE) for part in parts], axis=0)
        assert len(back) == 2
        assert (back.mask[0] & drawn).sum() / (back.mask[0] | drawn).sum() > 0.95
    else:
        first, second = json.loads((folder / "annotations/instances_default.json").read_text())["annotations"]
        assert [len(part) for part in first["segmentation"]] == [6, 6, 6]
        assert first["area"] == pytest.approx(3 * 90 * 70 / 2)
        assert (second["segmentation"], second["area"]) == ([], 7000)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hostile_labels_and_names_stay_text(layout, tmp_path) -> None:
    boxes = [[n, n, n + 20, n + 20] for n in range(len(HOSTILE))]
    found = found_in(tmp_path, HOSTILE, boxes, name="../../<x>;=1+1.jpg")
    folder = unpacked([found], layout, tmp_path / "set")
    names = (folder / "classes.txt").read_text("utf-8").splitlines()
    assert len(names) == len(HOSTILE)
    assert names[:3] == HOSTILE[:3]
    assert names[-2:] == ["日本", "object"]
    assert not any(ord(c) < 32 or c == "\u202e" for name in names for c in name)
    (row,) = files_of(folder)
    assert row["picture"] == "../../<x>;'=1+1.jpg"
    assert row["file"] == "x-1-1.jpg"
    assert [p.name for p in folder.rglob("*.jpg")] == ["x-1-1.jpg"]
    places = {
        YOLO: ("images/train", "labels/train", "data.yaml"),
        COCO: ("images", "annotations/instances_default.json"),
        VOC: ("JPEGImages", "Annotations"),
    }
    reading = readers.by_supervision(*(folder / place for place in places[layout]))
    assert sorted(label for _, label, _ in reading.boxes) == sorted(names)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_picture_that_cannot_be_opened_is_left_out_and_said(layout, scenes, tmp_path) -> None:
    gone = found_in(tmp_path, ["dog"], [[1, 2, 30, 40]], name="gone.jpg")
    gone.path.unlink()
    done = export([scenes[0], gone], layout)
    rows = files_of(unpacked([scenes[0], gone], layout, tmp_path / "set"))
    assert [(row["picture"], row["file"]) for row in rows] == [("my photo.png", "my-photo.png"), ("gone.jpg", "")]
    assert done.notes == (f"gone.jpg was left out: {rows[1]['left_out']}",)
    with pytest.raises(ImageError):
        export([gone], layout)


def test_answers_to_two_questions_say_which_is_which(tmp_path) -> None:
    one = found_in(tmp_path, ["dog"], [[1, 2, 30, 40]])
    other = found_in(tmp_path, ["cat"], [[1, 2, 30, 40]], name="b.jpg", token="<DENSE_REGION_CAPTION>")
    folder = unpacked([one, other], COCO, tmp_path / "set")
    assert [(row["picture"], row["prompt"]) for row in files_of(folder)] == [
        ("a.jpg", "<OD>"),
        ("b.jpg", "<DENSE_REGION_CAPTION>"),
    ]
    data = json.loads((folder / "annotations" / "instances_default.json").read_text("utf-8"))
    assert data["info"]["prompts"] == ["<OD>", "<DENSE_REGION_CAPTION>"]
