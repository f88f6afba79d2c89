"""What files take of a disk."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

BLOCK = 4096
"""Bytes that the smallest file and each folder take."""


@dataclass(frozen=True)
class Room:
    """Room on a disk: bytes in whole blocks, and a number of files and folders."""

    size: int = 0
    files: int = 0

    def __add__(self, other: "Room") -> "Room":
        return Room(self.size + other.size, self.files + other.files)

    def __sub__(self, other: "Room") -> "Room":
        return Room(self.size - other.size, self.files - other.files)

    def fits(self, other: "Room") -> bool:
        """Whether it is at most as large as another one in both respects."""
        return self.size <= other.size and self.files <= other.files

    def part(self, share: float) -> "Room":
        """That part of it."""
        return Room(int(self.size * share), int(self.files * share))


NOTHING = Room()


def measured(path: Path) -> Room:
    """What a file, or a folder with all that is in it, takes."""
    paths = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    room = NOTHING
    for each in paths:
        with contextlib.suppress(OSError):
            info = each.lstat()
            # A file system that writes later may not have given a new file its blocks yet.
            room += Room(max(getattr(info, "st_blocks", 0) * 512, in_blocks(info.st_size)), 1)
    return room


def in_blocks(size: int) -> int:
    """The size of a file of so many bytes on the disk; a file takes one block at least."""
    return max(1, -(-size // BLOCK)) * BLOCK
