"""Scenes of objects and signs, drawn with exact ground truth.

The same seed always draws the same scene.
"""

import random
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from florence_ui.nano.backgrounds import background
from florence_ui.nano.signs import Sign, draw_sign, sign_style
from florence_ui.nano.sprites import VISIBLE, mask_to_polygon, sprites
from florence_ui.nano.vocabulary import NAMES, PICTURE_SIZES, WORDS

MAX_OVERLAP = 0.08
"""How much of the smaller of two boxes the other may cover."""

Box = tuple[int, int, int, int]


@dataclass(eq=False)
class Thing:
    """An object in a scene.

    Attributes:
        label: Its kind.
        frame: Bounds of its whole sprite, hidden parts included: x1, y1, x2, y2 in pixels.
        box: Bounds of its visible pixels: x1, y1, x2, y2 in pixels, the last two exclusive.
        mask: Its visible pixels within ``box``; boolean, shape (height, width).
    """

    label: str
    frame: Box
    box: Box
    mask: np.ndarray = field(repr=False)

    @property
    def polygon(self) -> np.ndarray:
        """The visible contour in pixels, shape (n, 2), within half a pixel of the mask."""
        return mask_to_polygon(self.mask, tolerance=0.5) + self.box[:2]

    @property
    def sprite_polygon(self) -> np.ndarray:
        """The sprite's polygon of a few points, scaled to ``frame``; pixels, shape (n, 2)."""
        x1, y1, x2, y2 = self.frame
        return sprites()[self.label].polygon * (x2 - x1, y2 - y1) + (x1, y1)


@dataclass(eq=False)
class Scene:
    """A picture and what is in it; things from left to right, signs from top to bottom."""

    image: Image.Image
    things: list[Thing]
    signs: list[Sign]


class Canvas:
    """A picture being drawn, which records which pixels of each object stay visible."""

    def __init__(self, image: Image.Image):
        self.image = image
        self._owner = np.zeros((image.height, image.width), np.uint8)
        self._placed: list[tuple[str, Box]] = []
        self._signs: list[Sign] = []

    def has_room(self, box: Box, most_overlap: float) -> bool:
        """Whether a box touches no sign and overlaps no object by more than ``most_overlap``."""
        return all(overlap(box, frame) <= most_overlap for _, frame in self._placed) and not any(
            overlap(box, sign.box) for sign in self._signs
        )

    def add_sign(self, sign: Sign) -> None:
        """Draw a sign at its own corner."""
        self.image.paste(sign.tile, sign.corner, sign.tile)
        self._signs.append(sign)

    def add_thing(self, name: str, frame: Box) -> None:
        """Draw an object's sprite into a frame that lies within the picture."""
        x1, y1, x2, y2 = frame
        sprite = sprites()[name].image.resize((x2 - x1, y2 - y1), Image.Resampling.BILINEAR, reducing_gap=2.0)
        self.image.paste(sprite, (x1, y1), sprite)
        self._placed.append((name, frame))
        self._owner[y1:y2, x1:x2][np.asarray(sprite.getchannel("A")) > VISIBLE] = len(self._placed)

    def finish(self) -> Scene:
        """The scene as drawn, without things that are completely hidden."""
        things = []
        for number, (name, (x1, y1, x2, y2)) in enumerate(self._placed, start=1):
            mask = self._owner[y1:y2, x1:x2] == number
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if len(rows):
                top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
                box = (x1 + int(left), y1 + int(top), x1 + int(right), y1 + int(bottom))
                things.append(Thing(name, (x1, y1, x2, y2), box, mask[top:bottom, left:right]))
        things.sort(key=lambda thing: (thing.box[0], thing.box[1]))
        signs = sorted(self._signs, key=lambda sign: (sign.box[1], sign.box[0]))
        return Scene(self.image, things, signs)


def overlap(a: Box, b: Box) -> float:
    """The part of the smaller box that the other covers, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def frame_at(name: str, corner: tuple[float, float], side: float) -> Box:
    """The frame of a kind whose longer side is ``side`` pixels, its upper left corner given."""
    width, height = sprites()[name].image.size
    scale = side / max(width, height)
    x, y = round(corner[0]), round(corner[1])
    return x, y, x + max(4, round(width * scale)), y + max(4, round(height * scale))


def draw_scene(seed: int) -> Scene:
    """The scene of that seed: up to 6 objects of different kinds, up to 2 signs."""
    rng = random.Random(seed)
    size = rng.choice(PICTURE_SIZES)
    canvas = Canvas(background(rng, size))
    words = rng.sample(WORDS, rng.choices((0, 1, 2), (2, 5, 3))[0])
    for word in words:
        _place_sign(rng, canvas, word)
    names = rng.sample(NAMES, rng.randint(1, 6))
    for index, name in enumerate(names):
        _place_thing(rng, canvas, name, count=len(names), required=index == 0)
    return canvas.finish()


def _place_sign(rng: random.Random, canvas: Canvas, word: str) -> None:
    width, height = canvas.image.size
    for _ in range(20):
        sign = draw_sign(sign_style(rng, (width, height)), word)
        room = width - sign.tile.width, height - sign.tile.height
        if min(room) < 0:
            continue
        sign = sign.moved_to((rng.randint(0, room[0]), rng.randint(0, room[1])))
        if canvas.has_room(sign.box, 0):
            canvas.add_sign(sign)
            return


def _place_thing(rng: random.Random, canvas: Canvas, name: str, *, count: int, required: bool) -> None:
    width, height = canvas.image.size
    short = min(width, height)
    largest = {1: 0.6, 2: 0.5, 3: 0.44, 4: 0.38, 5: 0.34, 6: 0.3}[count]
    for attempt in range(200 if required else 25):
        side = short * max(0.16, rng.uniform(0.18, largest) * (1 - attempt / 250))
        frame = frame_at(name, (0, 0), side)
        if frame[2] > width or frame[3] > height:
            continue
        frame = frame_at(name, (rng.randint(0, width - frame[2]), rng.randint(0, height - frame[3])), side)
        if canvas.has_room(frame, MAX_OVERLAP):
            canvas.add_thing(name, frame)
            return
