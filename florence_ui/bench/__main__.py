"""Measure every target in one run, print the table and write it as JSON.

    python -m florence_ui.bench [--short] [--check] [--rows 1,4,5] [--pairs N] [--json FILE] [--table FILE]

Needs no network and no key. With --check the exit status is 1 when a target is missed. A row that fails is reported and
counts as missed; the others are measured all the same.
"""

import argparse
import json
import platform
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from florence_ui.bench.measuring import Measurement, Scale, write_table
from florence_ui.bench.rows import ROWS

HEAD = (
    "| # | what | median | spread | target | | notes |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    wanted = [row for row in ROWS if (row.number in options.rows if options.rows else row.short or not options.short)]
    scale = Scale(pairs=options.pairs or (3 if options.short else 7), short=options.short)
    done, lines, failed = [], list(HEAD), []
    print(*HEAD, sep="\n")
    for row in wanted:
        try:
            done.append(row.measure(scale))
            lines.append(format_row(done[-1]))
        except Exception:
            traceback.print_exc()
            failed.append(row.number)
            lines.append(f"| {row.number} | could not be measured | | | | **FAILED** | |")
        print(lines[-1], flush=True)
    missed = sorted([*failed, *(m.number for m in done if not m.met)])
    verdict = summary(len(wanted), missed)
    print(f"\n{verdict}")
    options.json.write_text(json.dumps(as_json(done) | {"failed": failed}, indent=1) + "\n", encoding="utf-8")
    if options.table:
        write_table(options.table, "speed", "\n".join([*lines, "", verdict]))
    return 1 if options.check and missed else 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m florence_ui.bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="rows 1, 3, 4, 5, 11 and 19 only")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--rows", type=row_numbers, help="only these rows, such as 1,4,5")
    parser.add_argument("--pairs", type=int, help="how many times the two sides are compared")
    parser.add_argument("--json", type=Path, default=Path("benchmark.json"), help="where to write the figures")
    parser.add_argument("--table", type=Path, help="also update the table in this document")
    return parser.parse_args(arguments)


def row_numbers(text: str) -> set[int]:
    numbers = {int(part) for part in text.split(",")}
    known = {row.number for row in ROWS}
    if not numbers <= known:
        raise argparse.ArgumentTypeError(f"there are rows {min(known)} to {max(known)}")
    return numbers


def format_row(m: Measurement) -> str:
    low, high = m.spread
    state = "met" if m.met else "**MISSED**"
    return (
        f"| {m.number} | {m.what} | {m.median:.3g} {m.target.unit} | {low:.3g} to {high:.3g} "
        f"| {m.target} | {state} | {m.notes} |"
    )


def summary(count: int, missed: Sequence[int]) -> str:
    if not missed:
        return f"All {count} targets are met."
    return f"{count - len(missed)} of {count} targets are met; missed: {', '.join(map(str, missed))}."


def as_json(done: Sequence[Measurement]) -> dict[str, Any]:
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    return {"machine": machine, "rows": [m.as_json() for m in done]}


if __name__ == "__main__":
    sys.exit(main())
