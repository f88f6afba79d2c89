"""YOLO as Ultralytics reads it: `data.yaml`, and a text file for each picture.

supervision's writer is not used: it rounds coordinates outwards, does not list `train` and `val`, and mixes boxes with
polygons. Ultralytics drops a picture that has both, and trains no segmentation model on a dataset that has both.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import yaml

from florence_ui.exports.labeled import TRAIN, VAL, Instance, LabeledDataset, LabeledImage, box_corners, join_parts

GRID = 10**6
"""Steps of a coordinate between 0 and 1, so few that boxes stay in the picture for readers with 32-bit floats too."""


def picture_path(picture: LabeledImage) -> str:
    """Where a picture lies in the archive."""
    return f"images/{picture.subset}/{picture.file}"


def files(dataset: LabeledDataset) -> Iterator[tuple[str, str]]:
    """(path, text) of everything but the pictures."""
    subsets = dataset.subsets
    paths = {"train": f"images/{TRAIN}", "val": f"images/{subsets[-1]}"}
    names = dict(enumerate(dataset.classes))
    note = "" if VAL in subsets else "# No picture is held back for validation, so val is the same as train.\n"
    yield "data.yaml", note + yaml.safe_dump({**paths, "nc": len(names), "names": names}, sort_keys=False)
    has_polygons = any(instance.parts for picture in dataset.pictures for instance in picture.instances)
    write = _polygon if has_polygons else _box
    for picture in dataset.pictures:
        lines = [write(instance, picture.size) for instance in picture.instances]
        yield f"labels/{picture.subset}/{picture.stem}.txt", "".join(f"{line}\n" for line in lines)


def _polygon(instance: Instance, size: tuple[int, int]) -> str:
    """The polygon, or the box as its four corners."""
    ring = join_parts(instance.parts) if instance.parts else box_corners(instance.xyxy)
    return _line(instance.class_id, (ring / np.array(size)).ravel())


def _box(instance: Instance, size: tuple[int, int]) -> str:
    """The box as center and size."""
    x1, y1, x2, y2 = instance.xyxy
    (x, width), (y, height) = _span(x1 / size[0], x2 / size[0]), _span(y1 / size[1], y2 / size[1])
    return _line(instance.class_id, (x, y, width, height))


def _span(start: float, end: float) -> tuple[float, float]:
    """Center and length of a span within 0 to 1, rounded inwards; at least one step."""
    low = min(math.ceil(start * GRID), GRID - 1)
    high = max(math.floor(end * GRID), low + 1)
    return (low + high) / 2 / GRID, (high - low) / GRID


def _line(class_id: int, numbers: Iterable[float]) -> str:
    return " ".join([str(class_id), *(f"{number:.7f}" for number in numbers)])
