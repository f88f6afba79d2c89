"""Backgrounds for scenes: plain, gradients, sky and ground, with hills, clouds of colour or light noise."""

import random
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

Color = tuple[int, int, int]


def light(rng: random.Random) -> Color:
    """A colour from middle to bright, as backgrounds are."""
    return tuple(rng.randrange(100, 256) for _ in range(3))


def gradient(size: tuple[int, int], first: Color, last: Color, *, vertical: bool = True) -> Image.Image:
    """From one colour to another, downwards or to the right."""
    width, height = size
    strip = np.array([first, last], np.uint8)
    strip = Image.fromarray(strip[:, None] if vertical else strip[None, :])
    line = strip.resize((1, height) if vertical else (width, 1), Image.Resampling.BILINEAR)
    return line.resize(size, Image.Resampling.NEAREST)


def near(rng: random.Random, color: Color, reach: int = 25) -> Color:
    """A colour a little off another."""
    return tuple(min(255, max(0, part + rng.randint(-reach, reach))) for part in color)


def sky_and_ground(
    rng: random.Random,
    size: tuple[int, int],
    sky: Color,
    ground: Color,
    horizon: float,
    hills: int = 0,
    shading: int = 50,
) -> Image.Image:
    """Sky above, ground below; the horizon as a part of the height from the top, with that many hills on it.

    ``shading`` is how far the sky's colour may change towards the horizon.
    """
    width, height = size
    image = gradient(size, sky, near(rng, sky, shading))
    draw = ImageDraw.Draw(image)
    line = round(horizon * height)
    for _ in range(hills):
        x, half, rise = (
            rng.randrange(width),
            rng.randint(width // 4, width // 2),
            rng.randint(height // 12, height // 5),
        )
        draw.ellipse((x - half, line - rise, x + half, line + rise), near(rng, ground))
    draw.rectangle((0, line, width, height), ground)
    return image


def blobs(rng: random.Random, image: Image.Image, count: int) -> Image.Image:
    """Soft round patches a little off the colours below."""
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(count):
        x, y, r = rng.randrange(width), rng.randrange(height), rng.randint(width // 16, width // 4)
        draw.ellipse((x - r, y - r * 0.6, x + r, y + r * 0.6), near(rng, image.getpixel((x, y)), 18))
    return image


@cache
def _grain() -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 5, (640, 640, 3)).clip(-20, 20)
    return Image.fromarray((noise + 20).astype(np.uint8))


def noisy(rng: random.Random, image: Image.Image) -> Image.Image:
    """The picture with light noise."""
    x, y = rng.randrange(640 - image.width), rng.randrange(640 - image.height)
    grain = _grain().crop((x, y, x + image.width, y + image.height))
    return ImageChops.add(image, grain, 1, -20)


def background(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A background drawn at random."""
    kind = rng.random()
    if kind < 0.2:
        image = Image.new("RGB", size, light(rng))
    elif kind < 0.5:
        image = gradient(size, light(rng), light(rng), vertical=rng.random() < 0.5)
    else:
        image = sky_and_ground(rng, size, light(rng), light(rng), rng.uniform(0.3, 0.8), rng.choice((0, 0, 1, 2, 3)))
    if rng.random() < 0.3:
        image = blobs(rng, image, rng.randint(1, 6))
    if rng.random() < 0.4:
        image = noisy(rng, image)
    return image
