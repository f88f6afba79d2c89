"""Answers as JSON types."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from florence_ui.exports.classes import detection_labels
from florence_ui.results.result import Result

DECIMALS = 2
"""Of a pixel; the model speaks in thousandths of the picture's sides."""


class Answered(Protocol):
    """What an export needs to know of one answer; the pipeline's `Analysis` is one."""

    result: Result
    model_id: str
    backend: str
    seconds: float


@dataclass(frozen=True)
class ExportItem:
    """A picture and its answer, on their way into a file.

    Attributes:
        name: What its owner calls it; others may be called the same.
        number: Its place among the pictures, from 1.
        path: A file of ours that holds it as it came.
        answer: What was found in it.
    """

    name: str
    number: int
    path: Path
    answer: Answered


def analysis_record(analysis: Answered, rows: Collection[int] | None = None) -> dict[str, Any]:
    """One answer as JSON types, in pixels of the upright original.

    Args:
        analysis: The answer, who gave it, and the seconds it took.
        rows: Which detections to give; None for all.
    """
    result = analysis.result
    width, height = result.size
    labels = detection_labels(result)
    return {
        "task": result.task.token,
        "prompt": result.prompt,
        "model_id": analysis.model_id,
        "backend": analysis.backend,
        "image_size": [int(width), int(height)],
        "text": result.text,
        "detections": [_detection(result, labels[row], row) for row in select_rows(result, rows)],
        "seconds": round(float(analysis.seconds), 3),
        "warnings": list(result.warnings),
        "raw": result.raw,
    }


def item_record(example: ExportItem) -> dict[str, Any]:
    """`analysis_record` with the picture's name and number before it."""
    return {"picture": example.name, "picture_number": example.number, **analysis_record(example.answer)}


def to_json(record: Any) -> str:
    """Indented JSON; letters stay letters."""
    return json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False)


def select_rows(result: Result, rows: Collection[int] | None) -> list[int]:
    """The rows among `rows`, or all, in the answer's order."""
    return [row for row in range(len(result.detections)) if rows is None or row in rows]


def round_coordinates(numbers: Iterable[float]) -> list[float]:
    """Coordinates with `DECIMALS`."""
    return [round(float(number), DECIMALS) for number in numbers]


def _detection(result: Result, label: str, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {"label": label, "box": round_coordinates(result.detections.xyxy[row])}
    if result.quads is not None:
        found["quad"] = [round_coordinates(point) for point in result.quads[row]]
    if parts := result.polygons[row]:
        found["polygons"] = [[round_coordinates(point) for point in part] for part in parts]
    return found
