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
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from florence_ui.errors import StorageError
from florence_ui.storage.room import NOTHING, Room, measured

MAX_BYTES = 4 << 30
MAX_FILES = 40_000
"""Files and folders together; each file that is kept has a folder of its own."""
MIN_FREE_BYTES = 200 << 20
"""Free space of the disk that stays free."""
SPARE_SECONDS = 300.0
"""For so long after its last use a file counts as in use."""

NO_ROOM = ("There is no room for more files on this page right now.", "Try again in a few minutes.")
DISK_FULL = ("The disk of this page's machine is full.", "Try again later; the operator has to make room.")


@dataclass
class _Entry:
    room: Room
    used: float


@dataclass
class _Account:
    """What one visitor holds: `entries` by their folder's name, the longest unused first."""

    entries: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    kept: Room = NOTHING
    unfinished: Room = NOTHING

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
        self.unfinished: set[str] = set()
        """Names of entries that are being written: they are counted by what is reserved for them."""
        self._total = NOTHING
        self._total_unfinished = NOTHING

    def set_limits(self, max_bytes: int, *, max_age: float) -> None:
        """Let all files together take so many bytes, each for so many seconds after its last use."""
        self.limit = Room(max_bytes, MAX_FILES)
        self.spare = min(SPARE_SECONDS, max_age / 2)

    def close(self) -> None:
        """Allow nothing more."""
        self.limit = NOTHING

    @property
    def held(self) -> Room:
        """What all visitors hold now, unfinished files included."""
        return self._total

    def held_by(self, owner: str) -> Room:
        """What one visitor holds now."""
        account = self._accounts.get(owner)
        return account.held if account else NOTHING

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
        for name in gone:
            delete(self.folder / name)

    def _reconcile(self) -> None:
        """Count what others have written into the folder, and forget what is not there any more."""
        with self._lock:
            known = set(self._owners)
        with contextlib.suppress(OSError), os.scandir(self.folder) as found:
            there = {entry.name for entry in found if not entry.name.startswith(".")}
            with self._lock:
                strange = there - self._owners.keys() - self.unfinished
                for name in known - there:
                    self._forget(name)
            for name in strange:
                self.keep("", name)

    # --- for those who write -------------------------------------------------------------------------------------

    def reserve(self, owner: str, room: Room) -> None:
        """Count room as taken, after making it.

        Raises:
            StorageError: If there is none.
        """
        if shutil.disk_usage(self.folder.parent).free - room.size < MIN_FREE_BYTES:
            raise StorageError(*DISK_FULL)
        gone: list[str] = []
        try:
            with self._lock:
                self._take(owner, room)
                try:
                    self._check_share(owner)
                    self._make_room(owner, gone)
                except StorageError:
                    self._take(owner, NOTHING - room)
                    raise
        finally:
            for name in gone:
                delete(self.folder / name)

    def release(self, owner: str, room: Room) -> None:
        """Give back room that was reserved."""
        with self._lock:
            self._take(owner, NOTHING - room)

    def keep(self, owner: str, name: str, reserved: Room = NOTHING, room: Room | None = None) -> None:
        """Count an entry that has been written by what it really takes, in place of what was reserved for it.

        Args:
            owner: The visitor in whose name it is.
            name: The entry.
            reserved: What was reserved for it.
            room: What it takes, if the caller has measured it.
        """
        room = room or measured(self.folder / name)
        with self._lock:
            account = self._accounts.setdefault(owner, _Account())
            account.entries[name] = _Entry(room, self._clock())
            account.kept += room
            self._owners[name] = owner
            self._total += room
            self._take(owner, NOTHING - reserved)

    # --- making room, with the lock held -------------------------------------------------------------------------

    def _take(self, owner: str, room: Room) -> None:
        account = self._accounts.setdefault(owner, _Account())
        account.unfinished += room
        self._total += room
        self._total_unfinished += room
        self._drop_if_empty(owner)

    def _check_share(self, owner: str) -> None:
        """Refuse a visitor more for unfinished files than is left to the others: such files cannot be removed.

        So one visitor alone gets half, a second one beside them a quarter, and there is always some for the next.

        Raises:
            StorageError: If it is more.
        """
        mine = self._accounts[owner].unfinished
        if not mine.fits(self.limit.part(0.5)):
            words = f"This needs more room than one visitor gets here at a time ({self.limit.size / 2**21:.3g} MB)."
            raise StorageError(words, "Take fewer or smaller pictures.")
        if not mine.fits(self.limit - self._total_unfinished):
            raise StorageError(*NO_ROOM)

    def _make_room(self, owner: str, gone: list[str]) -> None:
        """Forget entries until all fits; their names go into `gone`, for them to be deleted.

        Raises:
            StorageError: If there is not enough.
        """
        while not self._total.fits(self.limit):
            name = self._least_missed(owner)
            if name is None:
                raise StorageError(*NO_ROOM)
            self._forget(name)
            gone.append(name)

    def _least_missed(self, owner: str) -> str | None:
        """The entry that goes next for that visitor, or None if none may go.

        It is the longest unused one of the visitor who holds most of what is short. Who holds more than an equal share
        costs those nothing who hold less; who holds less gets room although others are using theirs.
        """
        resource = "size" if self._total.size > self.limit.size else "files"
        holders = {name: getattr(account.held, resource) for name, account in self._accounts.items()}
        share = getattr(self.limit, resource) / len(holders)
        modest = holders[owner] <= share
        now = self._clock()
        idle, busy = [], []
        for name, size in holders.items():
            first = next(iter(self._accounts[name].entries.values()), None)
            if first and now - first.used > self.spare and (modest or size > share):
                idle.append(name)
            elif first and modest and size > share:
                busy.append(name)
        names = idle or busy
        return next(iter(self._accounts[max(names, key=holders.get)].entries)) if names else None

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
        if not account.entries and account.unfinished == NOTHING:
            del self._accounts[owner]


def _seconds_since_read(path: Path) -> float:
    """Seconds since any file in a folder was read, as far as the file system says so."""
    latest = 0.0
    for each in path.iterdir() if path.is_dir() else [path]:
        with contextlib.suppress(OSError):
            latest = max(latest, each.stat().st_atime)
    age = time.time() - latest
    return age if age >= 0 else float("inf")  # a clock that was set back says nothing


def delete(path: Path) -> None:
    """Delete a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
