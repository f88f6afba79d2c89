"""A log that one repeated line cannot fill."""

import logging
import threading
import time
from dataclasses import dataclass

MAX_REPEATS = 5
"""Times that the same warning is written within `WINDOW_SECONDS`."""
WINDOW_SECONDS = 60.0
MAX_KINDS = 1000


@dataclass
class _Window:
    begun: float
    written: int = 0
    left_out: int = 0


class RepeatThrottle(logging.Filter):
    """Leaves out warnings and errors that repeat, and says later how many; what is below a warning always passes.

    Two are the same if logger, level, text before its values are filled in, and kind of exception are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[tuple, _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; the first one after some were left out says so."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, record.levelno, str(record.msg), record.exc_info and record.exc_info[0])
        now = time.monotonic()
        with self._lock:
            window = self._windows.get(key)
            left_out = 0
            if window is None or now - window.begun > WINDOW_SECONDS:
                left_out = window.left_out if window else 0
                if len(self._windows) >= MAX_KINDS:
                    self._windows.clear()
                window = self._windows[key] = _Window(now)
            if window.written >= MAX_REPEATS:
                window.left_out += 1
                return False
            window.written += 1
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} more like it were left out)"
            record.args = None
        return True
