"""Why a file cannot be opened: another format, an unsupported variant, or corruption.

Headers distinguish unsupported variants from corrupt files; decoders report both alike, in terms for developers.
"""

import struct
from collections.abc import Callable

from florence_ui.images import avif
from florence_ui.images.sanitize import JPEG_MARKER, SOI, SOS, TEM, jpeg_segment_end
from florence_ui.images.tiff import read_directory

SUPPORTED_FORMATS = "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF"
CORRUPT = ("The picture is corrupt or incomplete.", "Export it again, or choose another one.")
TOO_MANY_PIXELS = ("The picture has too many pixels.", "Scale it down, then try again.")
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
FIRST_BYTES: dict[str, bytes | tuple[bytes, ...]] = {
    "JPEG": b"\xff\xd8",
    "PNG": b"\x89PNG",
    "GIF": b"GIF8",
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "BMP": b"BM",
}

BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
BMP_DEPTHS = (0, 1, 2, 4, 8, 16, 24, 32)
"""Bits per pixel; 0 for an embedded JPEG or PNG."""
BMP_COMPRESSIONS = (0, 1, 2, 3, 4, 5, 6, 11, 12, 13)
BMP_RLE4 = 2
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Markers of a JPEG's frame header; the last one is JPEG-LS."""
JPEG_DECODED = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
"""Baseline, extended and progressive, with Huffman or arithmetic coding."""
TIFF_COLORS = {*range(7), 8, 9, 10, 32803, 32844, 32845, 34892}
"""Photometric interpretations of the specification and its extensions."""
TIFF_COMPRESSIONS = {*range(1, 11), 32766, 32771, 32773, 32809, 32946, 34661, 34676, 34677, 34712, 34887, 34892, 34925}
TIFF_COMPRESSIONS |= {50000, 50001, 50002, 52546}
TIFF_YCBCR, TIFF_JPEG = 6, 7
TIFF_PLACES = {273, 324}
"""Tags of the offsets of strips or tiles."""
TIFF_UNSUPPORTED = TIFF_COMPRESSIONS - {1, 2, 3, 4, 5, 7, 8, 32773, 32946}
"""Compressions that the decoder lacks, or lacks in part."""
NOT_IMPLEMENTED = ("Not implemented", "No codec available", "Unsupported depth")
"""libavif's messages for valid but unsupported pictures."""


def explain_unreadable(data: bytes, *, error: str = "", decoding: bool = False) -> tuple[str, str]:
    """Say why a file could not be opened or decoded, and what to do.

    Args:
        data: The file's bytes.
        error: The decoder's message.
        decoding: Whether its header was read, but not its pixels.
    """
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        return "HEIC pictures are not supported.", "Save it as JPEG first; phone cameras have a setting for that."
    form = format_of(data)
    if not form:
        return "This file is not a supported picture.", f"Choose a {SUPPORTED_FORMATS} file."
    try:
        if UNSUPPORTED_CHECKS[form](data, error, decoding):
            return explain_unsupported(form)
    except (struct.error, IndexError, ValueError):
        pass
    return CORRUPT


def explain_unsupported(form: str) -> tuple[str, str]:
    """The error for a valid file of an unsupported variant."""
    return f"This variant of {form} is not supported.", "Save it as an ordinary PNG or JPEG, then try again."


def format_of(data: bytes) -> str:
    """The name of the format by a file's first bytes; empty for an unknown one."""
    for name, start in FIRST_BYTES.items():
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp" and data[8:12] in AVIF_BRANDS:
        return "AVIF"
    return "WebP" if data[8:12] == b"WEBP" else ""


def is_rle4(data: bytes) -> bool:
    """Whether this is a BMP with run-length encoded 4-bit pixels, which Pillow decodes wrongly."""
    return data.startswith(b"BM") and len(data) >= 34 and _read_bmp_header(data)[2] == BMP_RLE4


def _read_bmp_header(data: bytes) -> tuple[int, int, int]:
    """Size of the header, bits per pixel, compression."""
    (header,) = struct.unpack_from("<L", data, 14)
    depth = struct.unpack_from("<H", data, 24 if header == 12 else 28)[0]
    return header, depth, struct.unpack_from("<L", data, 30)[0] if header >= 40 else 0


def _is_unsupported_bmp(data: bytes, error: str, decoding: bool) -> bool:
    header, depth, compression = _read_bmp_header(data)
    known = header in BMP_HEADERS and depth in BMP_DEPTHS and compression in BMP_COMPRESSIONS
    rare = depth not in (1, 4, 8, 24) or header == 16 or compression > 1
    return known and ("palette" in error.lower() or (rare and not decoding))


def _is_unsupported_jpeg(data: bytes, error: str, decoding: bool) -> bool:
    position = 2
    while found := JPEG_MARKER.search(data, position):
        marker, start = found[1][0], found.start()
        if marker in JPEG_FRAMES:
            depth, parts = data[start + 4], data[start + 9]
            known = 2 <= depth <= 16 and 1 <= parts <= 8
            return known and (marker not in JPEG_DECODED or depth != 8 or parts not in (1, 3, 4))
        if marker == SOS:
            return False
        position = start + 2 if marker in (SOI, TEM) else jpeg_segment_end(data, start)
    return False


def _is_apple_png(data: bytes, error: str, decoding: bool) -> bool:
    """Whether its first chunk is Apple's CgBI."""
    return data[12:16] == b"CgBI"


def _is_unsupported_tiff(data: bytes, error: str, decoding: bool) -> bool:
    directory = read_directory(data)
    compression = directory.number(259) or 1
    if not (directory.number(256) and directory.number(257) and directory.entries.keys() & TIFF_PLACES):
        return False
    colors = directory.number(262)
    known = colors in TIFF_COLORS and compression in TIFF_COMPRESSIONS
    is_rare = compression in TIFF_UNSUPPORTED or (colors == TIFF_YCBCR and compression != TIFF_JPEG)
    return known and (not decoding or is_rare)


def _is_unsupported_avif(data: bytes, error: str, decoding: bool) -> bool:
    return error.endswith(NOT_IMPLEMENTED) if decoding else avif.is_whole(data)


UNSUPPORTED_CHECKS: dict[str, Callable[[bytes, str, bool], bool]] = {
    "BMP": _is_unsupported_bmp,
    "JPEG": _is_unsupported_jpeg,
    "PNG": _is_apple_png,
    "TIFF": _is_unsupported_tiff,
    "AVIF": _is_unsupported_avif,
    "GIF": lambda *_: False,
    "WebP": lambda *_: False,
}
