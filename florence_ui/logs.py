"""The operator's log: one JSON line per run, and a terminal that neither leaks a key nor can be forged.

A run's line contains no picture, text, key, link or address. Everything else that reaches the terminal (log records of
other libraries, tracebacks, `print`) passes a redactor that removes keys and makes control characters, bidirectional
marks and escape sequences visible.
"""

import asyncio
import io
import json
import logging
import re
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from starlette.datastructures import Secret

from florence_ui.log_throttle import RepeatThrottle
from florence_ui.models import OFFICIAL_MODELS
from florence_ui.redaction import redactor
from florence_ui.tasks import TASKS

run_log = logging.getLogger("florence_ui.runs")

_LINE_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def escape_invisible(text: str) -> str:
    """Write out control, format and direction characters, including line breaks (`\\x1b`, `\\u202e`)."""
    return "".join(
        c if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029" else c.encode("unicode_escape").decode()
        for c in text
    )


def indent_continuations(text: str) -> str:
    """Escape each line and indent all but the first, so that they cannot pass for log records."""
    return "\n    | ".join(escape_invisible(line.replace("\t", "    ")) for line in _LINE_BREAKS.split(text))


class SafeFormatter(logging.Formatter):
    """A formatter that redacts records and keeps line breaks in them from starting a new record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        if record.name == run_log.name:
            return redactor(record.getMessage())
        return indent_continuations(redactor(super().format(record)))


class SafeStream(io.TextIOBase):
    """Standard output or error for code that bypasses logging, such as a library's `traceback.print_exc`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        safe = redactor(str(text))
        if not safe.isprintable():
            safe = "".join(c if c in "\n\r\t" else escape_invisible(c) for c in safe)
        encoding = self.encoding or "utf-8"
        self._stream.write(safe.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


def configure(secrets: Iterable[Secret]) -> None:
    """Log runs to standard error, and send everything through the redactor. Safe to call twice.

    Args:
        secrets: The operator's keys.
    """
    for secret in secrets:
        redactor.add(secret)
    if not isinstance(sys.stderr, SafeStream):
        sys.stdout, sys.stderr = SafeStream(sys.stdout), SafeStream(sys.stderr)
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, SafeFormatter) for handler in root.handlers):
        root.addHandler(logging.StreamHandler(sys.stderr))
    for handler in root.handlers:
        handler.setFormatter(SafeFormatter())
        if not any(isinstance(each, RepeatThrottle) for each in handler.filters):
            handler.addFilter(RepeatThrottle())
    root.setLevel(logging.WARNING)
    logging.getLogger("florence_ui").setLevel(logging.INFO)


@dataclass
class RunRecord:
    """One run, logged when it ends.

    Attributes:
        task: The task's token; one that is not in the table is logged as `unknown`.
        model_id: Official names are logged as they are, all others as `other`.
        backend: The backend's name in the settings.
        size: (width, height) of the upright picture, in pixels.
        remembered: Whether the answer came from the cache.
    """

    task: str
    model_id: str
    backend: str
    size: tuple[int, int] | None = None
    remembered: bool = False


@contextmanager
def log_outcome(record: RunRecord, *, key: Secret | None = None) -> Iterator[RunRecord]:
    """Log the run inside this block, however it ends; redact its key meanwhile."""
    begun, outcome = time.perf_counter(), "ok"
    with redactor.redacting(key):
        try:
            yield record
        except asyncio.CancelledError:
            outcome = "stopped"
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            log_run(record, seconds=time.perf_counter() - begun, outcome=outcome)


def log_run(record: RunRecord, *, seconds: float, outcome: str) -> None:
    """Log one line for one run.

    Args:
        record: The run.
        seconds: From the request to the answer.
        outcome: `ok`, `stopped`, or the name of the error's class; never its message.
    """
    line = {  # a model that a visitor types may be a key pasted into the wrong field
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "task": record.task if record.task in TASKS else "unknown",
        "model": record.model_id if record.model_id in OFFICIAL_MODELS else "other",
        "backend": record.backend,
        "seconds": round(seconds, 3),
        "outcome": outcome,
        "size": list(record.size) if record.size else None,
        "remembered": record.remembered,
    }
    run_log.info("%s", json.dumps(line, ensure_ascii=True))
