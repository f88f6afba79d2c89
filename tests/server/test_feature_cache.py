"""What is kept of recent pictures, and its bounds."""

import numpy as np
from PIL import Image

from florence_ui.server.feature_cache import FeatureCache, content_key


def test_the_longest_unused_picture_is_forgotten_first() -> None:
    cache = FeatureCache(max_pictures=2)
    cache.put(b"a", np.zeros(1))
    cache.put(b"b", np.zeros(1))
    assert cache.get(b"a") is not None
    cache.put(b"c", np.zeros(1))
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    assert len(cache) == 2


def test_what_is_kept_stays_within_its_bytes() -> None:
    cache = FeatureCache(max_bytes=100)
    for key in range(20):
        cache.put(bytes([key]), np.zeros(10, np.float32))
        cache.put(bytes([key]), np.zeros(10, np.float32))
        assert cache.bytes <= 100
    assert (len(cache), cache.bytes) == (2, 80)
    cache.put(b"large", np.zeros(26, np.float32))
    assert cache.get(b"large") is None
    assert len(cache) == 2


def test_pictures_are_told_apart_by_a_single_value() -> None:
    picture = Image.new("RGB", (8, 8))
    other = picture.copy()
    other.putpixel((2, 3), (0, 1, 0))
    assert content_key(picture) == content_key(picture.copy())
    assert content_key(picture) != content_key(other)
