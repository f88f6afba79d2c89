"""A picture of every kind of object, from one sprite sheet that ships with the project.

``python -m florence_ui.nano.sprites`` redraws the sheet from Debian's fonts-noto-color-emoji and traces it; nothing
else needs that font.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from florence_ui.assets import ASSETS
from florence_ui.nano.vocabulary import KINDS, NAMES

SHEET = ASSETS / "nano-sprites.png"
POLYGONS = ASSETS / "nano-sprites.json"
NOTO = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
NOTO_SIZE = 109  # the only size that this bitmap font has
CELL = 128
COLUMNS = 8
MAX_POLYGON_POINTS = 14
VISIBLE = 127
"""A pixel belongs to an object if its alpha is above this."""


@dataclass(frozen=True, eq=False)
class Sprite:
    """One kind of object: its picture, cropped to what is visible, and its polygon.

    Attributes:
        name: The kind.
        image: RGBA picture.
        polygon: Array of shape (n, 2), n at most ``MAX_POLYGON_POINTS``: clockwise from the top, in parts of the
            picture's width and height.
    """

    name: str
    image: Image.Image
    polygon: np.ndarray


def mask_to_polygon(mask: np.ndarray, tolerance: float) -> np.ndarray:
    """The largest outer contour of a mask of shape (height, width), as pixel edges, simplified; shape (n, 2).

    Args:
        mask: Boolean, with at least one pixel set.
        tolerance: How far in pixels the polygon may be from the contour.
    """
    # Contours run through pixel centers, which shaves half a pixel off each side: trace at double size.
    doubled = cv2.resize(mask.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)
    return (cv2.approxPolyDP(contour, 2 * tolerance, True)[:, 0] + 0.5) / 2


def simplify_to_polygon(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A polygon of at most ``MAX_POLYGON_POINTS`` points for a mask, clockwise from the top, in parts of its size.

    Simplification alone loses thin legs and wings, so random search then moves the points to raise the IoU.
    """
    size = np.array(mask.shape[::-1])
    target = polygon_to_mask(mask_to_polygon(mask, 0.3), mask.shape)
    tolerance = 1.0
    while len(points := mask_to_polygon(mask, tolerance)) > MAX_POLYGON_POINTS:
        tolerance *= 1.15
    best = _mask_iou(points, target)
    for reach in (8, 5, 3, 2, 1, 1):
        for index in np.repeat(np.arange(len(points)), 6):
            moved = points.copy()
            moved[index] = np.clip(moved[index] + rng.normal(0, reach, 2), 0, size)
            if (iou := _mask_iou(moved, target)) > best:
                points, best = moved, iou
    if cv2.contourArea(points.astype(np.float32), oriented=True) < 0:
        points = points[::-1]
    return np.roll(points, -int(points[:, 1].argmin()), axis=0) / size


def polygon_to_mask(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The polygon of shape (n, 2) as a boolean mask of that height and width."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points * 4).astype(np.int32)], 1, shift=2)
    return mask.astype(bool)


def _mask_iou(points: np.ndarray, target: np.ndarray) -> float:
    mask = polygon_to_mask(points, target.shape)
    return (mask & target).sum() / (mask | target).sum()


@cache
def sprites() -> dict[str, Sprite]:
    """Every kind's sprite, by name."""
    sheet = Image.open(SHEET).convert("RGBA")
    polygons = json.loads(POLYGONS.read_text())
    return {name: Sprite(name, image, np.array(polygons[name])) for name, image in _pictures(sheet)}


def _pictures(sheet: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    for index, name in enumerate(NAMES):
        left, top = index % COLUMNS * CELL, index // COLUMNS * CELL
        cell = sheet.crop((left, top, left + CELL, top + CELL))
        visible = cell.getchannel("A").point(lambda alpha: 255 if alpha > VISIBLE else 0)
        yield name, cell.crop(visible.getbbox())


def draw_sheet() -> Image.Image:
    """The sheet, drawn with the installed emoji font."""
    font = ImageFont.truetype(NOTO, NOTO_SIZE)
    sheet = Image.new("RGBA", (COLUMNS * CELL, math.ceil(len(KINDS) / COLUMNS) * CELL))
    for index, glyph in enumerate(KINDS.values()):
        tile = Image.new("RGBA", (200, 200))
        ImageDraw.Draw(tile).text((20, 20), glyph, font=font, embedded_color=True)
        tile = _unpremultiply(tile.crop(tile.getbbox()))
        tile.thumbnail((CELL - 4, CELL - 4), Image.Resampling.LANCZOS)
        x = index % COLUMNS * CELL + (CELL - tile.width) // 2
        y = index // COLUMNS * CELL + (CELL - tile.height) // 2
        sheet.paste(tile, (x, y))
    return sheet


def _unpremultiply(tile: Image.Image) -> Image.Image:
    """The tile with its true colors: Pillow darkens what it draws half transparent on a transparent picture."""
    pixels = np.asarray(tile).astype(float)
    pixels[..., :3] = (pixels[..., :3] * 255 / np.maximum(pixels[..., 3:], 1)).clip(0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def main() -> None:
    sheet = draw_sheet()
    sheet.save(SHEET, optimize=True)
    rng, polygons = np.random.default_rng(0), {}
    for name, image in _pictures(sheet):
        mask = np.asarray(image.getchannel("A")) > VISIBLE
        polygons[name] = np.round(simplify_to_polygon(mask, rng), 4).tolist()
    POLYGONS.write_text(json.dumps(polygons) + "\n")


if __name__ == "__main__":
    main()
