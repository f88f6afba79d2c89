"""A throttle for repeated log lines; neither `logging` nor the libraries in use have one."""

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
    dropped: int = 0


class RepeatThrottle(logging.Filter):
    """A filter that drops repeated warnings and errors and later reports how many; records below WARNING always pass.

    Two records are the same if they agree in logger, level, unformatted message and type of exception.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[tuple[object, ...], _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write the record; add to the first one after dropped records how many there were."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, record.levelno, str(record.msg), record.exc_info and record.exc_info[0])
        now = time.monotonic()
        with self._lock:
            window = self._windows.get(key)
            dropped = 0
            if window is None or now - window.begun > WINDOW_SECONDS:
                dropped = window.dropped if window else 0
                if len(self._windows) >= MAX_KINDS:
                    self._windows.clear()
                window = self._windows[key] = _Window(now)
            if window.written >= MAX_REPEATS:
                window.dropped += 1
                return False
            window.written += 1
        if dropped:
            record.msg = f"{record.getMessage()} ({dropped} more like it were dropped)"
            record.args = None
        return True
