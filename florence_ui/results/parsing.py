"""A server's answer -> `Result`: every task, both dialects, any malformed answer.

The shapes are those of Roboflow Inference's `/infer/lmm` for Florence-2: `response` is an object with one key,
the prompt up to its first `>`, and a value that depends on the task:

| output | value |
| --- | --- |
| text, region text | a string; region text may end in four location tokens |
| boxes | `{"bboxes": [[x1, y1, x2, y2], ...], "labels": [...]}` |
| quads | `{"quad_boxes": [[x1, y1, ... x4, y4], ...], "labels": [...]}` |
| polygons | `{"polygons": [instance][part][x, y, x, y, ...], "labels": [...]}` |
| open vocabulary | `{"bboxes", "bboxes_labels", "polygons", "polygons_labels"}` |

Older servers give fractions of pixels and begin the first label with `</s>`; current ones give whole pixels.
`sv.Detections.from_vlm` covers part of this: it has no captions, makes a full-size mask of every polygon, drops the
polygons of open vocabulary and leaves class ids out. So answers are parsed here, and the tests compare the outcome
with `from_vlm` where both apply.

Coordinates stay the model's own, even slightly outside the picture; only a box's corners are sorted. Drawing and
exports clip them to the picture.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import supervision as sv

from florence_ui.errors import AnswerError
from florence_ui.prompts import LOCATION_BINS, Region, task_of_prompt
from florence_ui.results.arrays import FloatArray
from florence_ui.results.result import Result, make_detections
from florence_ui.results.sanitize_json import RETRY_HINT, sanitize_json
from florence_ui.results.warnings import box_warnings, label_warnings, text_warnings
from florence_ui.tasks import CUSTOM, InputKind, OutputKind, Task
from florence_ui.wording import count_noun

MARKER = "</s>"
"""Left by older servers before the first label."""
MAX_INSTANCES = 1_024
"""No answer of at most 4,096 tokens has more boxes of four tokens each."""
MAX_COORDINATE = 1_000_000
MIN_POLYGON_POINTS = 3

_LOCATIONS = re.compile(r"(?:<loc_\d{1,4}>)+")
_LOCATION = re.compile(r"<loc_(\d{1,4})>")
_REMNANT = re.compile(r"<?loc_\d{1,4}>")
"""Location tokens that do not form a box stay in the label; the server strips their first `<`."""


Coordinates = Sequence[float] | FloatArray


@dataclass
class _Instances:
    """The instances of an answer being read, in pixels of the picture that was sent."""

    labels: list[str] = field(default_factory=list)
    boxes: list[Coordinates] = field(default_factory=list)
    quads: list[Coordinates] = field(default_factory=list)
    polygons: list[list[FloatArray]] = field(default_factory=list)
    text: str = ""
    warnings: list[str] = field(default_factory=list)


def parse(
    task: Task,
    prompt: str,
    response: Any,
    *,
    sent_size: tuple[int, int],
    size: tuple[int, int],
    region: Region | None = None,
) -> Result:
    """Parse an answer into pixels of the upright original.

    Args:
        task: The task that was asked.
        prompt: The prompt as it was sent.
        response: The server's `response`, parsed JSON.
        sent_size: (width, height) of the picture that was sent; the answer is in its pixels.
        size: (width, height) of the upright original.
        region: The region that was asked about, 0 to 1; read from the prompt by default.

    Raises:
        AnswerError: If this is not Florence-2's answer to that task.
    """
    raw = sanitize_json(response)
    answered = task_of_prompt(prompt) if task.token == CUSTOM else task
    found = _read_value(answered, _task_value(answered, raw), region or _region_of(prompt), sent_size)
    if len(found.labels) > MAX_INSTANCES:
        raise AnswerError(f"The answer has {len(found.labels):,} objects, more than Florence-2 can return.", RETRY_HINT)
    if answered.input_kind is InputKind.PHRASE and answered.output_kind is OutputKind.POLYGONS:
        found.labels = [label or prompt.removeprefix(answered.token) for label in found.labels]
    scale = np.array(size) / np.array(sent_size)
    boxes = _points(found.boxes, 2)
    detections = make_detections(
        found.labels,
        np.sort(boxes, axis=1) * scale,
        quads=_points(found.quads, 4) * scale if found.quads else None,
        polygons=[[part * scale for part in parts] for parts in found.polygons],
        inverted=np.asarray((boxes[:, 0] > boxes[:, 1]).any(axis=1)),
    )
    result = Result(task, prompt, size, found.text, detections, raw)
    warnings = [] if answered.output_kind is OutputKind.REGION_TEXT else box_warnings(result)
    warnings += [*text_warnings(answered, found.text), *label_warnings(found.labels)]
    return replace(result, warnings=(*found.warnings, *warnings))


def _task_value(task: Task, response: Any) -> Any:
    """The response's value for the task; for a custom prompt, that of its only key."""
    if not isinstance(response, dict) or not response:
        raise AnswerError("The server's answer is empty or not in Florence-2's format.", RETRY_HINT)
    if task.token in response:
        return response[task.token]
    if task.token != CUSTOM:
        raise AnswerError(f"The server's answer has no result for {task.token}.", RETRY_HINT)
    return next(iter(response.values())) if len(response) == 1 else response


def _read_value(task: Task, value: Any, region: Region | None, sent_size: tuple[int, int]) -> _Instances:
    match task.output_kind:
        case OutputKind.TEXT:
            return _Instances(text=_text_value(value))
        case OutputKind.REGION_TEXT:
            return _read_region_text(_text_value(value), region, sent_size)
        case OutputKind.BOXES:
            return _read_boxes(value)
        case OutputKind.QUADS:
            return _read_quads(value)
        case OutputKind.POLYGONS:
            return _read_polygons(value)
        case OutputKind.OPEN_VOCABULARY:
            return _read_open_vocabulary(value)
        case OutputKind.ANY:
            return _read_custom(value, sent_size)


def _read_custom(value: Any, sent_size: tuple[int, int]) -> _Instances:
    """Read the answer to a custom prompt by its shape; one of unknown shape becomes text."""
    keys = set(value) if isinstance(value, dict) else set()
    if "bboxes_labels" in keys or "polygons_labels" in keys:
        return _read_open_vocabulary(value)
    if "quad_boxes" in keys:
        return _read_quads(value)
    if "bboxes" in keys:
        return _read_boxes(value)
    if "polygons" in keys:
        return _read_polygons(value)
    if isinstance(value, str):
        return _read_located_text(_text_value(value), sent_size)
    return _Instances(text="" if value is None else json.dumps(value, ensure_ascii=False))


def _read_region_text(text: str, region: Region | None, sent_size: tuple[int, int]) -> _Instances:
    """Read words about the requested region or, without one, the region that the answer repeats."""
    words = _LOCATIONS.sub("", text)
    about = region or _region_of(text)
    if about is None:
        return _Instances(text=words)
    return _Instances(labels=[words], boxes=[_pixels(about, sent_size)], text=words)


def _read_located_text(text: str, sent_size: tuple[int, int]) -> _Instances:
    """Read labels, each followed by boxes of four location tokens, as a fine-tuned model may answer."""
    found = _Instances(text=" ".join(_LOCATIONS.sub(" ", text).split()) if "<loc_" in text else text)
    end = 0
    for run in _LOCATIONS.finditer(text):
        label, end = text[end : run.start()].strip(), run.end()
        bins = [int(n) / LOCATION_BINS for n in _LOCATION.findall(run.group())]
        for start in range(0, len(bins) - 3, 4):
            found.labels.append(label)
            found.boxes.append(_pixels(bins[start : start + 4], sent_size))
    return found


def _read_boxes(value: Any, labels_key: str = "labels") -> _Instances:
    boxes: list[Coordinates] = [_numbers(box, 4) for box in _list_value(value, "bboxes")]
    labels, warnings = _labels(value, labels_key, len(boxes))
    return _Instances(labels, boxes, warnings=warnings)


def _read_quads(value: Any) -> _Instances:
    quads: list[Coordinates] = [_numbers(quad, 8) for quad in _list_value(value, "quad_boxes")]
    labels, warnings = _labels(value, "labels", len(quads))
    boxes: list[Coordinates] = [_bounds(np.reshape(quad, (4, 2))) for quad in quads]
    return _Instances(labels, boxes, quads=quads, warnings=warnings)


def _read_polygons(value: Any, labels_key: str = "labels") -> _Instances:
    """Read one instance per row; drop parts of fewer than three points, and instances without parts."""
    instances = _list_value(value, "polygons")
    labels, warnings = _labels(value, labels_key, len(instances))
    found = _Instances(warnings=warnings)
    dropped = cut = 0
    for label, instance in zip(labels, instances, strict=True):
        if not isinstance(instance, list):
            raise AnswerError("A polygon in the answer is not a list of parts.", RETRY_HINT)
        points = [_numbers(part) for part in instance]
        cut += sum(len(part) % 2 for part in points)
        parts: list[FloatArray] = [np.reshape(part[: len(part) // 2 * 2], (-1, 2)) for part in points]
        kept = [part for part in parts if len(part) >= MIN_POLYGON_POINTS]
        dropped += len(parts) - len(kept)
        if kept:
            found.labels.append(label)
            found.boxes.append(_bounds(np.concatenate(kept)))
            found.polygons.append(kept)
    if dropped:
        found.warnings.append(f"Left out {count_noun(dropped, 'polygon')} with fewer than three points.")
    if cut:
        found.warnings.append("A polygon ends with an x but no y: the answer looks cut off.")
    return found


def _read_open_vocabulary(value: Any) -> _Instances:
    """Read boxes first, then polygons; a box has no polygon of its own."""
    value = {"bboxes": [], "polygons": [], **_object_value(value)}
    boxes, polygons = _read_boxes(value, "bboxes_labels"), _read_polygons(value, "polygons_labels")
    return _Instances(
        boxes.labels + polygons.labels,
        boxes.boxes + polygons.boxes,
        polygons=[[] for _ in boxes.labels] + polygons.polygons if polygons.polygons else [],
        warnings=boxes.warnings + polygons.warnings,
    )


def _object_value(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnswerError("The answer should contain boxes or polygons, but does not.", RETRY_HINT)
    return value


def _list_value(value: Any, key: str) -> list[Any]:
    items = _object_value(value).get(key)
    if not isinstance(items, list):
        raise AnswerError(f"The answer has no list of {key}.", RETRY_HINT)
    return items


def _text_value(value: Any) -> str:
    if not isinstance(value, str):
        raise AnswerError("The answer should be text, but is not.", RETRY_HINT)
    return value.removeprefix(MARKER)


def _labels(value: dict[str, Any], key: str, count: int) -> tuple[list[str], list[str]]:
    """As many labels as instances, missing ones empty, and a warning if the counts differ."""
    given = value.get(key, [])
    if not isinstance(given, list) or not all(isinstance(label, str) for label in given):
        raise AnswerError(f"The answer's {key} are not text.", RETRY_HINT)
    labels = [label.removeprefix(MARKER) for label in given[:count]] + [""] * (count - len(given))
    words, warnings = [_REMNANT.sub("", label) for label in labels], []
    if words != labels:
        warnings.append("The answer looks garbled; fragments of location tokens were removed from its labels.")
    if given and len(given) != count:
        warnings.append(
            f"The answer has {count_noun(len(given), 'label')} for {count_noun(count, 'object')}: it looks cut off."
        )
    return words, warnings


def _numbers(values: Any, count: int | None = None) -> list[float]:
    """Check for finite numbers within `MAX_COORDINATE`, `count` of them if that is given."""
    if not isinstance(values, list) or (count is not None and len(values) != count):
        raise AnswerError("Coordinates in the answer have the wrong length.", RETRY_HINT)
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise AnswerError("Coordinates in the answer are not numbers.", RETRY_HINT)
    if any(not math.isfinite(v) or abs(v) > MAX_COORDINATE for v in values):
        raise AnswerError("Coordinates in the answer lie far outside the picture.", RETRY_HINT)
    return [float(v) for v in values]


def _bounds(points: FloatArray) -> FloatArray:
    """The upright box (4,) around points (n, 2)."""
    return np.asarray(sv.polygon_to_xyxy(points), dtype=float)


def _region_of(text: str) -> Region | None:
    """The first four location tokens of a text as a region with sorted corners."""
    bins = [int(n) / LOCATION_BINS for n in _LOCATION.findall(text)[:4]]
    if len(bins) < 4:
        return None
    x1, y1, x2, y2 = bins
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _pixels(region: Sequence[float], size: tuple[int, int]) -> list[float]:
    width, height = size
    return [region[0] * width, region[1] * height, region[2] * width, region[3] * height]


def _points(rows: list[Coordinates], count: int) -> FloatArray:
    """Rows of coordinates as (n, count, 2)."""
    return np.asarray(rows, dtype=np.float64).reshape(-1, count, 2)
