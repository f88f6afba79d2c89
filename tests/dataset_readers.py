"""Datasets as read by common readers: their contents, and the readers' complaints.

Ultralytics, datumaro and albumentations are in `tests/requirements-training.txt`, an environment of its own.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import yaml


@dataclass
class Reading:
    """What a reader made of a data set.

    Attributes:
        boxes: (picture's file name, class, box x1 y1 x2 y2 in pixels).
        pictures: File names of all pictures it knows, without suffix where it knows none.
        classes: In the order of their ids.
        complaints: What it said.
    """

    boxes: list[tuple[str, str, np.ndarray]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def by_ultralytics(folder: Path, split: str = "train") -> Reading:
    """Ultralytics' own check of the description, of each picture and of each label file."""
    from PIL import Image
    from ultralytics.data.utils import check_det_dataset, img2label_paths, verify_image_label

    reading = Reading()
    try:
        data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    except (SyntaxError, FileNotFoundError, TypeError) as error:
        reading.complaints.append(str(error))
        return reading
    reading.classes = list(data["names"].values())
    paths = sorted(str(path) for path in Path(data[split]).iterdir())
    for path, labels in zip(paths, img2label_paths(paths), strict=True):
        checked = verify_image_label((path, labels, "", False, data["nc"], 0, 0, False))
        _, rows, shape, segments, _, missing, _, _, corrupt, message = checked
        if message or missing or corrupt:
            reading.complaints.append(str(message or f"{labels} is missing"))
            continue
        reading.pictures.append(Path(path).name)
        height, width = shape
        with Image.open(path) as image:
            assert image.size == (width, height)
        for row in rows:
            x, y, w, h = row[1:] * np.array([width, height, width, height])
            box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
            reading.boxes.append((Path(path).name, reading.classes[int(row[0])], box))
        assert not segments or len(segments) == len(rows)
    return reading


def instances_for_segmentation(folder: Path, split: str = "train") -> tuple[int, int]:
    """How many boxes and polygons Ultralytics has when it trains a segmentation model, without pictures' pixels.

    Raises:
        ValueError: If it refuses the dataset.
    """
    from ultralytics.data.dataset import YOLODataset

    data = yaml.safe_load((folder / "data.yaml").read_text())
    labels = YOLODataset(img_path=str(folder / data[split]), data=data, task="segment", augment=False).labels
    return sum(len(label["cls"]) for label in labels), sum(len(label["segments"]) for label in labels)


def by_pycocotools(annotations: Path) -> Reading:
    """pycocotools."""
    from pycocotools.coco import COCO

    reading = Reading()
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(annotations))
    reading.classes = [category["name"] for category in coco.loadCats(sorted(coco.getCatIds()))]
    names = {image["id"]: image["file_name"] for image in coco.loadImgs(coco.getImgIds())}
    reading.pictures = list(names.values())
    for found in coco.loadAnns(coco.getAnnIds()):
        x, y, w, h = found["bbox"]
        label = coco.loadCats(found["category_id"])[0]["name"]
        reading.boxes.append((names[found["image_id"]], label, np.array([x, y, x + w, y + h])))
        if w <= 0 or h <= 0:
            reading.complaints.append(f"{names[found['image_id']]}: a box of {w} x {h}")
        if found["segmentation"]:
            drawn = float(coco.annToMask(found).sum())
            if abs(drawn - found["area"]) > 0.1 * drawn + 20:
                reading.complaints.append(f"area {found['area']:.0f}, drawn {drawn:.0f} ({label})")
    return reading


def by_datumaro(folder: Path, layout: str) -> Reading:
    """datumaro, which finds out the layout by itself."""
    import datumaro
    from datumaro.components.errors import DatasetImportError

    reading = Reading()
    with _logged(reading):
        detected = datumaro.Dataset.import_from  # the same call that its command line makes
        try:
            options = {"coordinate_mode": "voc-one-based"} if layout == "voc" else {}
            dataset = detected(str(folder), layout, **options)
            items = list(dataset)
        except DatasetImportError as error:
            reading.complaints.append(f"{type(error).__name__}: {error} {error.__cause__ or ''}".strip())
            return reading
    reading.classes = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    for item in items:
        name = Path(item.media.path).name if item.media and item.media.path else item.id
        if not item.media or not Path(item.media.path).is_file():
            reading.complaints.append(f"{item.id}: no picture")
        reading.pictures.append(name)
        for found in item.annotations:
            x, y, w, h = found.get_bbox()
            reading.boxes.append((name, reading.classes[found.label], np.array([x, y, x + w, y + h])))
    return reading


def by_albumentations(boxes: list[list[float]], layout: str, size: tuple[int, int]) -> str:
    """What albumentations says of a picture's boxes as they stand in the file; nothing if they are good."""
    from albumentations.core.bbox_utils import convert_bboxes_to_albumentations

    rows = np.array([[*box, 0] for box in boxes], dtype=np.float64)
    try:
        if len(rows):
            convert_bboxes_to_albumentations(rows, layout, {"height": size[1], "width": size[0]}, check_validity=True)
    except ValueError as error:
        return str(error)
    return ""


def by_supervision(images: Path, annotations: Path, data_yaml: Path | None = None) -> Reading:
    """supervision's own loaders: YOLO with a `data.yaml`, COCO with a file of annotations, else Pascal VOC."""
    import supervision as sv

    if data_yaml:
        dataset = sv.DetectionDataset.from_yolo(str(images), str(annotations), str(data_yaml))
    elif annotations.suffix == ".json":
        dataset = sv.DetectionDataset.from_coco(str(images), str(annotations))
    else:
        dataset = sv.DetectionDataset.from_pascal_voc(str(images), str(annotations))
    reading = Reading(classes=list(dataset.classes))
    for path, image, found in dataset:
        reading.pictures.append(Path(path).name)
        for box, class_id in zip(found.xyxy, found.class_id, strict=True):
            reading.boxes.append((Path(path).name, dataset.classes[class_id], box))
            height, width = image.shape[:2]
            if (box < -1e-3).any() or (box > np.array([width, height, width, height]) + 1e-3).any():
                reading.complaints.append(f"{Path(path).name}: {box} lies outside")
    return reading


def voc_boxes(path: Path) -> tuple[tuple[int, int], list[list[float]]]:
    """A Pascal VOC file's (width, height), and its boxes as they stand in it."""
    root = ElementTree.parse(path).getroot()
    size = int(root.findtext("size/width")), int(root.findtext("size/height"))
    names = ("xmin", "ymin", "xmax", "ymax")
    return size, [[float(box.findtext(name)) for name in names] for box in root.iter("bndbox")]


@contextlib.contextmanager
def _logged(reading: Reading) -> Iterator[None]:
    """What a library logs or warns of from warnings on becomes a complaint."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        with warnings.catch_warnings(record=True):
            yield
    finally:
        logging.getLogger().removeHandler(handler)
        reading.complaints += [line for line in text.getvalue().splitlines() if line]
