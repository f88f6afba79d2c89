"""A server's answer -> `Result`: every task, both dialects, whatever a server may say.

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
`sv.Detections.from_vlm` reads a part of this: it knows no captions, makes a full-size mask of every outline,
drops the outlines of open vocabulary and leaves class ids out. So the reading is done here, and the tests hold
it against `from_vlm` for what both know.

Coordinates stay the model's own, also where they lie a little outside the picture; only a box's corners are
sorted. Whoever draws or exports cuts them to the picture.
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
from florence_ui.results.result import Result, make_detections
from florence_ui.results.sanitize_json import RETRY_HINT, sanitize_json
from florence_ui.results.warnings import box_warnings, count_noun, label_warnings, text_warnings
from florence_ui.tasks import CUSTOM, LOCATION_BINS, OutputKind, Region, Task, task_of_prompt

MARKER = "</s>"
"""What older servers leave before the first label."""
MAX_INSTANCES = 1_024
"""A model that says 4,096 tokens at the most cannot name more boxes of four tokens each."""
MAX_COORDINATE = 1_000_000
MIN_POLYGON_POINTS = 3

_LOCATIONS = re.compile(r"(?:<loc_\d{1,4}>)+")
_LOCATION = re.compile(r"<loc_(\d{1,4})>")
_REMNANT = re.compile(r"<?loc_\d{1,4}>")
"""What is left in a label where a confused model says places that make no box; the server cuts their first `<` off."""


@dataclass
class _Instances:
    """Instances as they are read, in pixels of the picture that was sent."""

    labels: list[str] = field(default_factory=list)
    boxes: list[Sequence[float]] = field(default_factory=list)
    quads: list[Sequence[float]] | None = None
    polygons: list[list[np.ndarray]] | None = None
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
    """What an answer says, in pixels of the upright original.

    Args:
        task: The task that was asked.
        prompt: The prompt as it was sent.
        response: The server's `response`, as JSON gave it.
        sent_size: (width, height) of the picture that was sent, in whose pixels the answer speaks.
        size: (width, height) of the upright original.
        region: The region that was asked about, 0 to 1; without it, it is read from the prompt.

    Raises:
        AnswerError: If this is not an answer of Florence-2 to that task.
    """
    raw = sanitize_json(response)
    spoken = task_of_prompt(prompt) if task.token == CUSTOM else task
    value = _task_value(spoken, raw)
    found = _read_value(spoken, value, region or _region_of(prompt), sent_size)
    if len(found.labels) > MAX_INSTANCES:
        raise AnswerError(f"The answer has {len(found.labels):,} objects, more than the model names.", RETRY_HINT)
    boxes, inverted = _sort_corners(_scale(found.boxes, 4, sent_size, size))
    detections = make_detections(
        found.labels,
        boxes,
        quads=None if found.quads is None else _scale(found.quads, 8, sent_size, size),
        polygons=None if found.polygons is None else _scale_polygons(found.polygons, sent_size, size),
        inverted=inverted,
    )
    result = Result(task, prompt, size, found.text, detections, raw)
    odd = [] if spoken.output_kind is OutputKind.REGION_TEXT else box_warnings(result)
    odd += [*text_warnings(spoken, found.text), *label_warnings(found.labels)]
    return replace(result, warnings=(*found.warnings, *odd))


def _task_value(task: Task, response: Any) -> Any:
    """The task's part of the response; for a custom prompt that of its only key."""
    if not isinstance(response, dict) or not response:
        raise AnswerError("The server's answer is empty or has another shape than Florence-2's.", RETRY_HINT)
    if task.token in response:
        return response[task.token]
    if task.token != CUSTOM:
        raise AnswerError(f"The server's answer is not one to {task.token}.", RETRY_HINT)
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
    """The answer to a prompt of one's own, by its shape; what has no known shape becomes text."""
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
    """Words about the asked region; without one, about the region that the answer repeats."""
    words = _LOCATIONS.sub("", text)
    asked = region or _region_of(text)
    if asked is None:
        return _Instances(text=words)
    return _Instances(labels=[words], boxes=[_pixels(asked, sent_size)], text=words)


def _read_located_text(text: str, sent_size: tuple[int, int]) -> _Instances:
    """Words, each followed by any number of boxes of four location tokens, as a fine-tuned model may answer."""
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
    boxes = [_numbers(box, 4) for box in _list_value(value, "bboxes")]
    labels, warnings = _labels(value, labels_key, len(boxes))
    return _Instances(labels, boxes, warnings=warnings)


def _read_quads(value: Any) -> _Instances:
    quads = [_numbers(quad, 8) for quad in _list_value(value, "quad_boxes")]
    labels, warnings = _labels(value, "labels", len(quads))
    boxes = [sv.polygon_to_xyxy(np.reshape(quad, (4, 2))) for quad in quads]
    return _Instances(labels, boxes, quads=quads, warnings=warnings)


def _read_polygons(value: Any, labels_key: str = "labels") -> _Instances:
    """One instance a row, its parts together; parts under three points, and instances without any, are dropped."""
    instances = _list_value(value, "polygons")
    labels, warnings = _labels(value, labels_key, len(instances))
    found = _Instances(polygons=[], warnings=warnings)
    dropped = cut = 0
    for label, instance in zip(labels, instances, strict=True):
        if not isinstance(instance, list):
            raise AnswerError("An outline in the answer is not a list of parts.", RETRY_HINT)
        points = [_numbers(part) for part in instance]
        cut += sum(len(part) % 2 for part in points)
        parts = [np.reshape(part[: len(part) // 2 * 2], (-1, 2)) for part in points]
        kept = [part for part in parts if len(part) >= MIN_POLYGON_POINTS]
        dropped += len(parts) - len(kept)
        if kept:
            found.labels.append(label)
            found.boxes.append(sv.polygon_to_xyxy(np.concatenate(kept)))
            found.polygons.append(kept)
    if dropped:
        found.warnings.append(f"{count_noun(dropped, 'outline')} with fewer than three points left out.")
    if cut:
        found.warnings.append("An outline ends in half a point: the answer looks cut off.")
    return found


def _read_open_vocabulary(value: Any) -> _Instances:
    """Boxes first, then outlines; a box has no outline of its own."""
    value = {"bboxes": [], "polygons": [], **_object_value(value)}
    boxes, outlines = _read_boxes(value, "bboxes_labels"), _read_polygons(value, "polygons_labels")
    found = _Instances(
        boxes.labels + outlines.labels, boxes.boxes + outlines.boxes, warnings=boxes.warnings + outlines.warnings
    )
    if outlines.polygons:
        found = replace(found, polygons=[[] for _ in boxes.labels] + outlines.polygons)
    return found


def _object_value(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnswerError("The answer should be boxes or outlines, and is something else.", RETRY_HINT)
    return value


def _list_value(value: Any, key: str) -> list[Any]:
    items = _object_value(value).get(key)
    if not isinstance(items, list):
        raise AnswerError(f"The answer has no list of {key}.", RETRY_HINT)
    return items


def _text_value(value: Any) -> str:
    if not isinstance(value, str):
        raise AnswerError("The answer should be text, and is something else.", RETRY_HINT)
    return value.removeprefix(MARKER)


def _labels(value: dict[str, Any], key: str, count: int) -> tuple[list[str], list[str]]:
    """As many labels as instances, missing ones empty, and a warning where the numbers differ."""
    given = value.get(key, [])
    if not isinstance(given, list) or not all(isinstance(label, str) for label in given):
        raise AnswerError(f"The answer's {key} are not texts.", RETRY_HINT)
    labels = [label.removeprefix(MARKER) for label in given[:count]] + [""] * (count - len(given))
    words, warnings = [_REMNANT.sub("", label) for label in labels], []
    if words != labels:
        warnings.append("Pieces of places stood among the words and were left out: the answer looks confused.")
    if given and len(given) != count:
        warnings.append(
            f"The answer has {count_noun(len(given), 'label')} for {count_noun(count, 'object')}: it looks cut off."
        )
    return words, warnings


def _numbers(values: Any, count: int | None = None) -> list[float]:
    """Finite numbers within `MAX_COORDINATE`; `count` of them, or any number."""
    if not isinstance(values, list) or (count is not None and len(values) != count):
        raise AnswerError("A place in the answer does not have the numbers it should have.", RETRY_HINT)
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise AnswerError("A place in the answer is not made of numbers.", RETRY_HINT)
    if any(not math.isfinite(v) or abs(v) > MAX_COORDINATE for v in values):
        raise AnswerError("A place in the answer lies far outside the picture.", RETRY_HINT)
    return [float(v) for v in values]


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


def _scale(rows: list[Sequence[float]], columns: int, sent: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """(n, columns) coordinates of the sent picture in pixels of the original."""
    points = np.asarray(rows, dtype=np.float64).reshape(-1, columns // 2, 2)
    return (points * (np.array(size) / np.array(sent))).reshape(-1, columns)


def _scale_polygons(
    polygons: list[list[np.ndarray]], sent: tuple[int, int], size: tuple[int, int]
) -> list[list[np.ndarray]]:
    scale = np.array(size) / np.array(sent)
    return [[part * scale for part in parts] for parts in polygons]


def _sort_corners(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) with x1 <= x2 and y1 <= y2, and which of them (n,) came otherwise."""
    inverted = (boxes[:, 0] > boxes[:, 2]) | (boxes[:, 1] > boxes[:, 3])
    corners = np.sort(boxes.reshape(-1, 2, 2), axis=1)
    return corners.reshape(-1, 4), inverted
