"""A result drawn on its picture by supervision's annotators.

On a picture as a whole, lengths (lines, text, halo, pixels) grow with it, so a drawing looks the same at 320 pixels and
at 12 megapixels. For a screen, lines and text have one size in CSS pixels, whatever the picture and the zoom.
"""

from collections.abc import Callable, Collection
from functools import partial

import numpy as np
import supervision as sv
from PIL import Image

from florence_ui.rendering.annotators import ANNOTATORS, DEFAULTS, LINES, OFFERED, Annotator, Brush, Scene
from florence_ui.rendering.labels import write_labels, write_view_labels
from florence_ui.rendering.shapes import Shapes
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import Frame, View
from florence_ui.results.arrays import BoolArray
from florence_ui.results.result import Result
from florence_ui.tasks import OutputKind


def suitable_annotators(result: Result) -> list[str]:
    """Names of the annotators that suit a result, best first; empty if there is nothing to draw."""
    if not len(result.detections):
        return []
    quads_or_boxes = OutputKind.BOXES if result.quads is None else OutputKind.QUADS
    groups = OFFERED[OutputKind.POLYGONS if any(result.polygons) else quads_or_boxes]
    return [name for group in groups for name, annotator in ANNOTATORS.items() if annotator.group is group]


def automatic_annotators(result: Result) -> list[str]:
    """Names of the annotators that draw a result unless others are chosen."""
    has_polygon = np.array([bool(parts) for parts in result.polygons], dtype=bool)
    return [name for names, _ in _automatic(has_polygon, has_quads=result.quads is not None) for name in names]


def annotate(
    image: Image.Image, result: Result, style: Style | None = None, shown: Collection[int] | None = None
) -> Image.Image:
    """Draw a result on a copy of its picture.

    Args:
        image: The picture at any size; coordinates are scaled from `result.size` to it.
        result: What to draw.
        style: How to draw it.
        shown: Rows of `result.detections` to draw, or None for all; out-of-range rows are ignored.

    Returns:
        An RGB picture of `image.size`.
    """
    style = style or Style()
    shapes = _shapes(result, shown, Frame.whole(image.size), style)
    return draw(image, shapes, style, partial(_paint, style), shapes if style.labels else None)


def annotate_view(
    scene: Scene, result: Result, view: View, style: Style | None = None, shown: Collection[int] | None = None
) -> Image.Image:
    """Draw a result for a screen.

    Args:
        scene: What the view shows, with its margin on every side; not modified.
        result: What to draw.
        view: The part of the picture, and its size on the screen.
        style: How to draw it.
        shown: Rows of `result.detections` to draw, or None for all; out-of-range rows are ignored.

    Returns:
        An RGB picture of `view.size`.
    """
    style = style or Style()
    shapes = _shapes(result, shown, Frame.of(view), style)
    return draw_view(scene, shapes, view, style, partial(_paint, style), shapes if style.labels else None)


Paint = Callable[[Scene, Shapes, Brush], None]
"""Paints everything but the labels on a scene, in place."""


def draw(image: Image.Image, shapes: Shapes, style: Style, paint: Paint, labeled: Shapes | None) -> Image.Image:
    """Paint shapes on a copy of their picture, and write the labels of some of them."""
    scene = sv.pillow_to_cv2(image if image.mode == "RGB" else image.convert("RGB"))
    if len(shapes.detections):
        paint(scene, shapes, style.brush(image.size))
    drawn = sv.cv2_to_pillow(scene)
    if labeled and len(labeled.detections):
        write_labels(drawn, labeled.detections, style)
    return drawn


def draw_view(
    scene: Scene, shapes: Shapes, view: View, style: Style, paint: Paint, labeled: Shapes | None
) -> Image.Image:
    """The same on a copy of what a view shows, with its margin on every side."""
    if len(shapes.detections):
        scene = scene.copy()
        paint(scene, shapes, style.view_brush(view))
    drawn = without_margin(scene, view)
    if labeled and len(labeled.detections):
        write_view_labels(drawn, labeled, view, style)
    return drawn


def without_margin(scene: Scene, view: View) -> Image.Image:
    """What a view shows of a scene, as an RGB picture of its own."""
    return sv.cv2_to_pillow(scene[view.margin : -view.margin, view.margin : -view.margin])


def _shapes(result: Result, shown: Collection[int] | None, frame: Frame, style: Style) -> Shapes:
    rows = np.array([i for i in range(len(result.detections)) if shown is None or i in shown], dtype=int)
    return Shapes.of(result, rows, frame, style.color_slots(result))


def _paint(style: Style, scene: Scene, shapes: Shapes, brush: Brush) -> None:
    for annotator, some in _plan(style, shapes):
        if brush.casing and annotator.group in LINES:
            annotator.paint(scene, some, brush.of_casing)
        annotator.paint(scene, some, brush)


def _plan(style: Style, shapes: Shapes) -> list[tuple[Annotator, Shapes]]:
    """The annotators and the shapes that each paints, in the order of painting."""
    if style.annotators:
        return [(annotator, shapes) for name, annotator in ANNOTATORS.items() if name in style.annotators]
    return [
        (ANNOTATORS[name], some)
        for names, chosen in _automatic(shapes.has_polygon, has_quads=shapes.has_quads)
        for some in [shapes.select(chosen)]
        for name in names
    ]


def _automatic(has_polygon: BoolArray, *, has_quads: bool) -> list[tuple[tuple[str, ...], BoolArray]]:
    """Names of the annotators that draw unless others are chosen, and the detections that they draw."""
    others = OutputKind.QUADS if has_quads else OutputKind.BOXES
    kinds = ((OutputKind.POLYGONS, has_polygon), (others, ~has_polygon))
    return [(DEFAULTS[kind], chosen) for kind, chosen in kinds if chosen.any()]
