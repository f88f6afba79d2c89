"""What is odd about an answer, in sentences: boxes around everything or twice around one thing, texts cut off,
labels that cannot be drawn.
"""

from collections.abc import Sequence

import numpy as np

from florence_ui.fonts import scripts_without_font
from florence_ui.results.filters import find_duplicates, find_whole_image
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import Family, Task

MAX_COMPARED_QUADS = 100
"""Beyond this, repeated lines of text are found by their upright boxes: comparing quads takes seconds."""
OUTSIDE = 0.02
"""Coordinates further outside than this part of the picture's size are worth a word."""
CUT_OFF_WORDS = 12
"""A caption that begins like a sentence, has that many words and ends without a full stop looks cut off."""

_SENTENCE_ENDS = tuple(".!?…\"'”’)。！？")


def box_warnings(result: Result) -> list[str]:
    """One sentence for each oddity of the boxes that were found."""
    detections, size = result.detections, result.size
    if not len(detections):
        return []
    limits = np.array([*size, *size], dtype=np.float32)
    outside = ((detections.xyxy < -OUTSIDE * limits) | (detections.xyxy > (1 + OUTSIDE) * limits)).any(axis=1)
    if len(detections) > MAX_COMPARED_QUADS:
        detections = make_detections(result.labels, detections.xyxy)
    whole, twice = find_whole_image(detections, size), find_duplicates(detections)
    odd = (
        (result.inverted, "with swapped corners, put in order"),
        (whole, "around the whole picture"),
        (twice, "around something already found"),
        (outside, "reaching outside the picture"),
    )
    return [f"{count_noun(int(which.sum()), 'box', 'boxes')} {what}." for which, what in odd if which.any()]


def text_warnings(task: Task, text: str) -> list[str]:
    """What is odd about a caption; nothing for other tasks."""
    if task.family is not Family.CAPTION:
        return []
    if not text.strip():
        return ["The model said nothing."]
    is_sentence = text.lstrip()[:1].isupper()
    if is_sentence and len(text.split()) >= CUT_OFF_WORDS and not text.rstrip().endswith(_SENTENCE_ENDS):
        return ["The text ends in the middle of a sentence: it looks cut off."]
    return []


def label_warnings(labels: Sequence[str]) -> list[str]:
    """One sentence about labels for which this machine has no font."""
    scripts = scripts_without_font(labels)
    if not scripts:
        return []
    listed = " or ".join([", ".join(scripts[:-1]), scripts[-1]] if len(scripts) > 1 else scripts)
    return [
        f"There is no font for {listed} on this machine, so the picture shows empty boxes in place of letters. "
        "The list has them all, and README says which packages bring fonts."
    ]


def count_noun(number: int, noun: str, nouns: str = "") -> str:
    """A number with its noun, for example "1 box", "2 boxes"; the plural adds an s where none is given."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
