"""A file of unknown origin -> an upright RGB picture, the one coordinate frame of everything that follows.

The page, the model and the annotators use the same picture: the first frame, rotated upright by its EXIF orientation,
converted to sRGB by `color`, and flattened on white. The size is read from the header and checked before a pixel is
decoded, only the formats of `FORMATS` are ever tried, and every failure becomes an `ImageError`.
"""

import hashlib
import io
import math
import threading
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image

from florence_ui import storage
from florence_ui.errors import ImageError
from florence_ui.images.color import declared_profile, flatten, repair, stretch_range, to_resizable, to_srgb
from florence_ui.images.encoding import encode_jpeg
from florence_ui.images.refusals import (
    CORRUPT,
    TOO_MANY_PIXELS,
    explain_unreadable,
    explain_unsupported,
    format_of,
    is_rle4,
)
from florence_ui.images.sanitize import SanitizedFile, sanitize
from florence_ui.images.tiff import exif_orientation

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
"""The formats that Pillow may try; never one that runs another program, such as EPS."""
DISPLAY_SIDE = 1536
"""Longest side of the picture that is shown and sent, in pixels; the model itself scales to 768."""
MAX_SIDE = 65_500
"""Longest side of any picture, in pixels: a JPEG's limit, so that every result can be saved."""
CROP_QUALITY = 95
LARGE = 16_000_000
"""Pixels beyond which at most two pictures are decoded at a time, to bound the memory."""
large_image_slots = threading.BoundedSemaphore(2)

TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> the operation that makes the stored picture upright; 1 needs none, and from 5 on sides swap."""


@dataclass(frozen=True)
class ImageLimits:
    """Limits on a file and its picture.

    Attributes:
        max_bytes: Maximum size of the file.
        max_pixels: Maximum width times height.
    """

    max_bytes: int = 20 * 2**20
    max_pixels: int = 50_000_000


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that can be shown, sent and drawn on.

    Attributes:
        path: A file of ours with the bytes as received.
        size: (width, height) of the upright original, in pixels.
        display: Upright RGB, at most `DISPLAY_SIDE` on the long side.
        digest: SHA-256 of the bytes, as hex digits.
        limits: The limits that the file was checked against.
        jpeg: `display` as a JPEG without metadata, which is shown and sent to the model.
    """

    path: Path
    size: tuple[int, int]
    display: Image.Image
    digest: str
    limits: ImageLimits = field(default=ImageLimits(), repr=False)
    jpeg: bytes = field(default=b"", repr=False)

    def full(self, longest: int | None = None) -> Image.Image:
        """The upright RGB picture at its original size; decoded again if it is larger than `display`, and not kept.

        Args:
            longest: Long side in pixels that is enough.

        Raises:
            ImageError: If it has to be decoded, and the file is gone.
        """
        if self.display.size == self.size:
            return self.display.copy()
        return load_image(read_file(self.path, self.limits), self.limits, longest=longest)[1]


def open_picture(path: Path, limits: ImageLimits = ImageLimits()) -> Picture:
    """Open a picture in a file that belongs to this app.

    Raises:
        ImageError: If it is not a supported picture, is corrupt, or exceeds the limits.
    """
    data = read_file(path, limits)
    size, display = load_image(data, limits, longest=DISPLAY_SIDE)
    return Picture(path, size, display, hashlib.sha256(data).hexdigest(), limits, encode_jpeg(display))


def open_bytes(data: bytes, limits: ImageLimits = ImageLimits()) -> Picture:
    """Open a picture in memory and keep its bytes as a file of ours.

    Raises:
        ImageError: If it is not a supported picture, is corrupt, or exceeds the limits.
        FlorenceUIError: If the file cannot be written.
    """
    size, display = load_image(data, limits, longest=DISPLAY_SIDE)
    path = storage.write(data, "", stem="picture")
    return Picture(path, size, display, hashlib.sha256(data).hexdigest(), limits, encode_jpeg(display))


def decode(data: bytes, limits: ImageLimits = ImageLimits()) -> Image.Image:
    """Decode to the upright RGB picture at its original size.

    Raises:
        ImageError: If it is not a supported picture, is corrupt, or exceeds the limits.
    """
    return load_image(data, limits)[1]


def crop(picture: Picture, box: tuple[int, int, int, int]) -> Picture:
    """Cut out a part of a picture as a picture of its own, in full detail.

    Args:
        picture: The whole picture.
        box: Corners (x1, y1, x2, y2) in whole pixels within the upright original.

    Raises:
        ImageError: If the box is empty, as one outside of the picture is, or the original's file is gone.
    """
    x1, y1, x2, y2 = box
    if x1 >= x2 or y1 >= y2:
        raise ImageError("The box lies outside the picture.", "Choose one inside it.")
    return open_bytes(encode_jpeg(picture.full().crop(box), CROP_QUALITY), picture.limits)


def read_file(path: Path, limits: ImageLimits = ImageLimits()) -> bytes:
    """Read a file, never more than the limit allows.

    Raises:
        ImageError: If it is gone or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except OSError:
        raise ImageError("The picture is no longer available.", "Choose it again.") from None
    storage.touch(path)
    check_bytes(data, limits)
    return data


def check_bytes(data: bytes, limits: ImageLimits) -> None:
    """Raise ImageError for an empty or too large file."""
    if not data:
        raise ImageError("The file is empty.", "Choose another one.")
    if len(data) > limits.max_bytes:
        raise ImageError(
            f"The file is larger than {limits.max_bytes / 2**20:g} MB.", "Save a smaller version, then try again."
        )


def check_size(size: tuple[int, int], limits: ImageLimits) -> None:
    """Raise ImageError for a picture that is too large to be decoded."""
    width, height = size
    if width * height > limits.max_pixels or max(size) > MAX_SIDE:
        most = f"{limits.max_pixels / 1e6:g} megapixels and {MAX_SIDE:,} pixels on a side"
        raise ImageError(
            f"The picture is too large: {width:,} x {height:,} pixels.", f"Scale it down to at most {most}."
        )


def load_image(data: bytes, limits: ImageLimits, *, longest: int | None = None) -> tuple[tuple[int, int], Image.Image]:
    """Decode a picture, at reduced size if that is enough.

    Args:
        data: The file's bytes.
        limits: The limits that it is checked against.
        longest: Long side of the wanted picture, in pixels; None for the original size.

    Returns:
        The upright original's (width, height), and the upright RGB picture.

    Raises:
        ImageError: If it is not a supported picture, is corrupt, or exceeds the limits.
    """
    image, stripped = open_header(data, limits)
    with large_image_slots if math.prod(image.size) > LARGE else nullcontext():
        try:
            return decode_pixels(image, stripped, longest)
        except Exception as error:  # decoders raise anything on hostile bytes
            raise ImageError(*explain_unreadable(data, error=str(error), decoding=True)) from None


def open_header(data: bytes, limits: ImageLimits) -> tuple[Image.Image, SanitizedFile]:
    """Read a picture's header without decoding a pixel, and sanitize its file.

    Raises:
        ImageError: If it is not a supported picture, is corrupt, or exceeds the limits.
    """
    check_bytes(data, limits)
    if is_rle4(data):
        raise ImageError(*explain_unsupported("BMP"))
    try:
        stripped = sanitize(data)
    except Exception:  # the same
        raise ImageError(*CORRUPT) from None
    try:
        image = Image.open(io.BytesIO(stripped.data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise ImageError(*TOO_MANY_PIXELS) from None
    except Exception as error:  # the same
        if stripped.size is not None and format_of(data):
            check_size(stripped.size, limits)
        raise ImageError(*explain_unreadable(data, error=str(error))) from None
    check_size(image.size, limits)
    return image, stripped


def decode_pixels(
    image: Image.Image, stripped: SanitizedFile, longest: int | None
) -> tuple[tuple[int, int], Image.Image]:
    """Decode a picture whose header is read and whose size is checked; returns what `load_image` does."""
    size = image.size
    if longest:
        image.draft(None, fit_size(size, longest))
    stored = next(iter(getattr(image, "tile", ())), None)
    image.load()
    orientation = exif_orientation(stripped.exif or image.info.get("exif", b""))
    profile, declared = image.info.get("icc_profile"), declared_profile(image, stripped.cicp)
    wanted = fit_size(size, longest) if longest else size
    # one name for the picture at every stage: never more than two of its size in memory
    convert = partial(to_srgb, profile=profile, declared=declared)
    for step in (
        partial(repair, stored=stored),
        to_resizable,
        partial(resize, size=wanted),
        stretch_range,
        convert,
        flatten,
        drop_metadata,
    ):
        image = step(image)
    if orientation != 1:
        image = image.transpose(TRANSPOSES[orientation])
    return (size[::-1] if orientation >= 5 else size), image


def fit_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Scale a size down to a long side, no side below one pixel."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize a picture; the gap keeps a very long one from needing gigabytes of filter coefficients."""
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def drop_metadata(image: Image.Image) -> Image.Image:
    """Drop the file's metadata, which no longer applies and would be saved along."""
    image.info = {}
    return image
