"""An AVIF's boxes: where its EXIF is, how large its picture is, and how its colors are coded.

Sources: ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (items and their properties), ITU-T H.273 (color codes).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BOXES = 100_000
"""Maximum number of boxes on one level; ordinary files have a few dozen."""
EXIF_ITEM = re.compile(rb"(infe(?:\x02.{3}.{2}|\x03.{3}.{4}).{2})Exif", re.DOTALL)
"""The entry of an item that holds EXIF: version, flags, number, protection, type."""


@dataclass(frozen=True)
class PrimaryItem:
    """Properties of the picture that is shown, before it is rotated.

    Attributes:
        size: (width, height) in pixels; None if missing.
        cicp: Numbers of its color primaries and transfer characteristics in H.273; None if missing.
    """

    size: tuple[int, int] | None = None
    cicp: tuple[int, int] | None = None


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int, int]]:
    """Iterate over the boxes between two positions; the last one may be cut off.

    Yields:
        (kind, start, start of its content, end).

    Raises:
        ValueError: If there are too many, or one has an impossible length.
    """
    end = len(data) if end is None else end
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">L4s", data, start)
        content = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = start + size if size else end
        if stop < content:
            raise ValueError("an impossible box")
        yield kind, start, content, min(stop, end)
        start = stop
    raise ValueError("too many boxes")


def is_whole(data: bytes) -> bool:
    """Whether the file ends with its last box."""
    try:
        *_, (_, start, content, end) = boxes(data)
        is_wide = content - start == 16
        size = struct.unpack_from(">Q" if is_wide else ">L", data, content - 8 if is_wide else start)[0]
        return end == len(data) and size in (0, end - start)
    except (ValueError, struct.error):
        return False


def hide_exif(data: bytes) -> bytes:
    """Rename EXIF items so that no decoder reads them; the file's own boxes give its rotation.

    Raises:
        ValueError: If the boxes cannot be followed.
    """
    parts, last = [], 0
    for kind, start, _, end in boxes(data):
        box = data[start:end]
        parts.append(EXIF_ITEM.sub(rb"\1skip", box) if kind == b"meta" else box)
        last = end
    return b"".join([*parts, data[last:]])


def primary_item(data: bytes) -> PrimaryItem:
    """Read the properties of the primary item; none if the boxes cannot be followed."""
    try:
        meta = next((content + 4, end) for kind, _, content, end in boxes(data) if kind == b"meta")
        inner = {kind: (content, end) for kind, _, content, end in boxes(data, *meta)}
        properties = {kind: (content, end) for kind, _, content, end in boxes(data, *inner[b"iprp"])}
        wanted = _associated(data, properties[b"ipma"][0], _primary_number(data, inner[b"pitm"][0]))
        size = cicp = None
        for index, (kind, _, content, _) in enumerate(boxes(data, *properties[b"ipco"]), 1):
            if index in wanted and kind == b"ispe":
                size = struct.unpack_from(">LL", data, content + 4)
            elif index in wanted and kind == b"colr" and data[content : content + 4] == b"nclx":
                cicp = struct.unpack_from(">HH", data, content + 4)
        return PrimaryItem(size, cicp)
    except (KeyError, StopIteration, ValueError, struct.error):
        return PrimaryItem()


def _primary_number(data: bytes, position: int) -> int:
    return int(struct.unpack_from(">H" if data[position] == 0 else ">L", data, position + 4)[0])


def _associated(data: bytes, position: int, item: int) -> set[int]:
    """Indices, from 1, of an item's properties."""
    version, wide = data[position], data[position + 3] & 1
    (entries,) = struct.unpack_from(">L", data, position + 4)
    position += 8
    for _ in range(min(entries, MAX_BOXES)):
        number, count = struct.unpack_from(">LB" if version else ">HB", data, position)
        position += 5 if version else 3
        form = f">{count}H" if wide else f">{count}B"
        if number == item:
            return {value & (0x7FFF if wide else 0x7F) for value in struct.unpack_from(form, data, position)}
        position += struct.calcsize(form)
    return set()
