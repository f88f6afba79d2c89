"""Generated pictures as large and as hard to compress as photographs."""

import io
from functools import cache

import cv2
import numpy as np
from PIL import Image

SIZES = {1: (1152, 864), 12: (4000, 3000), 48: (8000, 6000)}
"""Megapixels -> (width, height)."""


def photograph(megapixels: int, seed: int) -> Image.Image:
    """An RGB picture with soft light, hard edges and sensor noise."""
    width, height = SIZES[megapixels]
    rng = np.random.default_rng(seed)
    soft = cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(60):
        (x, y), radius = rng.integers(0, (width, height)), int(rng.integers(width // 80, width // 12))
        cv2.circle(soft, (int(x), int(y)), radius, rng.integers(0, 256, 3).tolist(), -1, cv2.LINE_AA)
    coarse = rng.normal(0, 5, (height // 2, width // 2, 1)).astype(np.float32)
    grain = cv2.resize(coarse, (width, height))[..., None]
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8))


@cache
def photograph_jpeg(megapixels: int, seed: int) -> bytes:
    """The same as a JPEG of quality 92, as cameras save it."""
    file = io.BytesIO()
    photograph(megapixels, seed).save(file, "JPEG", quality=92)
    return file.getvalue()
