"""What a view shows of a picture, ready to be drawn on, and a cache of it."""

import math
import threading
from collections import OrderedDict

import numpy as np
import supervision as sv
from PIL import Image

from florence_ui.images.loading import Picture
from florence_ui.rendering.annotators import Scene
from florence_ui.rendering.view import Frame, View

MAX_BYTES = 128 << 20
"""Room for about a dozen scenes of a large screen."""
SHARP_ENOUGH = 1.1
"""The displayed picture is enlarged up to so many times before the original is decoded again."""

Key = tuple[str, View]


class SceneCache:
    """The most recently used scenes of all visitors; drawing in another style needs no scaling.

    Args:
        max_bytes: Memory for all of them; larger ones are not kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._scenes: OrderedDict[Key, Scene] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, picture: Picture, view: View) -> Scene:
        """The scene of a view, (height, width, 3) BGR with the view's margin; not to be modified.

        Raises:
            ImageError: If the original has to be decoded, and its file is gone.
        """
        key = picture.digest, view
        with self._lock:
            if key in self._scenes:
                self._scenes.move_to_end(key)
                return self._scenes[key]
        scene = cut_scene(picture, view)
        with self._lock:
            if key not in self._scenes and scene.nbytes <= self.max_bytes:
                self._scenes[key] = scene
                self._bytes += scene.nbytes
            while self._bytes > self.max_bytes:
                self._bytes -= self._scenes.popitem(last=False)[1].nbytes
        return scene


def cut_scene(picture: Picture, view: View) -> Scene:
    """Cut out what a view shows and scale it; from the original where that has more detail than `Picture.display`.

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
