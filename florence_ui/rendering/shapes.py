"""Detections prepared for drawing: in pixels of the canvas, clipped to the picture, with an outline each.

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

from florence_ui.rendering.view import Frame
from florence_ui.results.arrays import BoolArray, FloatArray, IntArray, take_rows
from florence_ui.results.result import Result

ROW = "row"
"""Key of `sv.Detections.data`: the row of each in the answer."""


@dataclass(frozen=True)
class Shapes:
    """Detections in pixels of the canvas to draw on.

    Attributes:
        detections: The detections, `class_id` being indices of colors; `data` has their rows in the answer, their names
            and quads; `xyxy` is clipped to the canvas.
        outlines: One list of parts per detection, each (n, 2): its polygon, else its quad or the corners of its box.
        has_polygon: (n,) booleans: whether the answer itself had a polygon.
        has_quads: Whether the answer itself had quads.
        frame: Where the picture lies on the canvas.
    """

    detections: sv.Detections
    outlines: list[list[FloatArray]]
    has_polygon: BoolArray
    has_quads: bool
    frame: Frame

    @classmethod
    def of(cls, result: Result, rows: IntArray, frame: Frame, colors: IntArray) -> "Shapes":
        """Put the given rows of a result on a canvas; those that lie outside of it are left out.

        Args:
            result: The answer.
            rows: Rows of its detections.
            frame: Where its picture lies on the canvas.
            colors: (n,) index of the color of each of its detections.
        """
        scale = np.array(frame.picture_size, dtype=np.float32) / np.array(result.size, dtype=np.float32)
        first = np.array(frame.origin, dtype=np.float32)
        last = first + np.array(frame.picture_size, dtype=np.float32) - 1
        corner = np.array(frame.size, dtype=np.float32) - 1

        def fit(points: FloatArray) -> FloatArray:
            return np.clip(np.asarray(points, dtype=np.float32) * scale + first, first, last)

        sides = fit(np.reshape(result.xyxy[rows], (-1, 2, 2)))
        seen = (sides[:, 0] <= corner).all(axis=1) & (sides[:, 1] >= 0).all(axis=1)
        rows, sides = rows[seen], sides[seen]
        labels = np.array(result.labels, dtype=object)[rows]
        boxes = np.clip(sides, 0, corner).reshape(-1, 4)
        corners = sides.reshape(-1, 4)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        quads = corners if result.quads is None else fit(result.quads[rows])
        polygons = [[fit(part) for part in result.polygons[row]] for row in rows]
        data = {ROW: rows, CLASS_NAME_DATA_FIELD: labels, ORIENTED_BOX_COORDINATES: quads}
        return cls(
            sv.Detections(xyxy=boxes, class_id=colors[rows], data=data),
            [parts or [quad] for parts, quad in zip(polygons, quads, strict=True)],
            np.array([bool(parts) for parts in polygons], dtype=bool),
            result.quads is not None,
            frame,
        )

    def select(self, chosen: BoolArray) -> "Shapes":
        """The rows that a mask (n,) marks."""
        if chosen.all():
            return self
        outlines = [parts for parts, yes in zip(self.outlines, chosen, strict=True) if yes]
        detections = take_rows(self.detections, chosen)
        return Shapes(detections, outlines, self.has_polygon[chosen], self.has_quads, self.frame)

    @cached_property
    def masks(self) -> CompactMask:
        """The outlines as masks, one per detection."""
        return rasterize(self.outlines, self.size)

    @cached_property
    def masked(self) -> sv.Detections:
        """The detections with a mask each, and boxes around the masks."""
        return with_masks(self.masks, self.detections)

    @property
    def colors(self) -> IntArray:
        """(n,) indices of colors."""
        return np.asarray(self.detections.class_id, dtype=int)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the canvas."""
        return self.frame.size

    @property
    def side(self) -> int:
        """The shorter side of the whole picture, in pixels of the canvas."""
        return max(1, round(min(self.frame.picture_size)))


def rasterize(outlines: Sequence[Sequence[FloatArray]], size: tuple[int, int]) -> CompactMask:
    """Outlines as masks of a canvas of (width, height), one per instance; what lies outside of it is cut off."""
    return CompactMask.merge([_rasterize_parts(parts, size) for parts in outlines])


def with_masks(masks: CompactMask, detections: sv.Detections) -> sv.Detections:
    """Masks as detections with the classes of the given ones."""
    return sv.Detections(xyxy=masks.bbox_xyxy.astype(np.float32), class_id=detections.class_id, mask=masks)


def _rasterize_parts(parts: Sequence[FloatArray], size: tuple[int, int]) -> CompactMask:
    """One mask of all parts, rasterized within their common box only."""
    points = np.concatenate(parts)
    last = np.array(size) - 1
    x1, y1 = (int(v) for v in np.clip(np.floor(points.min(axis=0)), 0, last))
    x2, y2 = (int(v) for v in np.clip(np.ceil(points.max(axis=0)), 0, last))
    width, height = x2 - x1 + 1, y2 - y1 + 1
    crop = np.zeros((height, width), dtype=bool)
    for part in parts:
        crop |= sv.polygon_to_mask(np.round(part - (x1, y1)).astype(int), (width, height)).astype(bool)
    corners = np.array([[0, 0, width - 1, height - 1]])
    return CompactMask.from_dense(crop[None], corners, (height, width)).with_offset(x1, y1, (size[1], size[0]))
