"""Reduction of a picture file to what the pixels of its first frame need.

Decoders also read metadata, further frames and trailers, and that is where small files become large: a directory whose
thousands of tags all point at the same megabytes, a progressive JPEG with a hundred thousand scans, a GIF comment of
twenty megabytes that is copied block by block, a tile of 900 megapixels in a picture of one. So a file is first taken
apart here, by lengths alone, and the decoder gets only the headers, colors and pixels of one picture. Anything hidden
in or behind a picture (a script, an archive, a video) is dropped too. No library does that for all these formats
without decoding them. WebP and BMP pass as they are; `loading` drops their metadata with that of the decoded picture.

Sources: ISO/IEC 10918-1 annex B (JPEG), the PNG and GIF89a specifications; for AVIF and TIFF see `avif` and `tiff`.
"""

import re
import struct
import zlib
from dataclasses import dataclass

from florence_ui.images import avif
from florence_ui.images.tiff import UNITS, read_directory

MAX_PARTS = 100_000
"""Maximum number of segments or chunks of one file; ordinary ones have a few dozen."""
MAX_SCANS = 100
"""Maximum number of scans of a progressive JPEG; encoders write about ten, and each costs a pass over the picture."""
MAX_EXIF = 2**16
"""Largest EXIF block of a PNG, in bytes; the other formats allow no more."""
MAX_PROFILE = 2**20
"""Largest color profile of a PNG, in bytes decompressed: the decoder rejects the whole picture for a larger one."""
MAX_VALUES = 200_000
"""Maximum number of values of one TIFF tag that are not bytes: strips, or a palette of 16 bits."""
FREE_TILE = 2**20
"""Pixels that a TIFF's tile may always have; a larger one may have at most `TILE_SHARE` times the picture's."""
TILE_SHARE = 4


class MalformedError(ValueError):
    """The file breaks its format's rules, or stretches them beyond what a picture needs."""


@dataclass(frozen=True)
class SanitizedFile:
    """The file of one picture.

    Attributes:
        data: The bytes that the decoder may read.
        exif: The EXIF block that was removed, or empty.
        cicp: Numbers of the color primaries and transfer characteristics in ITU-T H.273, if a PNG or AVIF has them.
        size: (width, height) in pixels of an AVIF, whose decoder does not report the size of a too large picture.
        is_clean: Whether `data` is one picture and nothing else. Otherwise only the decoder may have it, and a picture
            to hand out is encoded again.
    """

    data: bytes
    exif: bytes = b""
    cicp: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    is_clean: bool = False


def sanitize(data: bytes) -> SanitizedFile:
    """Remove everything but the first frame's pixels from a file; an unknown format passes unchanged.

    Raises:
        MalformedError: If the file cannot be taken apart.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return sanitize_jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return sanitize_png(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return sanitize_gif(data)
        if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
            return SanitizedFile(sanitize_tiff(data))
        if data[4:8] == b"ftyp":
            item = avif.primary_item(data)
            return SanitizedFile(avif.hide_exif(data), cicp=item.cicp, size=item.size)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise MalformedError(f"cannot be taken apart: {error}") from None
    return SanitizedFile(data)


JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""The next marker; in a scan, stuffed bytes and restarts are part of the pixels."""
TEM, SOI, EOI, SOS, DNL, APP0, APP1, APP2, APP14, COM = 0x01, 0xD8, 0xD9, 0xDA, 0xDC, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
SCAN_TABLES = (0xC4, 0xCC, 0xDB, 0xDD)
"""Allowed between the scans of a progressive JPEG: Huffman, arithmetic and quantization tables, intervals."""
APP0_BYTES, APP14_BYTES = 14, 12
"""Bytes of the JFIF and Adobe segments that give the color coding; a thumbnail may follow."""


def sanitize_jpeg(data: bytes) -> SanitizedFile:
    """Keep the header's tables, its color profile and color coding, and the scans unchanged.

    Decoders treat stray markers and wrong lengths inside scans differently, so no byte in there is touched. The rest is
    cut off only if nothing but scans and their tables precedes the end marker.
    """
    kept, exif, position = [b"\xff\xd8"], b"", 2
    for _ in range(MAX_PARTS):
        found = JPEG_MARKER.search(data, position)
        if found is None or found[1][0] == EOI:
            raise MalformedError("no scan")
        marker, start = found[1][0], found.start()
        if marker == SOS:
            end = scans_end(data, start)
            if data.count(b"\xff\xda", start, end) > MAX_SCANS:
                raise MalformedError("too many scans")
            return SanitizedFile(b"".join([*kept, data[start:end]]), exif, is_clean=end is not None)
        position = start + 2 if marker in (SOI, TEM) else jpeg_segment_end(data, start)
        segment = data[start:position]
        if marker == APP1 and not exif and segment[4:10] == b"Exif\0\0":
            exif = segment[10:]
        kept.append(reduce_segment(marker, segment))
    raise MalformedError("too many segments")


def jpeg_segment_end(data: bytes, start: int) -> int:
    """Where a segment ends by its length, which includes its own two bytes even if it claims less."""
    return start + 2 + max(2, int(struct.unpack_from(">H", data, start + 2)[0]))


def reduce_segment(marker: int, segment: bytes) -> bytes:
    """Reduce a JPEG's segment to what its pixels and colors need; empty if that is nothing."""
    if marker in (SOI, TEM, COM, DNL) or (marker == APP2 and segment[4:16] != b"ICC_PROFILE\0"):
        return b""
    if marker == APP0:
        content = segment[4 : 4 + APP0_BYTES] if segment[4:9] == b"JFIF\0" else b""
        # the last two bytes are the size of a thumbnail
        return app_segment(marker, content[:-2] + b"\0\0") if len(content) == APP0_BYTES else b""
    if marker == APP14:
        content = segment[4 : 4 + APP14_BYTES] if segment[4:9] == b"Adobe" else b""
        return app_segment(marker, content) if len(content) == APP14_BYTES else b""
    return b"" if APP1 <= marker <= 0xEF and marker != APP2 else segment


def app_segment(marker: int, content: bytes) -> bytes:
    """Build an application segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def scans_end(data: bytes, position: int) -> int | None:
    """Where a JPEG's scans end, after the end marker; None if anything but scans and their tables precedes it."""
    follows = False
    for _ in range(MAX_PARTS):
        found = JPEG_MARKER.search(data, position)
        if found is None or (follows and found.start() != position):
            return None
        marker = found[1][0]
        if marker == EOI:
            return found.end()
        if marker != SOS and marker not in SCAN_TABLES:
            return None
        if found.end() + 2 > len(data):
            return None
        follows = marker != SOS
        position = jpeg_segment_end(data, found.start())
    return None


PNG_CHUNKS: dict[bytes, int | None] = {b"IHDR": None, b"PLTE": None, b"tRNS": None, b"IDAT": None, b"IEND": None}
PNG_CHUNKS |= {b"sRGB": 1, b"gAMA": 4, b"cHRM": 32, b"cICP": 4}
"""What a PNG's pixels and colors need, and its length in bytes if fixed."""


def sanitize_png(data: bytes) -> SanitizedFile:
    """Keep size, palette, transparency, colors and pixels; drop an animation's frames."""
    kept, exif, cicp, position, has_profile = [data[:8]], b"", None, 8, False
    for _ in range(MAX_PARTS):
        if position + 8 > len(data):
            return SanitizedFile(b"".join(kept), exif, cicp)  # cut off: the decoder decides whether it has enough
        length, kind = struct.unpack_from(">L4s", data, position)
        end = position + 12 + length
        content = data[position + 8 : end - 4]
        if kind == b"eXIf" and length <= MAX_EXIF:
            exif = content
        elif PNG_CHUNKS.get(kind, -1) in (None, length):
            kept.append(data[position:end])
        elif kind == b"iCCP" and not has_profile:  # further ones are errors, and the decoder would decompress each
            has_profile = True
            kept += [data[position:end]] if inflates_to_at_most(content, MAX_PROFILE) else []
        if kind == b"cICP" and length == PNG_CHUNKS[kind]:
            cicp = content[0], content[1]
        elif kind == b"IEND":
            return SanitizedFile(b"".join(kept), exif, cicp, is_clean=True)
        position = end
    raise MalformedError("too many chunks")


def inflates_to_at_most(chunk: bytes, limit: int) -> bool:
    """Whether a named, compressed chunk decompresses to at most that many bytes."""
    compressed = chunk[chunk.find(b"\0") + 2 :]
    try:
        return len(zlib.decompressobj().decompress(compressed, limit + 1)) <= limit
    except zlib.error:
        return False


def sanitize_gif(data: bytes) -> SanitizedFile:
    """Keep the screen, the palettes and the first frame with its transparency."""
    position = 13 + gif_palette(data[10])
    kept = [data[:position]]
    for _ in range(MAX_PARTS):
        kind, start = data[position], position
        if kind == 0x3B:
            raise MalformedError("no frame")
        if kind == 0x2C:
            position = sub_blocks_end(data, position + 10 + gif_palette(data[position + 9]) + 1)
            return SanitizedFile(b"".join([*kept, data[start:position], b";"]), is_clean=position <= len(data))
        if kind != 0x21:
            position += 1  # decoders skip unknown bytes
            continue
        position = sub_blocks_end(data, position + 2)
        if data[start + 1] == 0xF9 and data[start + 2] >= 4:  # transparency
            kept.append(b"!\xf9\4" + data[start + 3 : start + 7] + b"\0")
    raise MalformedError("too many blocks")


def gif_palette(flags: int) -> int:
    """Length in bytes of the palette that a GIF's flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def sub_blocks_end(data: bytes, position: int) -> int:
    """Where a GIF's chain of sub-blocks ends, after its terminator; beyond the file if it is cut off."""
    while position < len(data) and (size := data[position]):
        position += size + 1
    return position + 1


TIFF_TAGS = {
    *(256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325),
    *(332, 338, 339, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532, 34675),
}
"""Size, layout, orientation, compression, palette, strips, tiles, JPEG tables and color profile."""
TIFF_JPEGS = (6, 7)


def sanitize_tiff(data: bytes) -> bytes:
    """Append a directory of the needed tags and point the header to it; other pages stay unread."""
    directory = read_directory(data)
    entries = {tag: entry for tag, entry in sorted(directory.entries.items()) if tag in TIFF_TAGS}
    sizes = [values * UNITS[kind] for kind, values, _ in entries.values()]
    many = any(values > MAX_VALUES for kind, values, _ in entries.values() if UNITS[kind] > 1)
    if many or sum(sizes) > len(data):
        raise MalformedError("more values than the file has")
    number = directory.number
    if number(322) * number(323) > max(FREE_TILE, TILE_SHARE * number(256) * number(257)):
        raise MalformedError("a tile far larger than the picture")
    if number(259) in TIFF_JPEGS and data.count(b"\xff\xda") > MAX_SCANS + 2 * max(
        values for _, values, _ in entries.values()
    ):
        raise MalformedError("too many scans")
    order, big = directory.order, directory.big
    count = struct.pack(order + ("Q" if big else "H"), len(entries))
    last = struct.pack(order + ("Q" if big else "L"), 0)
    padding = b"\0" * (-len(data) % 8)
    offset = struct.pack(order + ("Q" if big else "L"), len(data) + len(padding))
    head = data[: 8 if big else 4] + offset
    return b"".join([head, data[len(head) :], padding, count, *(raw for _, _, raw in entries.values()), last])
