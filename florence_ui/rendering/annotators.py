"""Every way to show detections, one row each: how it is painted, when it is offered, and its code in a snippet.

To add an annotator, add a row to `ANNOTATORS`: the page, the API, share links and snippets take their choices from
there. Every annotator accepts every answer: the quad or the corners of the box replace a missing polygon, so every
choice shows something.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
import supervision as sv
from PIL import Image, ImageChops

from florence_ui.rendering.shapes import Shapes, rasterize, with_masks
from florence_ui.tasks import OutputKind

HALO_WIDTH, BLUR_SIZE, PIXEL_SIZE, CORNER_LENGTH = 0.08, 0.013, 0.02, 0.03
"""Sizes of halo, blur, pixelated blocks and corners, as fractions of the picture's shorter side."""
MIN_HALO_WIDTH, MIN_BLUR_SIZE, MIN_PIXEL_SIZE, MIN_CORNER_LENGTH = 3, 15, 4, 8
"""Their minimum in pixels."""
HALO_PIXELS = 400_000
"""Pixels of the copy on which a halo is painted."""

CASING = sv.ColorPalette.from_hex(["#101113"])
"""The color below lines."""

Scene = npt.NDArray[np.uint8]
"""(height, width, 3) BGR; annotators paint on it in place."""


@dataclass(frozen=True)
class Brush:
    """Colors and sizes for annotators.

    Attributes:
        palette: Colors by the class ids of `Shapes`.
        thickness: Line width in pixels.
        opacity: 0 to 1.
        casing: Width in pixels of a dark rim on both sides of a line, which keeps it legible on any picture; 0 for
            none.
    """

    palette: sv.ColorPalette
    thickness: int
    opacity: float
    casing: int = 0

    @property
    def of_casing(self) -> "Brush":
        """The brush that paints the dark lines below the others."""
        return Brush(CASING, self.thickness + 2 * self.casing, self.opacity)


class Group(StrEnum):
    """Kinds of annotators; see `OFFERED`."""

    MASK = "mask"
    POLYGON = "polygon"
    QUAD = "quad"
    BOX = "box"
    FILL = "fill"
    EFFECT = "effect"


LINES = (Group.POLYGON, Group.QUAD, Group.BOX)
"""The groups that draw lines."""


@dataclass(frozen=True)
class Annotator:
    """One way to show detections.

    Attributes:
        name: Its name on the page, in the API and in share links.
        group: Its group, which determines for which answers it is offered, and where in the list.
        paint: Paint shapes on a scene, in place.
        code: Opacity -> the expression that creates supervision's annotator in a snippet, in terms of `palette`,
            `thickness` and `side` (the picture's shorter one).
        needs: What detections must have for that code to work: POLYGONS, QUADS, or None for boxes alone.
        fallback: Name of the annotator that replaces it in a snippet if they lack it.
    """

    name: str
    group: Group
    paint: Callable[[Scene, Shapes, Brush], None]
    code: Callable[[float], str]
    needs: OutputKind | None = None
    fallback: str = "box"


class _SupervisionAnnotator(Protocol):
    def annotate(self, scene: Scene, detections: sv.Detections) -> object: ...


def _painter(
    create: Callable[[Brush, int], _SupervisionAnnotator], *, masked: bool = False
) -> Callable[[Scene, Shapes, Brush], None]:
    """A painter from supervision's annotator for a brush and the picture's shorter side, on boxes or on masks."""

    def paint(scene: Scene, shapes: Shapes, brush: Brush) -> None:
        create(brush, shapes.side).annotate(scene, shapes.masked if masked else shapes.detections)

    return paint


def _paint_corners(scene: Scene, shapes: Shapes, brush: Brush) -> None:
    """Paint boxes one at a time: the corners of a small box must be short, or they extend beyond it."""
    longest = max(MIN_CORNER_LENGTH, round(shapes.side * CORNER_LENGTH))
    for row, (x1, y1, x2, y2) in enumerate(shapes.detections.xyxy):
        length = max(1, min(longest, int((x2 - x1) / 3), int((y2 - y1) / 3)))
        annotator = sv.BoxCornerAnnotator(brush.palette, thickness=brush.thickness, corner_length=length)
        annotator.annotate(scene, shapes.select(np.arange(len(shapes.detections)) == row).detections)


def _spotlight_opacity(opacity: float) -> float:
    return min(1.0, round(opacity + 0.2, 2))


def _paint_spotlight(scene: Scene, shapes: Shapes, brush: Brush) -> None:
    """Paint boxes as they are; for outlines, darken everything and put the objects back, each within its box only."""
    annotator = sv.BackgroundOverlayAnnotator(opacity=_spotlight_opacity(brush.opacity))
    if not (shapes.has_quads or shapes.has_polygon.any()):
        annotator.annotate(scene, shapes.detections)
        return
    before = scene.copy()
    annotator.annotate(scene, sv.Detections.empty())
    for row, (x, y) in enumerate(shapes.masks.offsets):
        lit = shapes.masks.crop(row)[..., np.newaxis]
        area = np.s_[y : y + lit.shape[0], x : x + lit.shape[1]]
        np.copyto(scene[area], before[area], where=lit)


def _halo_opacity(opacity: float) -> float:
    return min(1.0, round(2 * opacity, 2))


def _paint_halo(scene: Scene, shapes: Shapes, brush: Brush) -> None:
    """Paint on a small copy and enlarge the difference: halos are soft, and the annotator needs 60 bytes per pixel."""
    width, height = shapes.size
    factor = min(1.0, math.sqrt(HALO_PIXELS / (width * height)))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    limit = np.array(size) - 1
    outlines = [[np.minimum(part * factor, limit) for part in parts] for parts in shapes.outlines]
    kernel = max(MIN_HALO_WIDTH, round(min(size) * HALO_WIDTH))
    annotator = sv.HaloAnnotator(brush.palette, opacity=_halo_opacity(brush.opacity), kernel_size=kernel)
    before = sv.resize_image(scene, size)
    after = annotator.annotate(before.copy(), with_masks(rasterize(outlines, size), shapes.detections))

    def enlarged_difference(more: Scene, less: Scene) -> Image.Image:
        difference = ImageChops.subtract(Image.fromarray(more), Image.fromarray(less))
        return Image.fromarray(sv.resize_image(np.asarray(difference), shapes.size))

    brighter = ImageChops.add(Image.fromarray(scene), enlarged_difference(after, before))
    np.copyto(scene, np.asarray(ImageChops.subtract(brighter, enlarged_difference(before, after))))


ANNOTATORS: dict[str, Annotator] = {
    annotator.name: annotator
    for annotator in (
        Annotator(
            "spotlight", Group.EFFECT, _paint_spotlight,
            lambda opacity: f"sv.BackgroundOverlayAnnotator(opacity={_spotlight_opacity(opacity)})",
        ),
        Annotator(
            "blur", Group.EFFECT,
            _painter(lambda _, side: sv.BlurAnnotator(max(MIN_BLUR_SIZE, round(side * BLUR_SIZE)))),
            lambda _: f"sv.BlurAnnotator(kernel_size=max({MIN_BLUR_SIZE}, round(side * {BLUR_SIZE})))",
        ),
        Annotator(
            "pixelate", Group.EFFECT,
            _painter(lambda _, side: sv.PixelateAnnotator(max(MIN_PIXEL_SIZE, round(side * PIXEL_SIZE)))),
            lambda _: f"sv.PixelateAnnotator(pixel_size=max({MIN_PIXEL_SIZE}, round(side * {PIXEL_SIZE})))",
        ),
        Annotator(
            "halo", Group.EFFECT, _paint_halo,
            lambda opacity: f"sv.HaloAnnotator(palette, opacity={_halo_opacity(opacity)}, "
            f"kernel_size=max({MIN_HALO_WIDTH}, round(side * {HALO_WIDTH})))",
            needs=OutputKind.POLYGONS,
        ),
        Annotator(
            "filled", Group.FILL, _painter(lambda brush, _: sv.ColorAnnotator(brush.palette, opacity=brush.opacity)),
            lambda opacity: f"sv.ColorAnnotator(palette, opacity={opacity})",
        ),
        Annotator(
            "mask", Group.MASK,
            _painter(lambda brush, _: sv.MaskAnnotator(brush.palette, opacity=brush.opacity), masked=True),
            lambda opacity: f"sv.MaskAnnotator(palette, opacity={opacity})",
            needs=OutputKind.POLYGONS, fallback="filled",
        ),
        Annotator(
            "polygon", Group.POLYGON,
            _painter(lambda brush, _: sv.PolygonAnnotator(brush.palette, brush.thickness), masked=True),
            lambda _: "sv.PolygonAnnotator(palette, thickness=thickness)",
            needs=OutputKind.POLYGONS,
        ),
        Annotator(
            "box", Group.BOX, _painter(lambda brush, _: sv.BoxAnnotator(brush.palette, brush.thickness)),
            lambda _: "sv.BoxAnnotator(palette, thickness=thickness)",
        ),
        Annotator(
            "round box", Group.BOX, _painter(lambda brush, _: sv.RoundBoxAnnotator(brush.palette, brush.thickness)),
            lambda _: "sv.RoundBoxAnnotator(palette, thickness=thickness)",
        ),
        Annotator(
            "corners", Group.BOX, _paint_corners,
            lambda _: "sv.BoxCornerAnnotator(palette, thickness, "
            f"corner_length=max({MIN_CORNER_LENGTH}, round(side * {CORNER_LENGTH})))",
        ),
        Annotator(
            "oriented box", Group.QUAD,
            _painter(lambda brush, _: sv.OrientedBoxAnnotator(brush.palette, brush.thickness)),
            lambda _: "sv.OrientedBoxAnnotator(palette, thickness=thickness)",
            needs=OutputKind.QUADS,
        ),
    )
}  # fmt: skip
"""By name, in the order of painting."""

OFFERED: dict[OutputKind, tuple[Group, ...]] = {
    OutputKind.POLYGONS: (Group.MASK, Group.POLYGON, Group.EFFECT, Group.BOX, Group.FILL),
    OutputKind.QUADS: (Group.QUAD, Group.MASK, Group.BOX, Group.FILL, Group.EFFECT),
    OutputKind.BOXES: (Group.BOX, Group.FILL, Group.EFFECT),
}
"""What detections have -> the annotators that suit them, best first."""

DEFAULTS: dict[OutputKind, tuple[str, ...]] = {
    OutputKind.POLYGONS: ("mask", "polygon"),
    OutputKind.QUADS: ("oriented box",),
    OutputKind.BOXES: ("box",),
}
"""What detections have -> names of the default annotators."""
