"""Answers as tables: for the page, for a spreadsheet, for a program."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from florence_ui.exports.records import DECIMALS, ExportItem, round_coordinates, select_rows
from florence_ui.results.result import Result

COLUMNS = ("#", "label", "x1", "y1", "x2", "y2", "width", "height")
CSV_COLUMNS = ("picture_number", "picture", "task", "text", *COLUMNS)

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
"""Control characters except tabs and line ends: a spreadsheet drops them, which would put the next character first."""
FORMULA = re.compile(r"(^(?=[\t\r\n])|(?:^|[,;:|\t\r\n\v\f\x85\u2028\u2029])(?=[ \"]*[=+\-@＝＋－＠]))")
"""Where a spreadsheet could begin a formula (OWASP, "CSV Injection"): at the start of a cell, and after any character
that separates cells in some locale. Quotes do not help: `"x;=A1"` is two cells where `;` is the separator."""


def escape_cell(value: Any) -> Any:
    """Keep a cell text: put an apostrophe before anything that could become a formula; numbers stay.

    Control characters other than tabs and line ends are removed.
    """
    return FORMULA.sub(r"\1'", CONTROL.sub("", value)) if isinstance(value, str) else value


def table_rows(result: Result, rows: Collection[int] | None = None) -> tuple[list[str], list[list[Any]]]:
    """Headers (`COLUMNS`), and one row per detection: number from 1, label, box, width and height in pixels."""
    table, labels = [], result.labels
    for row in select_rows(result, rows):
        x1, y1, x2, y2 = round_coordinates(result.detections.xyxy[row])
        size = [round(x2 - x1, DECIMALS), round(y2 - y1, DECIMALS)]
        table.append([row + 1, escape_cell(labels[row]), x1, y1, x2, y2, *size])
    return list(COLUMNS), table


def detections_csv(items: Iterable[ExportItem]) -> str:
    """Answers as one table with the columns `CSV_COLUMNS`; an answer without detections has one row."""
    rows = []
    for item in items:
        result = item.analysis.result
        start = [item.number, item.name, result.task.token, result.text]
        rows += [[*start, *cells] for cells in table_rows(result)[1] or [[""] * len(COLUMNS)]]
    return to_csv(CSV_COLUMNS, rows)


def to_csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table with every cell quoted and without formulas."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(headers)
    writer.writerows([escape_cell(value) for value in row] for row in rows)
    return file.getvalue()
