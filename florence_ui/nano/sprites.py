"""Pictures of every kind of object, from one sheet that ships with the project.

``python -m florence_ui.nano.sprites`` draws the sheet anew from Debian's fonts-noto-color-emoji; nothing else needs
that font.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from florence_ui.nano.world import ASSETS, KINDS, NAMES

SHEET = ASSETS / "nano-sprites.png"
NOTO = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
NOTO_SIZE = 109  # the only size that this bitmap font has
CELL = 128
COLUMNS = 8
OUTLINE_POINTS = 14


@dataclass(frozen=True, eq=False)
class Sprite:
    """One kind of object: its picture, cropped to what is visible, and its outline.

    Attributes:
        name: The kind.
        image: RGBA picture.
        outline: Array of shape (n, 2), n at most ``OUTLINE_POINTS``: clockwise from the top, in units of the picture's
            width and height.
    """

    name: str
    image: Image.Image
    outline: np.ndarray


def mask_outline(mask: np.ndarray, tolerance: float) -> np.ndarray:
    """The largest outer contour of a mask of shape (height, width), as pixel edges, simplified; shape (n, 2).

    Args:
        mask: Boolean, with at least one pixel set.
        tolerance: How far in pixels the outline may lie off the contour.
    """
    # Contours run through pixel centres, which shaves half a pixel off each side: trace at double size.
    doubled = cv2.resize(mask.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)
    return (cv2.approxPolyDP(contour, 2 * tolerance, True)[:, 0] + 0.5) / 2


def _unit_outline(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    tolerance = 1.0
    while len(points := mask_outline(mask, tolerance)) > OUTLINE_POINTS:
        tolerance *= 1.15
    points = points / (width, height)
    if cv2.contourArea(points.astype(np.float32), oriented=True) < 0:
        points = points[::-1]
    return np.roll(points, -int(points[:, 1].argmin()), axis=0)


@cache
def sprites() -> dict[str, Sprite]:
    """Every kind's sprite, by name."""
    sheet = Image.open(SHEET).convert("RGBA")
    found = {}
    for index, name in enumerate(NAMES):
        left, top = index % COLUMNS * CELL, index // COLUMNS * CELL
        cell = sheet.crop((left, top, left + CELL, top + CELL))
        visible = cell.getchannel("A").point(lambda alpha: 255 if alpha > 127 else 0)
        image = cell.crop(visible.getbbox())
        mask = np.asarray(image.getchannel("A")) > 127
        found[name] = Sprite(name, image, _unit_outline(mask))
    return found


def draw_sheet() -> Image.Image:
    """The sheet, drawn from the installed emoji font."""
    font = ImageFont.truetype(NOTO, NOTO_SIZE)
    sheet = Image.new("RGBA", (COLUMNS * CELL, math.ceil(len(KINDS) / COLUMNS) * CELL))
    for index, glyph in enumerate(KINDS.values()):
        tile = Image.new("RGBA", (200, 200))
        ImageDraw.Draw(tile).text((20, 20), glyph, font=font, embedded_color=True)
        tile = tile.crop(tile.getbbox())
        tile.thumbnail((CELL - 4, CELL - 4), Image.Resampling.LANCZOS)
        x = index % COLUMNS * CELL + (CELL - tile.width) // 2
        y = index // COLUMNS * CELL + (CELL - tile.height) // 2
        sheet.paste(tile, (x, y))
    return sheet


if __name__ == "__main__":
    draw_sheet().save(SHEET, optimize=True)
