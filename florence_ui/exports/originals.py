"""Pictures for datasets: upright, on white, without metadata; the file's own bytes where these already comply."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from florence_ui.images.color import declared_profile
from florence_ui.images.encoding import SUFFIXES, encode_image
from florence_ui.images.loading import ImageLimits, decode, open_header, read_file
from florence_ui.images.sanitize import SanitizedFile
from florence_ui.images.tiff import exif_orientation

PLAIN_MODES = ("1", "L", "P", "RGB")
"""Modes that every training framework reads as the same colors."""
GRAY_MODES = ("1", "L")


@dataclass(frozen=True)
class Original:
    """A picture's file for a dataset.

    Attributes:
        data: Its bytes.
        suffix: Its suffix, `.jpg` or `.png`.
        channels: 1 if it is gray, else 3; a palette counts as the colors in it.
    """

    data: bytes
    suffix: str
    channels: int


def read_original(path: Path, limits: ImageLimits) -> Original:
    """Read a picture's file: a JPEG's or PNG's own bytes without metadata, or a newly encoded file.

    The picture is encoded anew if its own file would look different from what the model saw (rotated, transparent,
    16 bits, other colors), might contain more than the picture, or has another format.

    Raises:
        ImageError: If the file is gone, or not a picture within the limits.
    """
    data = read_file(path, limits)
    image, stripped = open_header(data, limits)
    if image.format in SUFFIXES and stripped.is_clean and _is_plain(image, stripped):
        return Original(stripped.data, SUFFIXES[image.format], 1 if image.mode in GRAY_MODES else 3)
    image_format = "PNG" if image.format == "PNG" else "JPEG"
    return Original(encode_image(decode(data, limits), image_format), SUFFIXES[image_format], 3)


def _is_plain(image: Image.Image, stripped: SanitizedFile) -> bool:
    """Whether the file needs no rotation, no white background and no color conversion."""
    return (
        image.mode in PLAIN_MODES
        and not image.has_transparency_data
        and exif_orientation(stripped.exif) == 1
        and declared_profile(image, stripped.cicp) is None
    )
