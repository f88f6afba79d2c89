"""A cache of the vision features of recent pictures, by content.

They do not depend on the prompt and take most of the time of a short answer, so a second task on the same picture
reuses them.
"""

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from florence_ui.server.engine import Features

if TYPE_CHECKING:
    from PIL import Image

MAX_PICTURES = 32
MAX_BYTES = 64 * 2**20


class FeatureCache:
    """The most recently used features, within bounds; not thread-safe.

    Args:
        max_pictures: Maximum number of pictures.
        max_bytes: Maximum memory in all.
    """

    def __init__(self, max_pictures: int = MAX_PICTURES, max_bytes: int = MAX_BYTES) -> None:
        self.max_pictures = max_pictures
        self.max_bytes = max_bytes
        self.bytes = 0
        self._kept: OrderedDict[bytes, Features] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Features | None:
        """The features under that key, which become the most recently used; None if there are none."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: bytes, features: Features) -> None:
        """Keep features, and drop the least recently used ones beyond the bounds."""
        if features.nbytes > self.max_bytes:
            return
        self._drop(key)
        self._kept[key] = features
        self.bytes += features.nbytes
        while len(self._kept) > self.max_pictures or self.bytes > self.max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        features = self._kept.pop(key, None)
        if features is not None:
            self.bytes -= features.nbytes


def content_key(picture: "Image.Image") -> bytes:
    """A digest of a picture in the size that the network sees; four times as fast as one of its pixel values."""
    return hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
