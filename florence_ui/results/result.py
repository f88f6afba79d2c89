"""A model's parsed answer: text and detections, in pixels of the upright original picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import supervision as sv
from supervision.config import CLASS_NAME_DATA_FIELD, ORIENTED_BOX_COORDINATES

from florence_ui.results.arrays import BoolArray, FloatArray, IntArray, take_rows
from florence_ui.tasks import Task

POLYGONS = "polygons"
"""Key of `sv.Detections.data`: one list of parts per instance, each (n, 2) floats, n >= 3; together its outline."""

INVERTED = "inverted"
"""Key of `sv.Detections.data`: n booleans, which boxes the model gave with swapped corners."""

BASE_LABELS = "names"
"""Key of `sv.Detections.data`: each instance's label before a follow-up answer was added to it."""


@dataclass(frozen=True)
class Result:
    """A parsed answer.

    Attributes:
        task: The task that was asked.
        prompt: The prompt as it was sent.
        size: (width, height) of the upright original picture, in pixels.
        text: The answer's words, `""` if there are none.
        detections: One row per instance; `xyxy` in pixels with sorted corners, `class_id` one per name,
            `data["class_name"]` the model's own words without markers, and, if the answer has them,
            `data["xyxyxyxy"]` the quads (n, 4, 2) and `data["polygons"]` the polygons. Never None.
        raw: The server's `response` as received (JSON types).
        warnings: Sentences about anomalies in the answer.
    """

    task: Task
    prompt: str
    size: tuple[int, int]
    text: str = ""
    detections: sv.Detections = field(default_factory=sv.Detections.empty)
    raw: Any = None
    warnings: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """One label per detection, `""` included."""
        return [str(name) for name in self.detections.data.get(CLASS_NAME_DATA_FIELD, ())]

    @property
    def names(self) -> list[str]:
        """Each detection's label as first found, without follow-up answers."""
        return [str(name) for name in self.detections.data.get(BASE_LABELS, self.labels)]

    @property
    def polygons(self) -> list[list[FloatArray]]:
        """One list of parts per detection, each (n, 2) floats in pixels; empty if it has no polygon."""
        return list(self.detections.data.get(POLYGONS, [[] for _ in range(len(self.detections))]))

    @property
    def xyxy(self) -> FloatArray:
        """The boxes (n, 4) in pixels, corners sorted."""
        return np.asarray(self.detections.xyxy, dtype=np.float32)

    @property
    def inverted(self) -> BoolArray:
        """(n,) booleans: which boxes came with swapped corners."""
        return np.asarray(self.detections.data.get(INVERTED, np.zeros(len(self.detections))), dtype=bool)

    @property
    def quads(self) -> FloatArray | None:
        """The quads (n, 4, 2) in pixels, or None if the answer has none."""
        quads = self.detections.data.get(ORIENTED_BOX_COORDINATES)
        return None if quads is None else np.asarray(quads, dtype=np.float32)

    def select(self, rows: Sequence[int]) -> "Result":
        """The same answer with only these detections, in this order."""
        return replace(self, detections=take_rows(self.detections, rows))

    def rebuild(self, **changes: Any) -> "Result":
        """The same answer, its detections made anew with some arguments of `make_detections` changed."""
        arguments: dict[str, Any] = {
            "labels": self.labels,
            "xyxy": self.xyxy,
            "quads": self.quads,
            "polygons": self.polygons,
            "inverted": self.inverted,
            "names": self.names,
        }
        return replace(self, detections=make_detections(**arguments | changes))


def make_detections(
    labels: Sequence[str],
    xyxy: Sequence[Sequence[float]] | FloatArray,
    *,
    quads: Sequence[Sequence[Sequence[float]]] | FloatArray | None = None,
    polygons: Sequence[Sequence[FloatArray]] = (),
    inverted: Sequence[bool] | BoolArray | None = None,
    names: Sequence[str] | None = None,
) -> sv.Detections:
    """Build detections in the form that `Result` needs.

    Args:
        labels: n labels, one per detection.
        xyxy: (n, 4) in pixels, corners sorted.
        quads: (n, 4, 2) in pixels.
        polygons: n lists of parts, each (m, 2) in pixels; empty if no detection has any.
        inverted: n booleans, which boxes came with swapped corners; none by default.
        names: n original labels, which decide class ids and colors, so that an object keeps its color when a follow-up
            answer is added to its label; the labels by default.
    """
    if len(labels) == 0:
        return sv.Detections.empty()
    data: dict[str, Any] = {
        CLASS_NAME_DATA_FIELD: np.array(labels, dtype=object),
        INVERTED: np.zeros(len(labels), dtype=bool) if inverted is None else np.asarray(inverted, dtype=bool),
    }
    if names is not None and list(names) != list(labels):
        data[BASE_LABELS] = np.array(names, dtype=object)
    if quads is not None:
        data[ORIENTED_BOX_COORDINATES] = np.asarray(quads, dtype=np.float32).reshape(-1, 4, 2)
    if any(polygons):
        data[POLYGONS] = np.empty(len(labels), dtype=object)
        for index, parts in enumerate(polygons):
            data[POLYGONS][index] = [np.asarray(part, dtype=np.float32).reshape(-1, 2) for part in parts]
    boxes = np.asarray(xyxy, dtype=np.float32).reshape(-1, 4)
    return sv.Detections(xyxy=boxes, class_id=assign_class_ids(labels if names is None else names), data=data)


def class_of(label: str) -> str:
    """The class that a label counts for: without case, and without surrounding or repeated whitespace."""
    return " ".join(label.split()).casefold()


def assign_class_ids(labels: Sequence[str]) -> IntArray:
    """Number the labels in order of appearance.

    Returns:
        (n,) integers; equal labels have equal ids, different ones differ.
    """
    ids: dict[str, int] = {}
    return np.array([ids.setdefault(label, len(ids)) for label in labels], dtype=int)
