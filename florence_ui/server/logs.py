"""One JSON line an event on stderr: times, names and numbers; no picture, no words of a prompt or answer, no key."""

import json
import logging
import sys
from datetime import UTC, datetime

logger = logging.getLogger("florence_ui.server")


def set_up_logging() -> None:
    """Sends the server's own lines to stderr, as they are."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def log(event: str, **fields: object) -> None:
    """Writes one line."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    logger.info(json.dumps({"time": time, "event": event, **fields}))
