"""Disk space that files really occupy."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

BLOCK = 4096
"""Bytes that the smallest file, and each folder, occupies."""


@dataclass(frozen=True)
class DiskSpace:
    """Space on a disk.

    Attributes:
        size: Bytes, in whole blocks.
        files: Files and folders.
    """

    size: int = 0
    files: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.size + other.size, self.files + other.files)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.size - other.size, self.files - other.files)

    def fits(self, other: Self) -> bool:
        """Whether both size and files are at most the other's."""
        return self.size <= other.size and self.files <= other.files

    def fraction(self, share: float) -> Self:
        """That fraction of it, rounded down."""
        return type(self)(int(self.size * share), int(self.files * share))


NO_SPACE = DiskSpace()


def measure(path: Path) -> DiskSpace:
    """The space that a file, or a folder with everything in it, occupies."""
    paths = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    space = NO_SPACE
    for each in paths:
        with contextlib.suppress(OSError):
            info = each.lstat()
            # A file system with delayed allocation may not have given a new file its blocks yet.
            space += DiskSpace(max(getattr(info, "st_blocks", 0) * 512, round_up_to_blocks(info.st_size)), 1)
    return space


def round_up_to_blocks(size: int) -> int:
    """Bytes that a file of this size occupies on the disk: at least one block."""
    return max(1, -(-size // BLOCK)) * BLOCK
