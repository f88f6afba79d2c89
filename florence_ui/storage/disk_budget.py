"""One budget for everything that is written into a folder, by visitor, checked before it is written.

The budget counts what files really take: blocks of the disk, and inodes. It is a running count, so asking it costs
the same however many files there are. Where room is short, files that nobody has used for a while go first, those of
the visitor who holds most before others'. A visitor who holds less than an equal share gets it at once: then files of
those who hold more go, used or not.
"""

import contextlib
import os
import shutil
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from florence_ui.errors import StorageError

BLOCK = 4096
"""Bytes that the smallest file and each folder take."""
MAX_BYTES = 4 << 30
MAX_FILES = 40_000
"""Files and folders together; each file that is kept has a folder of its own."""
MIN_FREE_BYTES = 200 << 20
"""Free space of the disk that stays free."""
SPARE_SECONDS = 300.0
"""For so long after its last use a file counts as in use."""
UNFINISHED_SHARE = 0.5
"""Part of the budget that one visitor's unfinished files may take, because those cannot be removed."""

NO_ROOM = ("There is no room for more files on this page right now.", "Try again in a few minutes.")
DISK_FULL = ("The disk of this page's machine is full.", "Try again later; the operator has to make room.")


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


@dataclass
class _Entry:
    room: Room
    used: float


@dataclass
class _Account:
    """What one visitor holds: `entries` by their folder's name, the longest unused first."""

    entries: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    kept: Room = field(default_factory=Room)
    unfinished: Room = field(default_factory=Room)

    @property
    def held(self) -> Room:
        return self.kept + self.unfinished


class DiskBudget:
    """Says who may write how much into a folder, and makes room in it.

    Each thing that is kept is one entry of the folder: a subfolder with a file or more in it.

    Args:
        folder: Nothing but what this budget allows is written there.
        limit: What all visitors together may hold.
        spare: Seconds after its last use for which an entry counts as in use.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        folder: Path,
        limit: Room | None = None,
        *,
        spare: float = SPARE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.limit = limit or Room(MAX_BYTES, MAX_FILES)
        self.spare = spare
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._owners: dict[str, str] = {}
        self._writing: set[str] = set()
        self._total = Room()

    def set_limits(self, max_bytes: int, *, max_age: float) -> None:
        """Let all files together take so many bytes, each for so many seconds after its last use."""
        self.limit = Room(max_bytes, MAX_FILES)
        self.spare = min(SPARE_SECONDS, max_age / 2)

    @property
    def held(self) -> Room:
        """What all visitors hold now, unfinished files included."""
        return self._total

    def held_by(self, owner: str) -> Room:
        """What one visitor holds now."""
        account = self._accounts.get(owner)
        return account.held if account else Room()

    @contextmanager
    def lease(self, owner: str) -> Iterator["Lease"]:
        """A new subfolder to write into; unless it is kept, it is deleted at the end with everything in it.

        Args:
            owner: The visitor in whose name it is written.

        Raises:
            StorageError: If there is no room.
            OSError: If the subfolder cannot be created.
        """
        lease = Lease(self, owner)
        try:
            yield lease.open()
        finally:
            lease.close()

    def touch(self, path: Path) -> None:
        """Note that a file is used."""
        if path.parent.parent != self.folder:
            return
        with self._lock:
            name = path.parent.name
            account = self._accounts.get(self._owners.get(name, ""))
            if account and name in account.entries:
                account.entries[name].used = self._clock()
                account.entries.move_to_end(name)

    def age_out(self, max_age: float) -> None:
        """Delete what nobody has used for so many seconds, and look for what came or went without being counted."""
        self._reconcile()
        now = self._clock()
        with self._lock:
            old = [
                name
                for account in self._accounts.values()
                for name, entry in account.entries.items()
                if now - entry.used > max_age
            ]
        seen = {name: age for name in old if (age := _seconds_since_read(self.folder / name)) <= max_age}
        with self._lock:
            for name, age in seen.items():
                if account := self._accounts.get(self._owners.get(name, "")):
                    account.entries[name].used = now - age
            gone = [name for name in old if name not in seen and self._forget(name)]
        self._delete(gone)

    def _reconcile(self) -> None:
        """Count what others have written into the folder, and forget what is not there any more."""
        with self._lock:
            known = set(self._owners)
        with contextlib.suppress(OSError), os.scandir(self.folder) as found:
            there = {entry.name for entry in found if not entry.name.startswith(".")}
            with self._lock:
                strange = there - self._owners.keys() - self._writing
                for name in known - there:
                    self._forget(name)
            for name in strange:
                self._keep("", name, measured(self.folder / name))

    # --- what a lease asks for -----------------------------------------------------------------------------------

    def _reserve(self, owner: str, room: Room) -> None:
        """Count room as taken, after making it.

        Raises:
            StorageError: If there is none.
        """
        if shutil.disk_usage(self.folder).free - room.size < MIN_FREE_BYTES:
            raise StorageError(*DISK_FULL)
        with self._lock:
            account = self._accounts.setdefault(owner, _Account())
            try:
                if not (account.unfinished + room).fits(self.limit.part(UNFINISHED_SHARE)):
                    raise StorageError(*NO_ROOM)
                gone = self._make_room(owner, room)
                account.unfinished += room
                self._total += room
            finally:
                self._drop_if_empty(owner)
        self._delete(gone)

    def _release(self, owner: str, room: Room) -> None:
        with self._lock:
            account = self._accounts.setdefault(owner, _Account())
            account.unfinished -= room
            self._total -= room
            self._drop_if_empty(owner)

    def _keep(self, owner: str, name: str, room: Room) -> None:
        with self._lock:
            account = self._accounts.setdefault(owner, _Account())
            account.entries[name] = _Entry(room, self._clock())
            account.kept += room
            self._owners[name] = owner
            self._total += room

    # --- making room, with the lock held -------------------------------------------------------------------------

    def _make_room(self, owner: str, room: Room) -> list[str]:
        """Forget entries until there is enough room; their names, for them to be deleted.

        Raises:
            StorageError: If there is not.
        """
        gone: list[str] = []
        while not (self._total + room).fits(self.limit):
            name = self._least_missed(owner, room)
            if name is None:
                self._delete(gone)
                raise StorageError(*NO_ROOM)
            self._forget(name)
            gone.append(name)
        return gone

    def _least_missed(self, owner: str, room: Room) -> str | None:
        """The entry that goes next, or None if none may go.

        It is the longest unused one of the visitor who holds most of what is short; one that is in use only for a
        visitor who stays within an equal share, and of one who has more than that.
        """
        resource = "size" if self._total.size + room.size > self.limit.size else "files"
        holders = {name: getattr(account.held, resource) for name, account in self._accounts.items()}
        unused = self._clock() - self.spare
        idle = [name for name in holders if (first := self._first(name)) and first.used < unused]
        if not idle:
            share = getattr(self.limit, resource) / len(holders)
            if holders[owner] + getattr(room, resource) > share:
                return None
            idle = [name for name, size in holders.items() if size > share and self._first(name)]
        return next(iter(self._accounts[max(idle, key=holders.get)].entries)) if idle else None

    def _first(self, owner: str) -> _Entry | None:
        return next(iter(self._accounts[owner].entries.values()), None)

    def _forget(self, name: str) -> bool:
        owner = self._owners.pop(name, None)
        if owner is None:
            return False
        account = self._accounts[owner]
        entry = account.entries.pop(name)
        account.kept -= entry.room
        self._total -= entry.room
        self._drop_if_empty(owner)
        return True

    def _drop_if_empty(self, owner: str) -> None:
        account = self._accounts[owner]
        if not account.entries and account.unfinished == Room():
            del self._accounts[owner]

    def _delete(self, names: Iterable[str]) -> None:
        for name in names:
            _remove(self.folder / name)


class Lease:
    """Room that somebody writes into; `DiskBudget.lease` gives it.

    Attributes:
        place: The subfolder to write into.
    """

    def __init__(self, budget: DiskBudget, owner: str) -> None:
        self._budget = budget
        self._owner = owner
        self._reserved = Room()
        self.place = budget.folder / uuid.uuid4().hex

    def open(self) -> "Lease":
        """Create the subfolder.

        Raises:
            StorageError: If there is no room.
            OSError: If it cannot be created.
        """
        self._budget.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # somebody may have tidied up
        self.grow(Room(BLOCK, 1))
        self._budget._writing.add(self.place.name)
        self.place.mkdir(mode=0o700)
        return self

    def grow(self, room: Room) -> None:
        """Take more room; asked for before it is written to.

        Raises:
            StorageError: If there is none.
        """
        self._budget._reserve(self._owner, room)
        self._reserved += room

    def keep(self) -> None:
        """Let the subfolder stay."""
        self._budget._keep(self._owner, self.place.name, measured(self.place))
        self._give_back()

    def keep_apart(self, folder: Path) -> Path:
        """Let a folder inside the subfolder stay as an entry of its own.

        Returns:
            Its new path.
        """
        apart = self._budget.folder / uuid.uuid4().hex
        self._budget._writing.add(apart.name)
        folder.rename(apart)
        self._budget._keep(self._owner, apart.name, measured(apart))
        self._budget._writing.discard(apart.name)
        return apart

    def close(self) -> None:
        """Give back what was not used."""
        if self.place.name not in self._budget._owners:
            _remove(self.place)
        self._budget._writing.discard(self.place.name)
        self._give_back()

    def _give_back(self) -> None:
        self._budget._release(self._owner, self._reserved)
        self._reserved = Room()


def measured(path: Path) -> Room:
    """What a file, or a folder with all that is in it, takes."""
    paths = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    room = Room()
    for each in paths:
        with contextlib.suppress(OSError):
            info = each.lstat()
            # A file system that writes later may not have given a new file its blocks yet.
            room += Room(max(getattr(info, "st_blocks", 0) * 512, in_blocks(info.st_size)), 1)
    return room


def in_blocks(size: int) -> int:
    """The size of a file of so many bytes on the disk; a file takes one block at least."""
    return max(1, -(-size // BLOCK)) * BLOCK


def _seconds_since_read(path: Path) -> float:
    """Seconds since any file in a folder was read, as far as the file system says so."""
    latest = 0.0
    for each in path.iterdir() if path.is_dir() else [path]:
        with contextlib.suppress(OSError):
            latest = max(latest, each.stat().st_atime)
    age = time.time() - latest
    return age if age >= 0 else float("inf")  # a clock that was set back says nothing


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
