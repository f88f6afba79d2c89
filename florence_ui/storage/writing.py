"""Writing within the budget: nothing larger than it allows, and nothing half finished stays."""

import errno
import io
import uuid
from pathlib import Path
from typing import Self

from florence_ui.errors import StorageError
from florence_ui.storage.disk_budget import DISK_FULL, DiskBudget, delete
from florence_ui.storage.room import BLOCK, NOTHING, Room, in_blocks, measured

STEP = 1 << 20
"""Bytes that a growing file asks for at a time; what it does not need is given back."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How systems say that a disk, a quota or a limit leaves no room."""
UNWRITABLE = ("This page's machine cannot write files.", "Try again later; the operator has to look at it.")


def in_words(error: OSError) -> StorageError:
    """What a failure to write means to a visitor."""
    return StorageError(*(DISK_FULL if error.errno in FULL else UNWRITABLE))


class Lease:
    """Room that somebody writes into; a context manager.

    Unless it is kept, everything that was written is deleted at the end.

    Args:
        budget: Says how much may be written.
        owner: The visitor in whose name it is.

    Attributes:
        place: The subfolder to write into.
    """

    def __init__(self, budget: DiskBudget, owner: str) -> None:
        self._budget = budget
        self._owner = owner
        self._reserved = NOTHING
        self._kept = False
        self.place = budget.folder / uuid.uuid4().hex

    def __enter__(self) -> Self:
        try:
            return self.open()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Create the subfolder.

        Raises:
            StorageError: If there is no room.
            OSError: If it cannot be created.
        """
        self.grow(Room(BLOCK, 1))
        self._budget.unfinished.add(self.place.name)
        self._budget.folder.mkdir(mode=0o700, exist_ok=True)  # somebody may have tidied up
        self.place.mkdir(mode=0o700)
        return self

    def grow(self, room: Room) -> None:
        """Take more room; asked for before it is written to.

        Raises:
            StorageError: If there is none.
        """
        self._budget.reserve(self._owner, room)
        self._reserved += room

    def keep(self) -> None:
        """Let the subfolder stay."""
        self._kept = True
        self._budget.keep(self._owner, self.place.name, self._reserved)
        self._reserved = NOTHING

    def keep_apart(self, folder: Path) -> Path:
        """Let a folder inside the subfolder stay as an entry of its own.

        Returns:
            Its new path.
        """
        apart = self._budget.folder / uuid.uuid4().hex
        self._budget.unfinished.add(apart.name)
        folder.rename(apart)
        room = measured(apart)
        moved = Room(min(room.size, self._reserved.size), min(room.files, self._reserved.files))
        self._budget.keep(self._owner, apart.name, moved, room)
        self._reserved -= moved
        self._budget.unfinished.discard(apart.name)
        return apart

    def close(self) -> None:
        """Give back what was not used."""
        if not self._kept:
            delete(self.place)
        self._budget.unfinished.discard(self.place.name)
        self._budget.release(self._owner, self._reserved)
        self._reserved = NOTHING


class StoredFile(io.FileIO):
    """A new file to write bytes into, as far as the budget allows.

    Attributes:
        path: Where it is.
        failure: Why something could not be written, if so.
    """

    def __init__(self, path: Path, lease: Lease) -> None:
        super().__init__(path, "xb")
        self.path = path
        self.failure: StorageError | None = None
        self._lease = lease
        self._allowed = 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write all of the data.

        Raises:
            StorageError: If there is no room for it.
        """
        view = memoryview(data).cast("B")
        count = len(view)
        try:
            self._ask_for(self.tell() + count)
            while view:  # a disk that fills up takes a part first
                view = view[super().write(view) :]
        except (StorageError, OSError) as error:
            self.failure = error if isinstance(error, StorageError) else in_words(error)
            raise self.failure from None
        return count

    def fileno(self) -> int:
        """Raise, or Pillow would write past the budget."""
        raise io.UnsupportedOperation("fileno")

    def _ask_for(self, size: int) -> None:
        more = in_blocks(size) - self._allowed
        if more > 0:
            first = self._allowed == 0
            more = more if first else max(more, STEP)
            self._lease.grow(Room(more, int(first)))
            self._allowed += more
