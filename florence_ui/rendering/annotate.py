"""A result drawn on its picture, by supervision's annotators.

Every annotator takes every answer: where an instance has no outline, its quad or the corners of its box stand in
for it. So nobody can choose a style that shows nothing; `suitable_annotators` says which ones make sense.

Lengths (line, text, halo, pixels) grow with the picture, so a drawing looks the same on 320 pixels and on 12
megapixels. Outlines become masks of their own box's size only (`sv.CompactMask`): a full mask of a 12-megapixel
picture would take 12 MB an instance.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import supervision as sv
from PIL import Image, ImageChops
from supervision.config import CLASS_NAME_DATA_FIELD, ORIENTED_BOX_COORDINATES
from supervision.detection.compact_mask import CompactMask

from florence_ui.fonts import clean_label, find_font, load_font, truncate
from florence_ui.rendering.style import (
    CORNER_LENGTH,
    HALO_WIDTH,
    LINE_WIDTH,
    MIN_PIXEL_SIZE,
    PALETTES,
    PIXEL_SIZE,
    Annotator,
    Style,
    contrasting_text_color,
    font_size,
)
from florence_ui.results.result import Result

__all__ = ["PALETTES", "Annotator", "Style", "annotate", "suitable_annotators"]

HALO_PIXELS = 400_000
MAX_LABEL_WIDTH = 0.45
"""A label may be that wide, in parts of the picture's width, and at least `MIN_LABEL_TEXTS` times its height."""
MIN_LABEL_TEXTS = 10
LABELS_AT_ONCE = 60
"""Labels that are kept from overlapping each other; the work grows with their square."""


def suitable_annotators(result: Result) -> list[Annotator]:
    """The annotators that suit a result, the best first; empty where there is nothing to draw."""
    if not len(result.detections):
        return []
    boxes = [Annotator.BOX, Annotator.ROUND_BOX, Annotator.CORNERS, Annotator.FILLED]
    effects = [Annotator.SPOTLIGHT, Annotator.HALO, Annotator.BLUR, Annotator.PIXELATE]
    if any(result.polygons):
        return [Annotator.MASK, Annotator.POLYGON, *effects, *boxes]
    if result.quads is not None:
        return [Annotator.ORIENTED_BOX, Annotator.MASK, *boxes, *effects]
    return [*boxes, *effects]


def annotate(
    image: Image.Image, result: Result, style: Style | None = None, shown: Collection[int] | None = None
) -> Image.Image:
    """A new picture with the result on it; the given one stays as it is.

    Args:
        image: The picture at any size; coordinates are scaled from `result.size` to it.
        result: What to draw.
        style: How to draw it.
        shown: Rows of `result.detections` to draw; None for all, what is no row counts for nothing.

    Returns:
        An RGB picture of `image.size`.
    """
    style = style or Style()
    rows = np.array([i for i in range(len(result.detections)) if shown is None or i in shown], dtype=int)
    if not len(rows):
        return image.convert("RGB").copy()
    shapes = _Shapes.of(result, rows, image.size)
    scene = sv.pillow_to_cv2(image if image.mode == "RGB" else image.convert("RGB"))
    for annotators, chosen in _plan(style, shapes):
        for annotator in annotators:
            _PAINTERS[annotator](scene, chosen, style)
    drawn = sv.cv2_to_pillow(scene)
    if style.labels:
        _write_labels(drawn, shapes.detections, style)
    return drawn


@dataclass(frozen=True)
class _Shapes:
    """Detections in pixels of the picture to draw on, cut to it, with an outline each.

    Attributes:
        detections: With `xyxyxyxy` always there.
        outlines: One list of parts a detection, each (n, 2).
        outlined: (n,) booleans: whether the answer itself had the outline.
        quads: Whether the answer itself had the quads.
        size: (width, height) of the picture.
    """

    detections: sv.Detections
    outlines: list[list[np.ndarray]]
    outlined: np.ndarray
    quads: bool
    size: tuple[int, int]

    @classmethod
    def of(cls, result: Result, rows: np.ndarray, size: tuple[int, int]) -> "_Shapes":
        scale = np.array(size, dtype=np.float32) / np.array(result.size, dtype=np.float32)
        last = np.array(size, dtype=np.float32) - 1

        def fit(points: np.ndarray) -> np.ndarray:
            return np.clip(np.asarray(points, dtype=np.float32) * scale, 0, last)

        found = result.detections[rows]
        boxes = fit(found.xyxy.reshape(-1, 2, 2)).reshape(-1, 4)
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

    def take(self, chosen: np.ndarray) -> "_Shapes":
        """The chosen rows (booleans)."""
        if chosen.all():
            return self
        outlines = [parts for parts, yes in zip(self.outlines, chosen, strict=True) if yes]
        return _Shapes(self.detections[chosen], outlines, self.outlined[chosen], self.quads, self.size)

    @cached_property
    def masked(self) -> sv.Detections:
        """The detections with a mask each, kept compact."""
        return _masked(self.outlines, self.detections.class_id, self.size)

    @property
    def side(self) -> int:
        """The shorter side of the picture in pixels."""
        return min(self.size)


def _masked(outlines: list[list[np.ndarray]], class_id: np.ndarray, size: tuple[int, int]) -> sv.Detections:
    masks = [_compact(parts, size) for parts in outlines]
    boxes = np.concatenate([mask.bbox_xyxy for mask in masks]).astype(np.float32)
    return sv.Detections(xyxy=boxes, class_id=class_id, mask=CompactMask.merge(masks))


def _compact(parts: Sequence[np.ndarray], size: tuple[int, int]) -> CompactMask:
    """One mask of all parts, rasterised within their common box only."""
    points = np.concatenate(parts)
    x1, y1 = (int(v) for v in np.floor(points.min(axis=0)))
    x2, y2 = (int(v) for v in np.ceil(points.max(axis=0)))
    width, height = x2 - x1 + 1, y2 - y1 + 1
    crop = np.zeros((height, width), dtype=bool)
    for part in parts:
        crop |= sv.polygon_to_mask(np.round(part - (x1, y1)).astype(int), (width, height)).astype(bool)
    corners = np.array([[0, 0, width - 1, height - 1]])
    return CompactMask.from_dense(crop[None], corners, crop.shape).with_offset(x1, y1, size[::-1])


def _plan(style: Style, shapes: _Shapes) -> list[tuple[list[Annotator], _Shapes]]:
    """Which annotators paint which shapes, in the order of painting."""
    if style.annotators:
        return [([annotator for annotator in Annotator if annotator in style.annotators], shapes)]
    plain = Annotator.ORIENTED_BOX if shapes.quads else Annotator.BOX
    best = [([Annotator.MASK, Annotator.POLYGON], shapes.outlined), ([plain], ~shapes.outlined)]
    return [(annotators, shapes.take(rows)) for annotators, rows in best if rows.any()]


def _line(shapes: _Shapes, style: Style) -> int:
    """Line width in pixels."""
    width = max(sv.calculate_optimal_line_thickness(shapes.size), round(shapes.side * LINE_WIDTH))
    return max(1, round(width * style.thickness))


def _box(annotator: type[sv.BoxAnnotator]) -> "_Painter":
    def paint(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
        annotator(style.color_palette, thickness=_line(shapes, style)).annotate(scene, shapes.detections)

    return paint


def _corners(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    """One at a time: the corners of a small box must be short, or they reach beyond it."""
    longest = max(8, round(shapes.side * CORNER_LENGTH))
    for row, (x1, y1, x2, y2) in enumerate(shapes.detections.xyxy):
        length = max(1, min(longest, int((x2 - x1) / 3), int((y2 - y1) / 3)))
        annotator = sv.BoxCornerAnnotator(style.color_palette, thickness=_line(shapes, style), corner_length=length)
        annotator.annotate(scene, shapes.detections[row : row + 1])


def _filled(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    sv.ColorAnnotator(style.color_palette, opacity=style.opacity).annotate(scene, shapes.detections)


def _mask(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    sv.MaskAnnotator(style.color_palette, opacity=style.opacity).annotate(scene, shapes.masked)


def _polygon(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    sv.PolygonAnnotator(style.color_palette, thickness=_line(shapes, style)).annotate(scene, shapes.masked)


def _blur(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    sv.BlurAnnotator().annotate(scene, shapes.detections)


def _pixelate(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    sv.PixelateAnnotator(max(MIN_PIXEL_SIZE, round(shapes.side * PIXEL_SIZE))).annotate(scene, shapes.detections)


def _spotlight(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    """Boxes as they are; masks as one, for the annotator goes over the whole picture for each."""
    annotator = sv.BackgroundOverlayAnnotator(opacity=min(1.0, style.opacity + 0.2))
    if not (shapes.quads or shapes.outlined.any()):
        annotator.annotate(scene, shapes.detections)
        return
    width, height = shapes.size
    lit = np.zeros((1, height, width), dtype=bool)
    masks = shapes.masked.mask
    for row, (x, y) in enumerate(masks.offsets):
        crop = masks.crop(row)
        lit[0, y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
    everything = sv.Detections(xyxy=np.array([[0, 0, width, height]], dtype=np.float32), mask=lit)
    annotator.annotate(scene, everything)


def _halo(scene: np.ndarray, shapes: _Shapes, style: Style) -> None:
    """Made on a small copy, and what it changed enlarged: a halo is soft, and the annotator needs 60 bytes a pixel."""
    width, height = shapes.size
    factor = min(1.0, math.sqrt(HALO_PIXELS / (width * height)))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    limit = np.array(size) - 1
    outlines = [[np.minimum(part * factor, limit) for part in parts] for parts in shapes.outlines]
    annotator = sv.HaloAnnotator(
        style.color_palette, opacity=min(1.0, 2 * style.opacity), kernel_size=max(3, round(min(size) * HALO_WIDTH))
    )
    before = sv.resize_image(scene, size)
    after = annotator.annotate(before.copy(), _masked(outlines, shapes.detections.class_id, size))
    lighter, darker = (
        Image.fromarray(sv.resize_image(np.asarray(ImageChops.subtract(*map(Image.fromarray, pair))), shapes.size))
        for pair in ((after, before), (before, after))
    )
    np.copyto(scene, np.asarray(ImageChops.subtract(ImageChops.add(Image.fromarray(scene), lighter), darker)))


_Painter = Callable[[np.ndarray, _Shapes, Style], None]
_PAINTERS: dict[Annotator, _Painter] = {
    Annotator.SPOTLIGHT: _spotlight,
    Annotator.BLUR: _blur,
    Annotator.PIXELATE: _pixelate,
    Annotator.HALO: _halo,
    Annotator.FILLED: _filled,
    Annotator.MASK: _mask,
    Annotator.POLYGON: _polygon,
    Annotator.BOX: _box(sv.BoxAnnotator),
    Annotator.ROUND_BOX: _box(sv.RoundBoxAnnotator),
    Annotator.CORNERS: _corners,
    Annotator.ORIENTED_BOX: _box(sv.OrientedBoxAnnotator),
}


def _write_labels(image: Image.Image, detections: sv.Detections, style: Style) -> None:
    """Labels above their boxes, within the picture, spread out where they would cover each other."""
    size = font_size(image.size, style)
    width = max(MAX_LABEL_WIDTH * image.width, MIN_LABEL_TEXTS * size)
    width = min(width, image.width - size)
    texts = [clean_label(label) for label in detections.data[CLASS_NAME_DATA_FIELD]]
    by_font: dict[str | None, list[int]] = {}
    for row, text in enumerate(texts):
        if text:
            by_font.setdefault(find_font(text), []).append(row)
    for path, rows in by_font.items():
        annotator = _label_annotator(path, size, style)
        for start in range(0, len(rows), LABELS_AT_ONCE):
            some = rows[start : start + LABELS_AT_ONCE]
            labels = [truncate(texts[row], load_font(path, size), width) for row in some]
            annotator.annotate(image, detections[some], labels)


def _label_annotator(font_path: str | None, size: int, style: Style) -> sv.RichLabelAnnotator:
    return sv.RichLabelAnnotator(
        color=style.color_palette,
        text_color=sv.ColorPalette([contrasting_text_color(color) for color in style.color_palette.colors]),
        font_path=font_path,
        font_size=size,
        text_padding=max(2, round(size * 0.28)),
        border_radius=max(1, round(size * 0.2)),
        smart_position=True,
    )
