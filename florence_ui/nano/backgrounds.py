"""Backgrounds of scenes: plain, gradients, sky and ground, with hills, patches of color or light noise."""

import random
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

Color = tuple[int, int, int]


def random_light_color(rng: random.Random) -> Color:
    """A random medium to bright color."""
    return rng.randrange(100, 256), rng.randrange(100, 256), rng.randrange(100, 256)


def gradient(size: tuple[int, int], first: Color, last: Color, *, vertical: bool = True) -> Image.Image:
    """From one color to another, downward or to the right."""
    width, height = size
    ends = np.array([first, last], np.uint8)
    strip = Image.fromarray(ends[:, None] if vertical else ends[None, :])
    line = strip.resize((1, height) if vertical else (width, 1), Image.Resampling.BILINEAR)
    return line.resize(size, Image.Resampling.NEAREST)


def jitter_color(rng: random.Random, color: Color, reach: int = 25) -> Color:
    """A color close to another."""
    red, green, blue = (min(255, max(0, part + rng.randint(-reach, reach))) for part in color)
    return red, green, blue


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

    ``shading`` is how far the sky's color may change toward the horizon.
    """
    width, height = size
    image = gradient(size, sky, jitter_color(rng, sky, shading))
    draw = ImageDraw.Draw(image)
    line = round(horizon * height)
    for _ in range(hills):
        x, half, rise = (
            rng.randrange(width),
            rng.randint(width // 4, width // 2),
            rng.randint(height // 12, height // 5),
        )
        draw.ellipse((x - half, line - rise, x + half, line + rise), jitter_color(rng, ground))
    draw.rectangle((0, line, width, height), ground)
    return image


def add_blobs(rng: random.Random, image: Image.Image, count: int) -> Image.Image:
    """The picture with round patches, each close to the color below it."""
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(count):
        x, y, r = rng.randrange(width), rng.randrange(height), rng.randint(width // 16, width // 4)
        red, green, blue = image.crop((x, y, x + 1, y + 1)).tobytes()
        draw.ellipse((x - r, y - r * 0.6, x + r, y + r * 0.6), jitter_color(rng, (red, green, blue), 18))
    return image


@cache
def _grain() -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 5, (640, 640, 3)).clip(-20, 20)
    return Image.fromarray((noise + 20).astype(np.uint8))


def add_noise(rng: random.Random, image: Image.Image) -> Image.Image:
    """The picture with light noise."""
    x, y = rng.randrange(640 - image.width), rng.randrange(640 - image.height)
    grain = _grain().crop((x, y, x + image.width, y + image.height))
    return ImageChops.add(image, grain, 1, -20)


def background(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A random background."""
    kind = rng.random()
    if kind < 0.2:
        image = Image.new("RGB", size, random_light_color(rng))
    elif kind < 0.5:
        image = gradient(size, random_light_color(rng), random_light_color(rng), vertical=rng.random() < 0.5)
    else:
        image = sky_and_ground(
            rng,
            size,
            random_light_color(rng),
            random_light_color(rng),
            rng.uniform(0.3, 0.8),
            rng.choice((0, 0, 1, 2, 3)),
        )
    if rng.random() < 0.3:
        image = add_blobs(rng, image, rng.randint(1, 6))
    if rng.random() < 0.4:
        image = add_noise(rng, image)
    return image
