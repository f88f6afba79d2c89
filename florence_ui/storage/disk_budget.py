"""One budget for everything written into a folder, by visitor, checked before each write.

The budget counts what files really occupy: disk blocks and inodes. It is a running count, so a check costs the same for
any number of files. When space is short, idle files are evicted first, beginning with those of the visitor who uses
most. A visitor below an equal share gets space at once, for which files of those above it are evicted, idle or not.
Caching libraries evict by a single size and do not distinguish owners, so none is used here.
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
from florence_ui.storage.disk_space import NO_SPACE, DiskSpace, measure

MAX_BYTES = 4 << 30
MAX_FILES = 40_000
"""Files and folders together; each kept file has a folder of its own."""
MIN_FREE_BYTES = 200 << 20
"""Disk space that always stays free."""
IDLE_SECONDS = 300.0
"""Seconds after its last use at which a file becomes idle."""

OVER_BUDGET = ("There is no space for more files on this page right now.", "Try again in a few minutes.")
DISK_FULL = ("The disk of this page's machine is full.", "Try again later; the operator has to free some space.")


@dataclass
class _Entry:
    space: DiskSpace
    last_used: float


@dataclass
class _Account:
    """One visitor's use: `entries` by their folder's name, least recently used first."""

    entries: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    kept: DiskSpace = NO_SPACE
    unfinished: DiskSpace = NO_SPACE

    @property
    def used(self) -> DiskSpace:
        return self.kept + self.unfinished


class DiskBudget:
    """A limit on what each visitor may write into a folder; files are evicted to make space.

    Each entry of the folder is a subfolder with one or more files.

    Args:
        folder: The folder; nothing is written there without this budget.
        limit: The limit for all visitors together.
        idle_seconds: Seconds after its last use at which an entry becomes idle.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        limit: DiskSpace | None = None,
        *,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.limit = limit or DiskSpace(MAX_BYTES, MAX_FILES)
        self.idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._owners: dict[str, str] = {}
        self.unfinished: set[str] = set()
        """Names of entries that are being written; their reserved space is counted."""
        self._total = NO_SPACE
        self._total_unfinished = NO_SPACE

    def set_limits(self, max_bytes: int, *, max_age: float) -> None:
        """Limit all files together to `max_bytes`; they will expire `max_age` seconds after their last use."""
        self.limit = DiskSpace(max_bytes, MAX_FILES)
        self.idle_seconds = min(IDLE_SECONDS, max_age / 2)

    def close(self) -> None:
        """Allow no further writes."""
        self.limit = NO_SPACE

    @property
    def used(self) -> DiskSpace:
        """The space that all visitors use now, including unfinished files."""
        return self._total

    def touch(self, path: Path) -> None:
        """Note that a file is in use."""
        if path.parent.parent != self.folder:
            return
        with self._lock:
            self._note_use(path.parent.name, self._clock())

    def delete_expired(self, max_age: float) -> None:
        """Delete entries unused for `max_age` seconds, and account for those that appeared or vanished otherwise."""
        self._reconcile()
        now = self._clock()
        with self._lock:
            old = [
                name
                for account in self._accounts.values()
                for name, entry in account.entries.items()
                if now - entry.last_used > max_age
            ]
        seen = {name: age for name in old if (age := _seconds_since_read(self.folder / name)) <= max_age}
        with self._lock:
            for name, age in seen.items():
                self._note_use(name, now - age)
            gone = [name for name in old if name not in seen and self._forget(name)]
        for name in gone:
            delete(self.folder / name)

    def _reconcile(self) -> None:
        """Count entries that others have written into the folder, and forget those that no longer exist."""
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

    # --- writing -------------------------------------------------------------------------------------

    def reserve(self, owner: str, space: DiskSpace) -> None:
        """Count space as used, after evicting entries if necessary.

        Raises:
            StorageError: If there is no space.
        """
        if shutil.disk_usage(self.folder.parent).free - space.size < MIN_FREE_BYTES:
            raise StorageError(*DISK_FULL)
        gone: list[str] = []
        try:
            with self._lock:
                self._take(owner, space)
                try:
                    self._check_share(owner)
                    self._make_space(owner, gone)
                except StorageError:
                    self._take(owner, NO_SPACE - space)
                    raise
        finally:
            for name in gone:
                delete(self.folder / name)

    def release(self, owner: str, space: DiskSpace) -> None:
        """Release space that was reserved."""
        with self._lock:
            self._take(owner, NO_SPACE - space)

    def keep(self, owner: str, name: str, reserved: DiskSpace = NO_SPACE, space: DiskSpace | None = None) -> None:
        """Count a written entry by the space that it really occupies, instead of the reserved space.

        Args:
            owner: The visitor that it counts for.
            name: The entry.
            reserved: The space that was reserved for it.
            space: The space that it occupies, if the caller has measured it.
        """
        space = space or measure(self.folder / name)
        with self._lock:
            account = self._accounts.setdefault(owner, _Account())
            account.entries[name] = _Entry(space, self._clock())
            account.kept += space
            self._owners[name] = owner
            self._total += space
            self._take(owner, NO_SPACE - reserved)

    # --- making space, with the lock held -------------------------------------------------------------------------

    def _take(self, owner: str, space: DiskSpace) -> None:
        account = self._accounts.setdefault(owner, _Account())
        account.unfinished += space
        self._total += space
        self._total_unfinished += space
        self._drop_if_empty(owner)

    def _check_share(self, owner: str) -> None:
        """Refuse a visitor more unfinished files than are left for the others, because such files cannot be evicted.

        A single visitor gets half, a second one a quarter, and some is always left for the next.

        Raises:
            StorageError: If the visitor requests more.
        """
        mine = self._accounts[owner].unfinished
        if not mine.fits(self.limit.fraction(0.5)):
            message = f"This needs more space than one visitor gets at a time ({self.limit.size / 2**21:.3g} MB)."
            raise StorageError(message, "Take fewer or smaller pictures.")
        if not mine.fits(self.limit - self._total_unfinished):
            raise StorageError(*OVER_BUDGET)

    def _make_space(self, owner: str, gone: list[str]) -> None:
        """Forget entries until everything fits; add their names to `gone`, to be deleted.

        Raises:
            StorageError: If there is not enough space.
        """
        while not self._total.fits(self.limit):
            name = self._next_to_evict(owner)
            if name is None:
                raise StorageError(*OVER_BUDGET)
            self._forget(name)
            gone.append(name)

    def _next_to_evict(self, owner: str) -> str | None:
        """Choose the entry to evict for that visitor, or None if none may be evicted.

        It is the least recently used one of the visitor who uses most of what is short. A visitor above an equal share
        takes nothing from those below it; one below it gets space even if others are using their files.
        """
        resource = "size" if self._total.size > self.limit.size else "files"
        used: dict[str, int] = {name: getattr(account.used, resource) for name, account in self._accounts.items()}
        share = getattr(self.limit, resource) / len(used)
        modest = used[owner] <= share
        now = self._clock()
        idle, busy = [], []
        for name, size in used.items():
            first = next(iter(self._accounts[name].entries.values()), None)
            if first and now - first.last_used > self.idle_seconds and (modest or size > share):
                idle.append(name)
            elif first and modest and size > share:
                busy.append(name)
        names = idle or busy
        return next(iter(self._accounts[max(names, key=lambda name: used[name])].entries)) if names else None

    def _note_use(self, name: str, when: float) -> None:
        """Note when an entry was used, unless it has been evicted meanwhile."""
        if name in self._owners:
            entries = self._accounts[self._owners[name]].entries
            entries[name].last_used = when
            entries.move_to_end(name)

    def _forget(self, name: str) -> bool:
        owner = self._owners.pop(name, None)
        if owner is None:
            return False
        account = self._accounts[owner]
        entry = account.entries.pop(name)
        account.kept -= entry.space
        self._total -= entry.space
        self._drop_if_empty(owner)
        return True

    def _drop_if_empty(self, owner: str) -> None:
        account = self._accounts[owner]
        if not account.entries and account.unfinished == NO_SPACE:
            del self._accounts[owner]


def _seconds_since_read(path: Path) -> float:
    """Seconds since any file in a folder was read, as far as the file system records it."""
    latest = 0.0
    with contextlib.suppress(OSError):  # it may be evicted meanwhile
        for each in path.iterdir() if path.is_dir() else [path]:
            latest = max(latest, each.stat().st_atime)
    age = time.time() - latest
    return age if age >= 0 else float("inf")  # the clock was set back


def delete(path: Path) -> None:
    """Delete a file, or a folder with everything in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
