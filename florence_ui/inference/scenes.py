"""What a view shows of a picture, ready to be drawn on, and a cache of it."""

import math
import threading

import numpy as np
import supervision as sv
from cachetools import LRUCache, cached
from PIL import Image

from florence_ui.images.loading import Picture
from florence_ui.rendering.annotators import Scene
from florence_ui.rendering.view import Frame, View

MAX_BYTES = 128 << 20
"""Of the most recently used scenes of all visitors: room for about a dozen of a large screen."""
SHARP_ENOUGH = 1.1
"""The displayed picture is enlarged up to so many times before the original is decoded again."""


def cut_scene(picture: Picture, view: View) -> Scene:
    """Cut out what a view shows and scale it; from the original where that has more detail than `Picture.display`.

    Returns:
        The scene, (height, width, 3) BGR with the view's margin.

    Raises:
        ImageError: If the original has to be decoded, and its file is gone.
    """
    frame = Frame.of(view)
    (left, top), (width, height) = frame.origin, frame.picture_size
    longest = math.ceil(max(width, height))
    enough = longest <= SHARP_ENOUGH * max(picture.display.size)
    image = picture.display if enough else picture.full(longest)
    x1, y1 = max(0, math.ceil(left)), max(0, math.ceil(top))
    x2, y2 = min(frame.size[0], math.floor(left + width)), min(frame.size[1], math.floor(top + height))
    across, down = image.width / width, image.height / height
    part = ((x1 - left) * across, (y1 - top) * down, (x2 - left) * across, (y2 - top) * down)
    canvas = Image.new("RGB", frame.size)
    canvas.paste(image.resize((x2 - x1, y2 - y1), Image.Resampling.BICUBIC, part, reducing_gap=2.0), (x1, y1))
    return np.ascontiguousarray(sv.pillow_to_cv2(canvas))


@cached(
    LRUCache(MAX_BYTES, getsizeof=lambda scene: scene.nbytes),
    key=lambda picture, view: (picture.digest, view),
    lock=threading.Lock(),
)
def get_scene(picture: Picture, view: View) -> Scene:
    """The scene of a view as `cut_scene` gives it, kept for drawings in other styles; not to be modified."""
    return cut_scene(picture, view)
