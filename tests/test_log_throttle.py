"""Repeated lines do not fill the log, and no others are dropped."""

import logging

import pytest

from florence_ui import log_throttle
from florence_ui.log_throttle import MAX_REPEATS, RepeatThrottle


@pytest.fixture
def written() -> tuple[logging.Logger, list[str]]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.addFilter(RepeatThrottle())
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.Logger("tested")
    logger.addHandler(handler)
    return logger, lines


def test_a_warning_that_repeats_is_left_out_and_counted(
    written: tuple[logging.Logger, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(log_throttle.time, "monotonic", lambda: now[0])
    logger, lines = written
    for k in range(10_000):
        logger.warning("No descriptor for %s", k)
    assert len(lines) == MAX_REPEATS
    now[0] += 61
    logger.warning("No descriptor for %s", "one more")
    assert lines[-1] == f"No descriptor for one more ({10_000 - MAX_REPEATS} more like it were dropped)"
    logger.warning("No descriptor for %s", "another")
    assert lines[-1] == "No descriptor for another"


def test_nothing_else_is_left_out(written: tuple[logging.Logger, list[str]]) -> None:
    logger, lines = written
    for k in range(100):
        logger.info("A run")
        logger.warning(f"Warning {k}")
    for error in (ValueError("a"), OSError("b")):
        for _ in range(MAX_REPEATS):
            try:
                raise error
            except Exception:
                logger.exception("It failed.")
    assert lines.count("A run") == 100
    assert len(lines) == 200 + 2 * MAX_REPEATS


def test_kinds_without_end_take_no_memory_without_end() -> None:
    throttle = RepeatThrottle()
    for k in range(3 * log_throttle.MAX_KINDS):
        assert throttle.filter(logging.LogRecord("a", logging.ERROR, "", 0, f"kind {k}", None, None))
    assert len(throttle._windows) <= log_throttle.MAX_KINDS
