"""Detections prepared for drawing: in pixels of the target picture, clipped to it, with an outline each.

Outlines become masks no larger than their box (`sv.CompactMask`): a full mask of a 12-megapixel picture would take
12 MB per instance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import supervision as sv
from supervision.config import CLASS_NAME_DATA_FIELD, ORIENTED_BOX_COORDINATES
from supervision.detection.compact_mask import CompactMask

from florence_ui.results.arrays import BoolArray, FloatArray, IntArray, take_rows
from florence_ui.results.result import Result


@dataclass(frozen=True)
class Shapes:
    """Detections in pixels of the picture to draw on.

    Attributes:
        detections: The detections; `xyxyxyxy` is always present.
        outlines: One list of parts per detection, each (n, 2): its polygon, else its quad or the corners of its box.
        has_polygon: (n,) booleans: whether the answer itself had a polygon.
        has_quads: Whether the answer itself had quads.
        size: (width, height) of the picture.
    """

    detections: sv.Detections
    outlines: list[list[FloatArray]]
    has_polygon: BoolArray
    has_quads: bool
    size: tuple[int, int]

    @classmethod
    def of(cls, result: Result, rows: IntArray, size: tuple[int, int]) -> "Shapes":
        """Scale the given rows of a result to a picture of `size` and clip them to it."""
        scale = np.array(size, dtype=np.float32) / np.array(result.size, dtype=np.float32)
        last = np.array(size, dtype=np.float32) - 1

        def fit(points: FloatArray) -> FloatArray:
            return np.clip(np.asarray(points, dtype=np.float32) * scale, 0, last)

        found = take_rows(result.detections, rows)
        boxes = fit(np.reshape(found.xyxy, (-1, 2, 2))).reshape(-1, 4)
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        quads = corners if result.quads is None else fit(result.quads[rows])
        polygons = [[fit(part) for part in result.polygons[row]] for row in rows]
        data = {CLASS_NAME_DATA_FIELD: found.data[CLASS_NAME_DATA_FIELD], ORIENTED_BOX_COORDINATES: quads}
        return cls(
            sv.Detections(xyxy=boxes, class_id=found.class_id, data=data),
            [parts or [quad] for parts, quad in zip(polygons, quads, strict=True)],
            np.array([bool(parts) for parts in polygons]),
            result.quads is not None,
            size,
        )

    def select(self, chosen: BoolArray) -> "Shapes":
        """The rows that a mask (n,) marks."""
        if chosen.all():
            return self
        outlines = [parts for parts, yes in zip(self.outlines, chosen, strict=True) if yes]
        detections = take_rows(self.detections, chosen)
        return Shapes(detections, outlines, self.has_polygon[chosen], self.has_quads, self.size)

    @cached_property
    def masks(self) -> CompactMask:
        """The outlines as masks, one per detection."""
        return rasterize(self.outlines, self.size)

    @cached_property
    def masked(self) -> sv.Detections:
        """The detections with a mask each, and boxes around the masks."""
        return with_masks(self.masks, self.detections)

    @property
    def side(self) -> int:
        """The shorter side of the picture in pixels."""
        return min(self.size)


def rasterize(outlines: Sequence[Sequence[FloatArray]], size: tuple[int, int]) -> CompactMask:
    """Outlines as masks of a picture of (width, height), one per instance."""
    return CompactMask.merge([_rasterize_parts(parts, size) for parts in outlines])


def with_masks(masks: CompactMask, detections: sv.Detections) -> sv.Detections:
    """Masks as detections with the classes of the given ones."""
    return sv.Detections(xyxy=masks.bbox_xyxy.astype(np.float32), class_id=detections.class_id, mask=masks)


def _rasterize_parts(parts: Sequence[FloatArray], size: tuple[int, int]) -> CompactMask:
    """One mask of all parts, rasterized within their common box only."""
    points = np.concatenate(parts)
    x1, y1 = (int(v) for v in np.floor(points.min(axis=0)))
    x2, y2 = (int(v) for v in np.ceil(points.max(axis=0)))
    width, height = x2 - x1 + 1, y2 - y1 + 1
    crop = np.zeros((height, width), dtype=bool)
    for part in parts:
        crop |= sv.polygon_to_mask(np.round(part - (x1, y1)).astype(int), (width, height)).astype(bool)
    corners = np.array([[0, 0, width - 1, height - 1]])
    return CompactMask.from_dense(crop[None], corners, (height, width)).with_offset(x1, y1, (size[1], size[0]))
