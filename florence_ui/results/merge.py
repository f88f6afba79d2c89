"""Several answers about one picture merged into one, which draws and exports like any other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import supervision as sv

from florence_ui.errors import FlorenceUIError
from florence_ui.results.arrays import FloatArray
from florence_ui.results.reading_order import reading_text
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import Task

NO_ANSWER_MARK = "(no answer)"
"""Appended to the label of an object whose call failed."""

Outcome = Result | FlorenceUIError
"""The outcome of one call."""


def merge(results: Sequence[Result], *, task: Task, prompt: str) -> Result:
    """Merge the objects of several answers about the same picture into one answer, in their order.

    If only some answers have quads, boxes become quads. `raw` is the list of the answers' own, and a warning that
    several of them share appears once.

    Args:
        results: One or more, all about the same picture.
        task: The task of the merged answer.
        prompt: Its prompt.
    """
    warnings = tuple(dict.fromkeys(warning for result in results for warning in result.warnings))
    raw = [result.raw for result in results]
    return Result(task, prompt, results[0].size, "", concatenate(results), raw, warnings)


def concatenate(results: Sequence[Result]) -> sv.Detections:
    """Concatenate the objects of several answers, with new class ids, so that equal labels have equal colors."""
    some = [result for result in results if len(result.detections)]
    if not some:
        return sv.Detections.empty()
    has_quads = any(result.quads is not None for result in some)
    return make_detections(
        [label for result in some for label in result.labels],
        np.concatenate([result.xyxy for result in some]),
        quads=np.concatenate([quads_or_boxes(result) for result in some]) if has_quads else None,
        polygons=[parts for result in some for parts in result.polygons],
        inverted=np.concatenate([result.inverted for result in some]),
        names=[name for result in some for name in result.names],
    )


def quads_or_boxes(result: Result) -> FloatArray:
    """The quads (n, 4, 2) of an answer in pixels; the corners of its boxes if it has none."""
    if result.quads is not None:
        return result.quads
    return np.asarray(sv.xyxy_to_polygons(result.detections.xyxy), dtype=np.float32)


def translate(result: Result, offset: tuple[float, float], size: tuple[int, int]) -> Result:
    """Translate an answer about a crop into pixels of the whole picture.

    Args:
        result: The answer about the crop, in the crop's pixels.
        offset: (x, y) of the crop's upper left corner in the whole picture.
        size: (width, height) of the whole picture.
    """
    shift = np.asarray(offset, dtype=np.float32)
    moved = result.rebuild(
        xyxy=result.xyxy + np.tile(shift, 2),
        quads=None if result.quads is None else result.quads + shift,
        polygons=[[part + shift for part in parts] for parts in result.polygons],
    )
    return replace(moved, size=size)


def attach_texts(found: Result, answers: Mapping[int, Outcome], task: Task) -> Result:
    """Append to each object's label the answer about it: `dog: a brown dog lying down`.

    An earlier follow-up answer in the label is replaced.

    Args:
        found: The answer whose objects were asked about; those without an outcome keep their label.
        answers: The outcome of the call about each, by row.
        task: The task that was asked about each.
    """
    labels, names = found.labels, found.names
    for index, answer in sorted(answers.items()):
        labels[index] = (
            _mark_unanswered(names[index])
            if isinstance(answer, FlorenceUIError)
            else _label_with_text(names[index], answer)
        )
    text = "\n".join(labels[index] for index in sorted(answers))
    return _combine(found, answers, task, text, found.rebuild(labels=labels).detections)


def attach_polygons(found: Result, answers: Mapping[int, Outcome], task: Task) -> Result:
    """Attach to each object the polygons found for it; arguments as for `attach_texts`."""
    labels, polygons = found.labels, found.polygons
    for index, answer in sorted(answers.items()):
        parts = [] if isinstance(answer, FlorenceUIError) else [part for some in answer.polygons for part in some]
        polygons[index] = parts or polygons[index]
        labels[index] = _unmark(labels[index]) if parts else _mark_unanswered(labels[index])
    return _combine(found, answers, task, "", found.rebuild(labels=labels, polygons=polygons).detections)


def replace_with_text_lines(found: Result, answers: Mapping[int, Outcome], task: Task) -> Result:
    """Replace each object by the lines of text read in it; arguments as for `attach_texts`.

    An object in which nothing was read, or whose call failed, stays, with `NO_ANSWER_MARK` in its label.
    """
    parts: list[Result] = []
    texts: list[str] = []
    for index, answer in sorted(answers.items()):
        lines = None if isinstance(answer, FlorenceUIError) else answer
        if lines is not None and len(lines.detections):
            parts.append(lines)
            texts.append(
                _label_with_text(found.names[index], replace(lines, text=reading_text(lines.quads, lines.labels)))
            )
        else:
            parts.append(found.select([index]).rebuild(labels=[_mark_unanswered(found.names[index])]))
    return _combine(found, answers, task, "\n\n".join(texts), concatenate(parts))


def _combine(found: Result, answers: Mapping[int, Outcome], task: Task, text: str, detections: sv.Detections) -> Result:
    failed = {index: answer for index, answer in sorted(answers.items()) if isinstance(answer, FlorenceUIError)}
    results = [answer for _, answer in sorted(answers.items()) if isinstance(answer, Result)]
    warnings = [f"{_describe(found.names[i], i)} has no answer: {error}" for i, error in failed.items()]
    warnings += dict.fromkeys(warning for result in results for warning in result.warnings)
    raw = [result.raw for result in results]
    return Result(task, task.token, found.size, text, detections, raw, tuple(warnings))


def _label_with_text(label: str, answer: Result) -> str:
    return ": ".join(words for words in (label, answer.text.strip()) if words) or _mark_unanswered(label)


def _mark_unanswered(label: str) -> str:
    return f"{_unmark(label)} {NO_ANSWER_MARK}".strip()


def _unmark(label: str) -> str:
    return label.removesuffix(NO_ANSWER_MARK).strip()


def _describe(label: str, index: int) -> str:
    """An object for use in a sentence: its number in the list and its label."""
    return f"Object {index + 1}" + (f" ({label})" if label else "")
