"""Pictures with their objects, as passed to the dataset layouts: class, box and polygon, clipped to the picture."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import supervision as sv

from florence_ui.exports.classes import clean_class_name
from florence_ui.exports.records import DECIMALS
from florence_ui.results.arrays import FloatArray
from florence_ui.results.result import Result

TRAIN, VAL = "train", "val"
SEED = 0


@dataclass(frozen=True, eq=False)
class Instance:
    """One object.

    Attributes:
        class_id: Index of its class.
        xyxy: (4,) corners in pixels inside the picture, with positive area; around the polygon if there is one.
        parts: Its polygon, parts of shape (n, 2) inside the picture; empty if it has none.
    """

    class_id: int
    xyxy: FloatArray
    parts: tuple[FloatArray, ...] = ()

    @property
    def area(self) -> float:
        """The area of the polygon, or of the box if there is none, in square pixels."""
        if not self.parts:
            x1, y1, x2, y2 = self.xyxy
            return float((x2 - x1) * (y2 - y1))
        return sum(polygon_area(part) for part in self.parts)


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """One picture of a dataset.

    Attributes:
        file: Its file's name, without a folder.
        stem: The same without its suffix; no other picture has it.
        size: (width, height) in pixels.
        channels: 1 if the file is gray, else 3.
        subset: `TRAIN` or `VAL`.
        instances: Its objects.
    """

    file: str
    stem: str
    size: tuple[int, int]
    channels: int
    subset: str
    instances: tuple[Instance, ...]


@dataclass(frozen=True, eq=False)
class LabeledDataset:
    """A dataset.

    Attributes:
        pictures: In the order given.
        classes: By their ids, from 0.
        about: Prompts, models, warnings and what was left out, as JSON types.
    """

    pictures: tuple[LabeledImage, ...]
    classes: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def subsets(self) -> tuple[str, ...]:
        """`TRAIN`, and `VAL` if some pictures are held back."""
        return (TRAIN, VAL) if any(picture.subset == VAL for picture in self.pictures) else (TRAIN,)


def assign_subsets(count: int, share: float) -> list[str]:
    """Assign each of `count` pictures to a subset, the same way every time.

    Args:
        count: How many pictures there are.
        share: The fraction for validation, 0 to 1; of two or more pictures each subset gets at least one.
    """
    held = min(max(round(count * share), 1), count - 1) if share > 0 and count > 1 else 0
    chosen = set(random.Random(SEED).sample(range(count), held))
    return [VAL if index in chosen else TRAIN for index in range(count)]


def collect_instances(result: Result, classes: Sequence[str]) -> tuple[list[Instance], int]:
    """The objects of an answer, and how many were left out for having no width or height inside the picture."""
    found: list[Instance] = []
    ids = {name: class_id for class_id, name in enumerate(classes)}
    for label, box, parts in zip(result.labels, result.xyxy, result.polygons, strict=True):
        inside = tuple(part for part in (_clip(part, result) for part in parts) if _has_extent(part))
        corners = np.concatenate(inside) if inside else np.empty((0, 2)) if parts else _clip(box.reshape(2, 2), result)
        if _has_extent(corners):
            xyxy = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
            found.append(Instance(ids[clean_class_name(label)], xyxy, inside))
    return found, len(result.detections) - len(found)


def polygon_area(points: FloatArray) -> float:
    """The area enclosed by a ring of points (n, 2), by the shoelace formula."""
    x, y = points.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def join_parts(parts: Sequence[FloatArray]) -> FloatArray:
    """Join parts into one ring (n, 2) by zero-width lines: from each to the next and, at the end, all the way back."""
    if len(parts) == 1:
        return parts[0]
    rings = [np.vstack([part, part[:1]]) for part in parts]
    way_back = [part[:1] for part in parts[-2::-1]]
    return np.concatenate([*rings, *way_back])


def box_corners(xyxy: FloatArray) -> FloatArray:
    """A box (4,) as a ring of its four corners (4, 2)."""
    return np.asarray(sv.xyxy_to_polygons(xyxy[None])[0], dtype=float)


def _clip(points: FloatArray, result: Result) -> FloatArray:
    return np.clip(np.round(points.astype(np.float64), DECIMALS), 0, result.size)


def _has_extent(points: FloatArray) -> bool:
    return len(points) > 0 and bool((np.ptp(points, axis=0) > 0).all())
