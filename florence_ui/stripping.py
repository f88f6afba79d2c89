"""A picture file without all that is not needed for the pixels of its first frame.

Decoders read metadata, further frames and trailers before, or without, ever being asked to, and that is where
small files become large: a directory whose thousands of tags all point at the same megabytes, a progressive
JPEG with a hundred thousand scans, a GIF comment of twenty megabytes that is copied block by block, a tile of
900 megapixels in a picture of one. So a file is taken apart here first, by lengths alone, and what is handed
to the decoder holds the headers, colours and pixels of one picture and nothing else. What hides in or behind
a picture (a script, an archive, a film) goes with the rest.

Sources: ISO/IEC 10918-1 annex B (JPEG), the PNG and GIF89a specifications, TIFF 6.0 and its BigTIFF design,
ISO/IEC 23008-12 (AVIF's boxes), Exif 2.32.
"""

import re
import struct
import zlib
from dataclasses import dataclass

MAX_PARTS = 100_000
"""Most segments, chunks or tags that one file is made of; ordinary ones have a few dozen."""
MAX_SCANS = 100
"""Most scans of a progressive JPEG; encoders write about ten, and each one costs a pass over the picture."""
MAX_EXIF = 2**16
"""Largest EXIF block of a PNG, in bytes; the other formats allow no more."""
MAX_PROFILE = 2**20
"""Largest colour profile of a PNG, in bytes unpacked: the decoder refuses the whole picture for a larger one."""
MAX_VALUES = 200_000
"""Most values of one TIFF tag that are not bytes: strips, or a palette of 16 bits."""
FREE_TILE = 2**20
"""Pixels that a TIFF's tile may always have; beyond them, no more than `TILE_SHARE` times the picture."""
TILE_SHARE = 4


class MalformedError(ValueError):
    """The file breaks its format's rules, or stretches them beyond what a picture needs."""


@dataclass(frozen=True)
class Stripped:
    """One picture's file.

    Attributes:
        data: What the decoder may see.
        exif: The EXIF block that was taken out, or empty.
    """

    data: bytes
    exif: bytes = b""


def strip(data: bytes) -> Stripped:
    """Take everything but the first frame's pixels out of a file; a format not known here passes as it is.

    Raises:
        MalformedError: If the file cannot be taken apart.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return strip_jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return Stripped(strip_png(data))
        if data.startswith((b"GIF87a", b"GIF89a")):
            return Stripped(strip_gif(data))
        if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
            return Stripped(strip_tiff(data))
        if data[4:8] == b"ftyp":
            return Stripped(strip_boxes(data))
    except (struct.error, IndexError):
        raise MalformedError("cut off") from None
    return Stripped(data)


JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""The next marker, in a header or in a scan, where stuffed bytes and restarts are part of the pixels."""
SOI, EOI, SOS, APP0, APP1, APP2, APP14, COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE


def strip_jpeg(data: bytes) -> Stripped:
    """Keep tables, frames, scans, the colour profile and what says how colours are coded; end at the end."""
    kept, exif, scans, position = [b"\xff\xd8"], b"", 0, 2
    for _ in range(MAX_PARTS):
        found = JPEG_MARKER.search(data, position)
        if found is None:
            raise MalformedError("no end")
        marker, start = found[1][0], found.start()
        if marker == EOI:
            return Stripped(b"".join([*kept, b"\xff\xd9"]), exif)
        if marker in (SOI, 0x01):
            position = start + 2
            continue
        position = start + 2 + struct.unpack_from(">H", data, start + 2)[0]
        segment = data[start:position]
        if marker == APP1 and not exif and segment[4:10] == b"Exif\0\0":
            exif = segment[10:]
        elif marker == SOS:
            scans += 1
            if scans > MAX_SCANS:
                raise MalformedError("too many scans")
            end = JPEG_MARKER.search(data, position)
            position = end.start() if end else len(data)
            kept.append(data[start:position])
        elif not needless_segment(marker, segment):
            kept.append(segment)
    raise MalformedError("too many segments")


def needless_segment(marker: int, segment: bytes) -> bool:
    """Whether a JPEG's segment says nothing about its pixels and colours."""
    if marker == APP2:
        return segment[4:16] != b"ICC_PROFILE\0"
    return marker == COM or (APP1 <= marker <= 0xEF and marker != APP14)


PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def strip_png(data: bytes) -> bytes:
    """Keep size, palette, transparency, colour profile, orientation and pixels; an animation's frames go."""
    kept, position = [data[:8]], 8
    for _ in range(MAX_PARTS):
        (length,) = struct.unpack_from(">L", data, position)
        kind, end = data[position + 4 : position + 8], position + 12 + length
        if (
            kind in PNG_CHUNKS
            or (kind == b"eXIf" and length <= MAX_EXIF)
            or (kind == b"iCCP" and inflates_within(data[position + 8 : end - 4], MAX_PROFILE))
        ):
            kept.append(data[position:end])
        if kind == b"IEND":
            return b"".join(kept)
        if end >= len(data):
            raise MalformedError("no end")
        position = end
    raise MalformedError("too many chunks")


def inflates_within(chunk: bytes, limit: int) -> bool:
    """Whether a named and packed chunk unpacks to no more than that many bytes."""
    packed = chunk[chunk.find(b"\0") + 2 :]
    try:
        return len(zlib.decompressobj().decompress(packed, limit + 1)) <= limit
    except zlib.error:
        return False


def strip_gif(data: bytes) -> bytes:
    """Keep the screen, the palettes and the first frame with its transparency."""
    position = 13 + gif_palette(data[10])
    kept = [data[:position]]
    for _ in range(MAX_PARTS):
        kind, start = data[position], position
        if kind == 0x2C:
            position = sub_blocks_end(data, position + 10 + gif_palette(data[position + 9]) + 1)
            return b"".join([*kept, data[start:position], b";"])
        if kind != 0x21:
            raise MalformedError("no frame")
        position = sub_blocks_end(data, position + 2)
        if data[start + 1] == 0xF9:  # what is transparent
            kept[1:] = [data[start:position]]
    raise MalformedError("too many blocks")


def gif_palette(flags: int) -> int:
    """Bytes of the palette that a GIF's flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def sub_blocks_end(data: bytes, position: int) -> int:
    """Where a GIF's chain of sub-blocks ends, behind its terminator."""
    while size := data[position]:
        position += size + 1
    return position + 1


TIFF_TAGS = {
    *(256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325),
    *(332, 338, 339, 347, 529, 530, 531, 532, 34675),
}
"""Size, layout, orientation, compression, palette, strips, tiles and colour profile."""
TIFF_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Field type -> bytes of one value."""
TIFF_JPEG = 7


@dataclass(frozen=True)
class Directory:
    """How a TIFF's first directory is written, and its entries of known type: tag -> (type, count, raw entry)."""

    order: str
    big: bool
    entries: dict[int, tuple[int, int, bytes]]

    def number(self, tag: int) -> int:
        """A tag's first value, where it stands in the entry itself; 0 where it does not."""
        kind, _, raw = self.entries.get(tag, (0, 0, b""))
        form = {1: "B", 3: "H", 4: "L", 16: "Q"}.get(kind)
        return struct.unpack_from(self.order + form, raw, 12 if self.big else 8)[0] if form else 0


def read_directory(data: bytes) -> Directory:
    """The first directory of a TIFF or of an EXIF block, values not followed."""
    order, big = ("<" if data[:2] == b"II" else ">"), b"+" in data[2:4]
    offset = struct.unpack_from(order + ("Q" if big else "L"), data, 8 if big else 4)[0]
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
    offset, width = offset + (8 if big else 2), 20 if big else 12
    if count > MAX_PARTS or offset + count * width > len(data):
        raise MalformedError("a directory beyond the file")
    entries = {}
    for start in range(offset, offset + count * width, width):
        tag, kind, values = struct.unpack_from(order + ("HHQ" if big else "HHL"), data, start)
        if kind in TIFF_UNITS:
            entries.setdefault(tag, (kind, values, data[start : start + width]))
    return Directory(order, big, entries)


def strip_tiff(data: bytes) -> bytes:
    """Put a directory of the needed tags behind the file, and lead the header to it; other pages go unread."""
    directory = read_directory(data)
    entries = {tag: entry for tag, entry in sorted(directory.entries.items()) if tag in TIFF_TAGS}
    sizes = [values * TIFF_UNITS[kind] for kind, values, _ in entries.values()]
    many = any(values > MAX_VALUES for kind, values, _ in entries.values() if TIFF_UNITS[kind] > 1)
    if many or sum(sizes) > len(data):
        raise MalformedError("more values than the file has")
    number = directory.number
    if number(322) * number(323) > max(FREE_TILE, TILE_SHARE * number(256) * number(257)):
        raise MalformedError("a tile far larger than the picture")
    if number(259) == TIFF_JPEG and data.count(b"\xff\xda") > MAX_SCANS + 2 * max(
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


def strip_boxes(data: bytes) -> bytes:
    """Hide the EXIF items of an AVIF, which says by its own boxes how it is turned."""
    position, parts = 0, []
    for _ in range(MAX_PARTS):
        if position + 8 > len(data):
            return b"".join([*parts, data[position:]])
        size, kind = struct.unpack_from(">L4s", data, position)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
        end = position + size if size else len(data)
        if end < position + 8:
            raise MalformedError("an impossible box")
        box = data[position:end]
        parts.append(box if kind == b"mdat" else box.replace(b"Exif", b"skip"))
        position = end
    raise MalformedError("too many boxes")


def exif_orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, that an EXIF block asks for; 1 where it is missing or cannot be read."""
    try:
        value = read_directory(exif.removeprefix(b"Exif\0\0")).number(0x0112)
    except (struct.error, MalformedError):
        return 1
    return value if 1 <= value <= 8 else 1
