"""A TIFF's first directory, which is also the form of an EXIF block.

Sources: TIFF 6.0 and its BigTIFF design, Exif 2.32.
"""

import struct
from dataclasses import dataclass

MAX_TAGS = 100_000
"""Maximum number of tags of a directory; ordinary ones have a few dozen."""
UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Field type -> bytes per value."""
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Directory:
    """A TIFF's first directory: byte order, whether BigTIFF, and its entries: tag -> (type, count, raw entry)."""

    order: str
    big: bool
    entries: dict[int, tuple[int, int, bytes]]

    def number(self, tag: int) -> int:
        """A tag's first value if it is in the entry itself; otherwise 0."""
        kind, _, raw = self.entries.get(tag, (0, 0, b""))
        form = {1: "B", 3: "H", 4: "L", 16: "Q"}.get(kind)
        return int(struct.unpack_from(self.order + form, raw, 12 if self.big else 8)[0]) if form else 0


def read_directory(data: bytes) -> Directory:
    """Read the first directory of a TIFF or an EXIF block, without following its values.

    Raises:
        ValueError: If it has too many tags.
        struct.error: If the data end before it begins.
    """
    order, big = ("<" if data[:2] == b"II" else ">"), b"+" in data[2:4]
    offset = struct.unpack_from(order + ("Q" if big else "L"), data, 8 if big else 4)[0]
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
    offset, width = offset + (8 if big else 2), 20 if big else 12
    if count > MAX_TAGS:
        raise ValueError("too many tags")
    entries: dict[int, tuple[int, int, bytes]] = {}
    for start in range(offset, min(offset + count * width, len(data) - width + 1), width):
        tag, kind, values = struct.unpack_from(order + ("HHQ" if big else "HHL"), data, start)
        if kind in UNITS:
            entries.setdefault(tag, (kind, values, data[start : start + width]))
    return Directory(order, big, entries)


def exif_orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block; 1 if it is missing or cannot be read."""
    try:
        value = read_directory(exif.removeprefix(b"Exif\0\0")).number(ORIENTATION)
    except (struct.error, ValueError):
        return 1
    return value if 1 <= value <= 8 else 1
