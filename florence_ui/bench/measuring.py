"""Measurements of two sides in alternation, compared pair by pair, so that noise on the machine affects both alike."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Target:
    """The bound for a figure.

    Attributes:
        bound: The bound, in the figure's unit.
        unit: `x` for a ratio, or `ms`, `kB`, ...
        at_least: Whether the bound is a minimum instead of a maximum.
    """

    bound: float
    unit: str = "x"
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g} {self.unit}"


@dataclass(frozen=True)
class Measurement:
    """One row of the table.

    Attributes:
        number: The row's number.
        what: What was measured, and against what.
        values: One figure per pair, in the target's unit; never empty.
        target: The bound for the median.
        notes: Absolute figures behind the ratio, for a reader.
    """

    number: int
    what: str
    values: Sequence[float]
    target: Target
    notes: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest figure."""
        return min(self.values), max(self.values)

    @property
    def met(self) -> bool:
        return self.target.met_by(self.median)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"median": self.median, "met": self.met, "values": list(self.values)}


@dataclass(frozen=True)
class Row:
    """How one row is measured, and whether the short run includes it."""

    number: int
    measure: Callable[["Scale"], Measurement]
    short: bool = False


@dataclass(frozen=True)
class Scale:
    """How much the measurements do.

    Attributes:
        pairs: How many times the two sides are compared.
        short: Whether everything must finish within a minute.
        seed: Seed of all generated data.
    """

    pairs: int = 7
    short: bool = False
    seed: int = 1_000_000


def write_table(document: Path, name: str, table: str) -> None:
    """Replace the table between the document's comments `name` and `end of name`."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = document.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    document.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}", encoding="utf-8")


def time_call(work: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_alternating(
    ours: Callable[[], float], theirs: Callable[[], float], pairs: int
) -> list[tuple[float, float]]:
    """Figures of both sides, each pair measured back to back; the side that goes first alternates.

    The first pair is a warm-up and does not count.
    """
    taken = []
    for index in range(pairs + 1):
        gc.collect()
        if index % 2:
            mine, other = ours(), theirs()
        else:
            other, mine = theirs(), ours()
        taken.append((mine, other))
    return taken[1:]


def ratios(taken: Sequence[tuple[float, float]]) -> list[float]:
    """Ours divided by theirs, pair by pair."""
    return [mine / other for mine, other in taken]


def format_medians(taken: Sequence[tuple[float, float]]) -> str:
    """Both medians, for a note."""
    mine, other = (statistics.median(side) for side in zip(*taken, strict=True))
    return f"{mine * 1000:,.0f} ms against {other * 1000:,.0f} ms"
