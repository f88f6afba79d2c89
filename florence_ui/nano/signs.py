"""Signs with a word, and the exact positions of the word and its letters."""

import importlib.util
import math
import random
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from florence_ui.nano.vocabulary import FONTS

Color = tuple[int, int, int]


@dataclass(frozen=True)
class SignStyle:
    """How a sign looks: a font of ``text_size`` pixels an em, colors, and its rotation in degrees."""

    font: str
    text_size: int
    board: Color
    ink: Color
    rotation: float
    rounded: bool


@dataclass(frozen=True, eq=False)
class Sign:
    """A drawn sign.

    Attributes:
        word: What it says.
        tile: RGBA picture of the sign.
        corner: Position of the tile's upper left corner in the picture.
        quad: Corners of the word's ink, clockwise from its upper left; pixels of the picture, shape (4, 2).
        letters: Centers of the letters; pixels of the picture, shape (len(word), 2).
    """

    word: str
    tile: Image.Image
    corner: tuple[int, int]
    quad: np.ndarray = field(repr=False)
    letters: np.ndarray = field(repr=False)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Bounds of the sign: x1, y1, x2, y2 in pixels of the picture."""
        x, y = self.corner
        return x, y, x + self.tile.width, y + self.tile.height

    def moved_to(self, corner: tuple[int, int]) -> "Sign":
        """The same sign with its upper left corner there."""
        shift = np.subtract(corner, self.corner)
        return replace(self, corner=corner, quad=self.quad + shift, letters=self.letters + shift)


@cache
def _font_folder() -> Path:
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("Drawing signs needs matplotlib's fonts. Install matplotlib.")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


@lru_cache(maxsize=512)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """One of the fonts that come with matplotlib."""
    return ImageFont.truetype(_font_folder() / f"{name}.ttf", size)


def _shade(rng: random.Random, *, dark: bool) -> Color:
    low, high = (0, 90) if dark else (190, 256)
    color = [rng.randrange(low, high) for _ in range(3)]
    if dark and rng.random() < 0.5:
        color[rng.randrange(3)] = rng.randrange(90, 150)
    red, green, blue = color
    return red, green, blue


def sign_style(rng: random.Random, picture_size: tuple[int, int]) -> SignStyle:
    """A random style, readable on a picture of that size."""
    dark_board = rng.random() < 0.5
    return SignStyle(
        font=rng.choice(FONTS),
        text_size=round(rng.uniform(0.09, 0.17) * min(picture_size)),
        board=_shade(rng, dark=dark_board),
        ink=_shade(rng, dark=not dark_board),
        rotation=rng.uniform(-8, 8) if rng.random() < 0.4 else 0.0,
        rounded=rng.random() < 0.5,
    )


def draw_sign(style: SignStyle, word: str) -> Sign:
    """A sign with that word, its corner at (0, 0)."""
    face = font(style.font, style.text_size)
    left, top, right, bottom = map(round, face.getbbox(word))  # whole pixels already, typed as float
    margin = max(3, round(style.text_size * 0.28))
    width, height = right - left + 2 * margin, bottom - top + 2 * margin
    tile = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(tile)
    radius = margin if style.rounded else 0
    draw.rounded_rectangle((0, 0, width - 1, height - 1), radius, (*style.board, 255), style.ink, max(1, margin // 5))
    draw.text((margin - left, margin - top), word, font=face, fill=style.ink)
    quad = np.array([(0, 0), (right - left, 0), (right - left, bottom - top), (0, bottom - top)], float) + margin
    edges = np.array([face.getlength(word[:i]) for i in range(len(word) + 1)]) - left + margin
    letters = np.stack([(edges[1:] + edges[:-1]) / 2, np.full(len(word), height / 2)], axis=1)
    if style.rotation:
        middle = np.array([width, height]) / 2
        tile = tile.rotate(style.rotation, Image.Resampling.BICUBIC, expand=True)
        quad, letters = (
            _rotate(points - middle, style.rotation) + np.array(tile.size) / 2 for points in (quad, letters)
        )
    return Sign(word, tile, (0, 0), quad, letters)


def _rotate(points: np.ndarray, degrees: float) -> np.ndarray:
    """Points of shape (n, 2) rotated counterclockwise about (0, 0), y pointing down."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return points @ np.array([(cosine, -sine), (sine, cosine)])
