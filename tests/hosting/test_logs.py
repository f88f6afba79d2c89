"""The terminal's output: one line per run, no key, nothing forged."""

import io
import json
import logging
import subprocess
import sys

import pytest

from florence_ui import logs
from florence_ui.logs import (
    RunRecord,
    SafeFormatter,
    SafeStream,
    escape_invisible,
    indent_continuations,
    log_run,
)
from florence_ui.redaction import REDACTED

KEY = "rf_SECRETKEY1234567890"


def logged(**changed: object) -> dict:
    """The one line that a run leaves."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter())
    logs.run_log.addHandler(handler)
    logs.run_log.setLevel(logging.INFO)
    given = {
        "task": "<OD>", "model_id": "florence-2-base", "backend": "local", "seconds": 1.23456, "outcome": "ok",
        "size": (640, 480), "remembered": False,
    } | changed  # fmt: skip
    try:
        outcome = {name: given.pop(name) for name in ("seconds", "outcome")}
        log_run(RunRecord(**given), **outcome)
    finally:
        logs.run_log.removeHandler(handler)
    [line] = stream.getvalue().splitlines()
    return json.loads(line)


def test_a_run_leaves_one_line_of_json() -> None:
    line = logged()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "task": "<OD>", "model": "florence-2-base", "backend": "local", "seconds": 1.235, "outcome": "ok",
        "size": [640, 480], "remembered": False,
    }  # fmt: skip


def test_a_key_in_the_wrong_field_is_not_logged() -> None:
    line = logged(model_id=KEY, task=f"<OD>{KEY}")
    assert KEY not in json.dumps(line)
    assert (line["model"], line["task"]) == ("other", "unknown")


HOSTILE = {
    "line break": "a\nERROR forged",
    "carriage return": "a\rERROR forged",
    "both": "a\r\nERROR forged",
    "next line": "a\x85ERROR forged",
    "line separator": "a\u2028ERROR forged",
    "form feed": "a\x0cERROR forged",
    "vertical tab": "a\x0bERROR forged",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_line_cannot_be_forged(text: str) -> None:
    record = logging.LogRecord("other", logging.ERROR, "f.py", 1, "%s", (text,), None)
    lines = SafeFormatter().format(record).splitlines()
    assert not [line for line in lines if line.startswith("ERROR")]
    assert all(line.startswith("    | ") for line in lines[1:])


def test_a_traceback_is_redacted_and_cannot_forge_either() -> None:
    try:
        raise ValueError(f"api_key={KEY}\nERROR forged \x1b[31m")
    except ValueError:
        record = logging.LogRecord("other", logging.ERROR, "f.py", 1, "failed", (), sys.exc_info())
    text = SafeFormatter().format(record)
    assert KEY not in text
    assert "\x1b" not in text
    assert "\nERROR" not in text
    assert "Traceback" in text


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x1b]0;title\x07", "\u202egnp.exe", "\x00", "\x9b31m", "\u200b", "\u2066x"]
)
def test_escape_sequences_and_direction_marks_become_visible(text: str) -> None:
    assert escape_invisible(text).isprintable()
    assert indent_continuations(text).isprintable()
    stream = io.StringIO()
    SafeStream(stream).write(text)
    assert stream.getvalue().isprintable()


def test_text_of_all_scripts_stays_as_it_is() -> None:
    for text in ("Grüße, 東京 ☂ Ελλάδα", "שלום", "{${x}} <b>"):
        assert escape_invisible(text) == text
        stream = io.StringIO()
        SafeStream(stream).write(f"{text}\n")
        assert stream.getvalue() == f"{text}\n"


def test_everything_a_process_prints_is_redacted() -> None:
    program = f"""
import logging, sys, traceback, warnings
from starlette.datastructures import Secret
from florence_ui import logs
logs.configure([Secret("{KEY}")])
logs.configure([Secret("{KEY}")])
print("printed {KEY}")
print("to stderr {KEY}", file=sys.stderr)
logging.getLogger("httpx").warning("HTTP Request: POST https://h/?api_key=%s", "{KEY}")
logging.getLogger("uvicorn.error").error("{KEY} \\x1b[31m")
logging.getLogger("httpx").info("not shown")
warnings.warn("careful with {KEY}")
try:
    raise RuntimeError("failed with {KEY}")
except RuntimeError:
    traceback.print_exc()
    logging.getLogger("florence_ui.x").exception("noted")
logs.log_run(logs.RunRecord("<OD>", "florence-2-base", "local", (1, 2)), seconds=1, outcome="ok")
raise SystemExit("the end of {KEY}")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    spoken = done.stdout + done.stderr
    assert KEY not in spoken, spoken
    assert spoken.count(REDACTED) >= 8
    assert "\x1b" not in spoken
    assert "not shown" not in spoken
    [line] = [line for line in done.stderr.splitlines() if line.startswith('{"time"')]
    assert json.loads(line)["size"] == [1, 2]
