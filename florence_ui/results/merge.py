"""Several answers about one picture, made into one: it draws, tables and exports like any other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import supervision as sv

from florence_ui.errors import FlorenceUIError
from florence_ui.results.reading_order import reading_text
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import Task

NO_ANSWER_MARK = "(no answer)"
"""What stands after the label of an object whose call failed."""

Outcome = Result | FlorenceUIError
"""What became of one call."""


def merge(results: Sequence[Result], *, task: Task, prompt: str, text: str = "") -> Result:
    """The objects of several answers about the same picture, in their order, as one answer.

    Args:
        results: One or more, all of the same picture.
        task: The task that the whole stands for.
        prompt: The prompt that the whole stands for.
        text: The words of the whole.

    Where some answers have quads and others do not, boxes become quads; `raw` is the list of the answers' own, and
    a warning that several of them have is said once.
    """
    warnings = tuple(dict.fromkeys(warning for result in results for warning in result.warnings))
    raw = [result.raw for result in results]
    return Result(task, prompt, results[0].size, text, concatenate(results), raw, warnings)


def concatenate(results: Sequence[Result]) -> sv.Detections:
    """All objects of several answers; class ids are given anew, so that equal labels have equal colors."""
    some = [result for result in results if len(result.detections)]
    if not some:
        return sv.Detections.empty()
    has_quads = any(result.quads is not None for result in some)
    has_outlines = any(any(result.polygons) for result in some)
    return make_detections(
        [label for result in some for label in result.labels],
        np.concatenate([result.detections.xyxy for result in some]),
        quads=np.concatenate([quads_or_boxes(result) for result in some]) if has_quads else None,
        polygons=[parts for result in some for parts in result.polygons] if has_outlines else None,
        inverted=np.concatenate([result.inverted for result in some]),
        names=[name for result in some for name in result.names],
    )


def quads_or_boxes(result: Result) -> np.ndarray:
    """The quads (n, 4, 2) of an answer in pixels; the corners of its boxes where it has none."""
    return result.quads if result.quads is not None else sv.xyxy_to_polygons(result.detections.xyxy)


def translate(result: Result, offset: tuple[float, float], size: tuple[int, int]) -> Result:
    """An answer about a part of a picture, in pixels of the whole.

    Args:
        result: The answer about the part, in the part's pixels.
        offset: (x, y) of the part's upper left corner in the whole.
        size: (width, height) of the whole.
    """
    if not len(result.detections):
        return replace(result, size=size)
    shift = np.asarray(offset, dtype=np.float32)
    detections = make_detections(
        result.labels,
        result.detections.xyxy + np.tile(shift, 2),
        quads=None if result.quads is None else result.quads + shift,
        polygons=[[part + shift for part in parts] for parts in result.polygons] if any(result.polygons) else None,
        inverted=result.inverted,
        names=result.names,
    )
    return replace(result, size=size, detections=detections)


def attach_texts(found: Result, answers: Mapping[int, Outcome], task: Task) -> Result:
    """Found objects with what was said of each: `dog: a brown dog lying down`; it replaces what was said before.

    Args:
        found: The answer whose objects were asked about; those without an answer yet keep their label.
        answers: What became of the call about each, by row.
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
    return _combine(found, answers, task, text, _relabel(found, labels))


def attach_polygons(found: Result, answers: Mapping[int, Outcome], task: Task) -> Result:
    """Found objects with the outlines that were found for each; arguments as for `attach_texts`."""
    labels, outlines = found.labels, found.polygons
    for index, answer in sorted(answers.items()):
        parts = [] if isinstance(answer, FlorenceUIError) else [part for some in answer.polygons for part in some]
        outlines[index] = parts or outlines[index]
        labels[index] = _unmark(labels[index]) if parts else _mark_unanswered(labels[index])
    return _combine(found, answers, task, "", _relabel(found, labels, outlines))


def replace_with_text_lines(found: Result, answers: Mapping[int, Outcome], task: Task) -> Result:
    """The lines of text that were read in each object, in place of the objects; arguments as for `attach_texts`.

    An object in which nothing was read, or whose call failed, stays as it is, marked.
    """
    shown, texts = [], []
    for index, answer in sorted(answers.items()):
        lines = None if isinstance(answer, FlorenceUIError) else answer
        if lines is not None and len(lines.detections):
            shown.append(lines)
            texts.append(
                _label_with_text(found.names[index], replace(lines, text=reading_text(lines.quads, lines.labels)))
            )
        else:
            marked = found.select([index])
            shown.append(replace(marked, detections=_relabel(marked, [_mark_unanswered(found.names[index])])))
    detections = concatenate(shown) if shown else sv.Detections.empty()
    return _combine(found, answers, task, "\n\n".join(texts), detections)


def _combine(found: Result, answers: Mapping[int, Outcome], task: Task, text: str, detections: sv.Detections) -> Result:
    failed = {index: answer for index, answer in sorted(answers.items()) if isinstance(answer, FlorenceUIError)}
    said = [warning for answer in answers.values() if isinstance(answer, Result) for warning in answer.warnings]
    warnings = (f"{_name(found.names[i], i)} has no answer: {error}" for i, error in failed.items())
    raw = [answer.raw for _, answer in sorted(answers.items()) if isinstance(answer, Result)]
    return Result(task, task.token, found.size, text, detections, raw, (*warnings, *dict.fromkeys(said)))


def _relabel(
    found: Result, labels: Sequence[str], outlines: Sequence[Sequence[np.ndarray]] | None = None
) -> sv.Detections:
    outlines = found.polygons if outlines is None else outlines
    return make_detections(
        labels,
        found.detections.xyxy,
        quads=found.quads,
        polygons=outlines if any(outlines) else None,
        inverted=found.inverted,
        names=found.names,
    )


def _label_with_text(label: str, answer: Result) -> str:
    return ": ".join(words for words in (label, answer.text.strip()) if words) or _mark_unanswered(label)


def _mark_unanswered(label: str) -> str:
    return f"{_unmark(label)} {NO_ANSWER_MARK}".strip()


def _unmark(label: str) -> str:
    return label.removesuffix(NO_ANSWER_MARK).strip()


def _name(label: str, index: int) -> str:
    """How a sentence calls an object: by its label and its number in the list."""
    return f"Object {index + 1}" + (f" ({label})" if label else "")
