"""Answers as JSON types."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from florence_ui.inference.request import StoredAnalysis
from florence_ui.results.result import Result

DECIMALS = 2
"""Decimals of a coordinate in pixels; the model's resolution is a thousandth of the picture's sides."""


@dataclass(frozen=True)
class ExportItem:
    """A picture and its answer, to be exported.

    Attributes:
        name: Its owner's name for it; not necessarily unique.
        number: Its position among the pictures, from 1.
        path: A file of ours with the bytes as received.
        answer: What was found in it.
    """

    name: str
    number: int
    path: Path
    analysis: StoredAnalysis


@dataclass(frozen=True)
class LeftOut:
    """A picture that an export lacks.

    Attributes:
        name: Its owner's name for it; not necessarily unique.
        number: Its position among the pictures, from 1.
        reason: Why it was left out, in sentences.
    """

    name: str
    number: int
    reason: str

    def __str__(self) -> str:
        return f"{self.name} was left out: {self.reason}"


def analysis_record(analysis: StoredAnalysis, rows: Collection[int] | None = None) -> dict[str, Any]:
    """One answer as JSON types, in pixels of the upright original.

    Args:
        analysis: The answer, its model and backend, and the seconds it took.
        rows: Which detections to include; None for all.
    """
    result = analysis.result
    width, height = result.size
    labels = result.labels
    return {
        "task": result.task.token,
        "prompt": result.prompt,
        "model_id": analysis.model_id,
        "backend": analysis.backend,
        "image_size": [int(width), int(height)],
        "text": result.text,
        "detections": [_detection(result, labels[row], row) for row in select_rows(result, rows)],
        "seconds": round(float(analysis.seconds), 3),
        **({"recorded": analysis.recorded.isoformat()} if analysis.recorded else {}),
        "warnings": list(result.warnings),
        "raw": result.raw,
    }


def item_record(item: ExportItem) -> dict[str, Any]:
    """`analysis_record` preceded by the picture's name and number."""
    return {"picture": item.name, "picture_number": item.number, **analysis_record(item.analysis)}


def to_json(record: Any) -> str:
    """Indented JSON, not escaped to ASCII."""
    return json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False)


def select_rows(result: Result, rows: Collection[int] | None) -> list[int]:
    """The rows among `rows`, or all, in the answer's order."""
    return [row for row in range(len(result.detections)) if rows is None or row in rows]


def round_coordinates(numbers: Iterable[float]) -> list[float]:
    """Round to `DECIMALS`."""
    return [round(float(number), DECIMALS) for number in numbers]


def _detection(result: Result, label: str, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {"label": label, "box": round_coordinates(result.detections.xyxy[row])}
    if result.quads is not None:
        found["quad"] = [round_coordinates(point) for point in result.quads[row]]
    if parts := result.polygons[row]:
        found["polygons"] = [[round_coordinates(point) for point in part] for part in parts]
    return found
