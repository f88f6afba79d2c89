"""Every promise in SECURITY.md has a test."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text("utf-8")
TABLE = DOCUMENT.partition("## What is promised")[2].partition("\n## ")[0]
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith(("| Promise", "| ---"))]


def test_every_promise_names_its_tests() -> None:
    promises = [row for row in ROWS if not row.startswith("| **")]
    assert len(promises) > 25
    assert [row for row in promises if "`tests/" not in row.split("|")[2]] == []


def test_every_test_that_is_named_exists() -> None:
    for path, _, name in re.findall(r"`(tests/[\w/]+\.py)(::(\w+))?`", DOCUMENT):
        source = (ROOT / path).read_text("utf-8")
        assert not name or re.search(rf"def {name}\(", source), f"{path}::{name}"
