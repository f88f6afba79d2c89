"""Writes within the disk budget: nothing exceeds it, and no half-written file stays."""

import errno
import io
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Self

from florence_ui.errors import StorageError
from florence_ui.storage.disk_budget import DISK_FULL, DiskBudget, delete
from florence_ui.storage.disk_space import BLOCK, NO_SPACE, DiskSpace, measure, round_up_to_blocks

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

STEP = 1 << 20
"""Bytes that a growing file reserves at a time; unused ones are released."""
DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The error numbers of a full disk, an exceeded quota and an exceeded file size."""
UNWRITABLE = ("This page's machine cannot write files.", "Try again later; the operator has to fix this.")


def as_storage_error(error: OSError) -> StorageError:
    """Translate a failure to write into an error for visitors."""
    return StorageError(*(DISK_FULL if error.errno in DISK_FULL_ERRNOS else UNWRITABLE))


class Lease:
    """Reserved disk space with a folder to write into; a context manager.

    Everything that was written is deleted at the end unless it is kept. A thread that still writes after the end, for
    somebody who has left, gets no more space.

    Args:
        budget: The budget.
        owner: The visitor that the space counts for.

    Attributes:
        folder: The folder to write into.
    """

    def __init__(self, budget: DiskBudget, owner: str) -> None:
        self._budget = budget
        self._owner = owner
        self._reserved = NO_SPACE
        self._kept = False
        self._closed = False
        self._lock = threading.Lock()
        self.folder = budget.folder / uuid.uuid4().hex

    def __enter__(self) -> Self:
        try:
            return self.open()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Create the folder.

        Raises:
            StorageError: If there is no space.
            OSError: If it cannot be created.
        """
        self.grow(DiskSpace(BLOCK, 1))
        self._budget.unfinished.add(self.folder.name)
        self._budget.folder.mkdir(mode=0o700, exist_ok=True)  # it may have been cleaned up
        self.folder.mkdir(mode=0o700)
        return self

    def grow(self, space: DiskSpace) -> None:
        """Reserve more space before it is used.

        Raises:
            StorageError: If there is no space, or the lease has ended.
        """
        with self._lock:
            if self._closed:
                raise StorageError("This upload has ended.", "Start it again.")
            self._budget.reserve(self._owner, space)
            self._reserved += space

    def keep(self) -> None:
        """Keep the folder."""
        self._kept = True
        self._budget.keep(self._owner, self.folder.name, self._reserved)
        self._reserved = NO_SPACE

    def keep_subfolder(self, folder: Path) -> Path:
        """Keep a subfolder as an entry of its own.

        Returns:
            Its new path.
        """
        apart = self._budget.folder / uuid.uuid4().hex
        self._budget.unfinished.add(apart.name)
        folder.rename(apart)
        space = measure(apart)
        moved = DiskSpace(min(space.size, self._reserved.size), min(space.files, self._reserved.files))
        self._budget.keep(self._owner, apart.name, moved, space)
        self._reserved -= moved
        self._budget.unfinished.discard(apart.name)
        return apart

    def close(self) -> None:
        """Release the unused space."""
        with self._lock:
            self._closed = True
        if not self._kept:
            delete(self.folder)
        self._budget.unfinished.discard(self.folder.name)
        self._budget.release(self._owner, self._reserved)
        self._reserved = NO_SPACE


class StoredFile(io.FileIO):
    """A new binary file that grows within the budget.

    Attributes:
        path: The file's path.
        failure: Why a write failed, if one did.
    """

    def __init__(self, path: Path, lease: Lease) -> None:
        super().__init__(path, "xb")
        self.path = path
        self.failure: StorageError | None = None
        self._lease = lease
        self._allowed = 0

    def write(self, data: "Buffer", /) -> int:
        """Write all of the data.

        Raises:
            StorageError: If there is no space for it, or it cannot be written.
        """
        view = memoryview(data).cast("B")
        count = len(view)
        try:
            self._reserve(self.tell() + count)
            while view:  # a disk that is filling up accepts a part first
                view = view[super().write(view) :]
        except (StorageError, OSError) as error:
            self.failure = error if isinstance(error, StorageError) else as_storage_error(error)
            raise self.failure from None
        return count

    def fileno(self) -> int:
        """Refuse, so that Pillow cannot bypass the budget."""
        raise io.UnsupportedOperation("fileno")

    def _reserve(self, size: int) -> None:
        more = round_up_to_blocks(size) - self._allowed
        if more > 0:
            first = self._allowed == 0
            more = more if first else max(more, STEP)
            self._lease.grow(DiskSpace(more, int(first)))
            self._allowed += more
