"""Pictures as files, without any metadata."""

import io
import os
from typing import Any, BinaryIO

from PIL import Image

JPEG_QUALITY = 80
"""JPEG quality of the picture that is shown and sent. Nano's boxes on 200 scenes of 12 megapixels agree with those for
the whole file at a median IoU of 0.993; 90 would send 1.65 times the bytes of the benchmark's photograph."""
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png"}
KEPT_OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {"compress_level": 4}}
"""By format, how a picture is encoded that somebody keeps."""


def encode_jpeg(image: Image.Image, quality: int = JPEG_QUALITY) -> bytes:
    """Encode an RGB picture to be shown or sent."""
    return _encode(image, "JPEG", quality=quality)


def encode_image(image: Image.Image, image_format: str) -> bytes:
    """Encode a picture to be kept, as one of `SUFFIXES`."""
    return _encode(image, image_format, **KEPT_OPTIONS[image_format])


def _encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Encode a picture; while it becomes a JPEG, other threads keep running."""
    with _open_memory_file() as file:
        image.save(file, image_format, comment=b"", exif=b"", icc_profile=None, **options)
        file.seek(0)
        return file.read()


def _open_memory_file() -> BinaryIO:
    """A file in memory; a real one on Linux, because Pillow releases Python's lock only when it encodes into one."""
    return os.fdopen(os.memfd_create("picture"), "w+b") if hasattr(os, "memfd_create") else io.BytesIO()
