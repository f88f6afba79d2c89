"""A folder that belongs to one process: nobody else reads it, and it is removed even if that process is killed.

The folder lies inside a parent that may hold anybody's files. It is created with mode 0700 and locked for as long as
its process lives; then a mark is put into it. At the next start, marked folders that nobody holds locked any more are
removed, and nothing else. A lock ends with its process, so a reused process number cannot keep a folder alive.

Run as a program, this module waits until the owner of a folder has ended, and removes it: thousands of files take
longer than an ending program may.
"""

import contextlib
import logging
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there a file that somebody holds open cannot be deleted, which says the same
    fcntl = None

log = logging.getLogger(__name__)

PREFIX = "florence-ui-"
MARK = ".made-by-florence-ui"
MARK_TEXT = (
    "Temporary files of a running Florence-2 page. They are removed when it ends, or when the next one starts.\n"
)


class PrivateFolder:
    """A new folder of this process.

    Args:
        parent: Where to create it; made if it does not exist.

    Raises:
        OSError: If nothing can be created there.

    Attributes:
        path: The folder, absolute.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)).resolve()
        self._owner = os.getpid()
        self._held = _hold(self.path)
        self._handed_over = False

    def remove(self, seconds: float) -> None:
        """Delete the folder; what is not done in time is left to a process of its own.

        A forked child leaves its parent's folder alone.

        Args:
            seconds: How long this may take; with 0 nothing is even looked at.
        """
        if self._handed_over or os.getpid() != self._owner:
            return
        with contextlib.suppress(OSError):
            if not (seconds and _empty(self.path, until=time.monotonic() + seconds)):
                self._handed_over = True
                _remove_later(self.path)
                return
            if fcntl is None and self._held is not None:
                os.close(self._held)  # Windows deletes no file that is open
            (self.path / MARK).unlink(missing_ok=True)
            self.path.rmdir()


def remove_abandoned(parent: Path) -> None:
    """Delete the folders in `parent` whose processes have ended without doing so."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for name in [entry.path for entry in entries if entry.name.startswith(PREFIX)]:
            with contextlib.suppress(OSError):
                _remove_if_abandoned(Path(name))


def _hold(path: Path) -> int | None:
    """Lock the folder, then mark it; without a lock there is no mark, and nobody else may remove the folder."""
    mark = path / MARK
    try:
        if fcntl is None:
            return os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mark.write_text(MARK_TEXT, encoding="ascii")
        return held
    except OSError as error:
        log.warning("%s cannot be locked (%s): if this program is killed, its files stay there.", path, error.strerror)
        return None


def _remove_if_abandoned(path: Path, *, wait: bool = False) -> None:
    """Delete a marked folder of this user that nobody holds locked.

    Args:
        path: The folder; a symbolic link is not followed.
        wait: Whether to wait for the lock.
    """
    if fcntl is None:
        if path.is_symlink() or not (path / MARK).is_file():
            return
        (path / MARK).unlink()  # fails while its owner lives
        shutil.rmtree(path, ignore_errors=True)
        return
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        info, mark = os.fstat(held), os.stat(MARK, dir_fd=held, follow_symlinks=False)
        ours = info.st_uid == mark.st_uid == os.getuid() and stat.S_ISREG(mark.st_mode)
        if not ours or stat.S_IMODE(info.st_mode) != 0o700:
            return
        fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        for name in os.listdir(held):
            if name != MARK:  # goes last: a folder without it would never be recognized again
                _delete(name, held)
        os.unlink(MARK, dir_fd=held)
        path.rmdir()
    finally:
        os.close(held)


def _delete(name: str, dir_fd: int | None = None) -> None:
    try:
        os.unlink(name, dir_fd=dir_fd)
    except OSError:
        shutil.rmtree(name, ignore_errors=True, dir_fd=dir_fd)


def _empty(path: Path, until: float) -> bool:
    """Delete what lies in a folder, except its mark; False if the time is over before everything is gone."""
    for name in os.listdir(path):
        if time.monotonic() > until:
            return False
        if name != MARK:
            _delete(os.path.join(path, name))
    return True


def _remove_later(path: Path) -> None:
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", __file__, str(path)]
    subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        _remove_if_abandoned(Path(sys.argv[1]), wait=True)
