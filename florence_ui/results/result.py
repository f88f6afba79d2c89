"""What a model's answer means: text and detections, in pixels of the upright original picture."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import supervision as sv
from supervision.config import CLASS_NAME_DATA_FIELD, ORIENTED_BOX_COORDINATES

from florence_ui.tasks import Task

POLYGONS = "polygons"
"""Key of `sv.Detections.data` that holds each instance's outline: a list of parts, each (n, 2) floats, n >= 3."""

INVERTED = "inverted"
"""Key of `sv.Detections.data` that tells (n booleans) which boxes came with swapped corners."""

BASE_LABELS = "names"
"""Key of `sv.Detections.data` that holds what each instance was called before words about it came into its label."""

PALETTE_SIZE = 10
"""How many colors a palette has, as a rule."""


@dataclass(frozen=True)
class Result:
    """One answer, parsed.

    Attributes:
        task: The task that was asked.
        prompt: The prompt as it was sent.
        size: (width, height) of the upright original picture, in pixels.
        text: The answer's words, `""` where there are none.
        detections: One row an instance; `xyxy` in pixels with sorted corners, `class_id` stable per name,
            `data["class_name"]` the model's own words without markers, and, where the answer has them,
            `data["xyxyxyxy"]` the quads (n, 4, 2) and `data["polygons"]` the outlines. Never None.
        raw: The server's `response` as it came (JSON types).
        warnings: Sentences about what is odd in the answer.
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
        """One label a detection, `""` included."""
        return [str(name) for name in self.detections.data.get(CLASS_NAME_DATA_FIELD, ())]

    @property
    def names(self) -> list[str]:
        """What each detection was called when it was found: its label without what was said of it later."""
        return [str(name) for name in self.detections.data.get(BASE_LABELS, self.labels)]

    @property
    def polygons(self) -> list[list[np.ndarray]]:
        """One list of parts a detection, each (n, 2) floats in pixels; empty lists where there is no outline."""
        return list(self.detections.data.get(POLYGONS, [[] for _ in range(len(self.detections))]))

    @property
    def inverted(self) -> np.ndarray:
        """(n,) booleans: which boxes came with swapped corners."""
        return self.detections.data.get(INVERTED, np.zeros(len(self.detections), dtype=bool))

    @property
    def quads(self) -> np.ndarray | None:
        """The quads (n, 4, 2) in pixels, or None where the answer has none."""
        return self.detections.data.get(ORIENTED_BOX_COORDINATES)

    def select(self, rows: Sequence[int]) -> "Result":
        """The same answer with those of its detections alone."""
        kept = self.detections[np.asarray(rows, dtype=int)] if len(rows) else sv.Detections.empty()
        return replace(self, detections=kept)


def make_detections(
    labels: Sequence[str],
    xyxy: Sequence[Sequence[float]] | np.ndarray,
    *,
    quads: Sequence[Sequence[Sequence[float]]] | np.ndarray | None = None,
    polygons: Sequence[Sequence[np.ndarray]] | None = None,
    inverted: Sequence[bool] | np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> sv.Detections:
    """Detections as `Result` holds them.

    Args:
        labels: One a detection, n in all.
        xyxy: (n, 4) in pixels, corners sorted.
        quads: (n, 4, 2) in pixels.
        polygons: n lists of parts, each (m, 2) in pixels.
        inverted: n booleans, which boxes came with swapped corners; none if left out.
        names: n texts, the labels as they were at first, which decide the class ids, so that an object keeps its
            color whatever is said of it later; the same as the labels if left out.
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
    if polygons is not None:
        outlines = np.empty(len(labels), dtype=object)
        for index, parts in enumerate(polygons):
            outlines[index] = [np.asarray(part, dtype=np.float32).reshape(-1, 2) for part in parts]
        data[POLYGONS] = outlines
    boxes = np.asarray(xyxy, dtype=np.float32).reshape(-1, 4)
    return sv.Detections(xyxy=boxes, class_id=assign_class_ids(labels if names is None else names), data=data)


def assign_class_ids(labels: Sequence[str]) -> np.ndarray:
    """An id for every label, the same in every picture unless two labels of one picture would share it.

    The first `PALETTE_SIZE` labels of a picture have ids below that number, so that each has a color of its own in a
    palette of that many.

    Returns:
        (n,) integers; equal labels have equal ids, different ones differ.
    """
    ids: dict[str, int] = {}
    taken: set[int] = set()
    for label in labels:
        if label not in ids:
            first = len(ids) // PALETTE_SIZE * PALETTE_SIZE
            wanted = zlib.crc32(label.encode("utf-8", "replace")) % PALETTE_SIZE
            while first + wanted in taken:
                wanted = (wanted + 1) % PALETTE_SIZE
            ids[label] = first + wanted
            taken.add(first + wanted)
    return np.array([ids[label] for label in labels], dtype=int)
