"""One JSON line per event on stderr: times, names and numbers; no picture, no words of a prompt or answer, no key."""

import json
import logging
import sys
from datetime import UTC, datetime

from florence_ui.log_throttle import RepeatThrottle

logger = logging.getLogger("florence_ui.server")


class LineFormatter(logging.Formatter):
    """A formatter for other libraries' records, without tracebacks; as JSON, no record can forge another line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        message = record.getMessage()
        return message if record.name == logger.name else format_event("log", source=record.name, message=message[:500])


def set_up_logging() -> None:
    """Send every record, warnings included, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    handler.addFilter(RepeatThrottle())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logger.setLevel(logging.INFO)


def log(event: str, **fields: object) -> None:
    """Write one line."""
    logger.info(format_event(event, **fields))


def format_event(event: str, **fields: object) -> str:
    """An event as JSON, with the time first."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "event": event, **fields})
