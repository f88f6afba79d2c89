"""Tests in several processes: those that measure run alone, all others side by side."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


class Turns:
    """The turns of one run of all tests, which all its processes share.

    Args:
        name: The run's name.
    """

    def __init__(self, name: str) -> None:
        folder = Path(tempfile.gettempdir())
        self._door, self._room = (folder / f"florence-tests-{name}-{part}" for part in ("door", "room"))

    @contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Wait for the turn of one test, and keep it for the length of the block.

        Whoever is to be alone holds the door until the others have left; no more of them come in meanwhile.
        """
        import fcntl  # not on Windows, where the tests run in one process

        with ExitStack() as held:
            door = held.enter_context(self._door.open("w"))
            room = held.enter_context(self._room.open("w"))
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            fcntl.flock(door, fcntl.LOCK_UN)
            yield
