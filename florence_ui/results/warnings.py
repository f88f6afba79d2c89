"""Sentences about anomalies of an answer: boxes around everything, duplicates, truncated text, missing fonts."""

from collections.abc import Sequence

import numpy as np

from florence_ui.fonts import scripts_without_font
from florence_ui.results.filters import find_duplicates, find_whole_image
from florence_ui.results.result import Result
from florence_ui.tasks import Family, Task
from florence_ui.wording import count_noun, join_words

OUTSIDE = 0.02
"""Coordinates further outside than this fraction of the picture's size get a warning."""
CUT_OFF_WORDS = 12
"""A caption that begins like a sentence, has this many words and ends without a full stop looks cut off."""

_SENTENCE_ENDS = tuple(".!?…\"'”’)。！？")


def box_warnings(result: Result) -> list[str]:
    """One sentence for each kind of anomaly among the boxes."""
    detections, size = result.detections, result.size
    if not len(detections):
        return []
    limits = np.array([*size, *size], dtype=np.float32)
    outside = ((detections.xyxy < -OUTSIDE * limits) | (detections.xyxy > (1 + OUTSIDE) * limits)).any(axis=1)
    anomalies = (
        (result.inverted, "with corners in the wrong order, now sorted"),
        (find_whole_image(detections, size), "around the whole picture"),
        (find_duplicates(detections), "around an object already found"),
        (outside, "extending beyond the picture"),
    )
    return [f"{count_noun(int(which.sum()), 'box', 'boxes')} {what}." for which, what in anomalies if which.any()]


def text_warnings(task: Task, text: str) -> list[str]:
    """Anomalies of a caption; none for other tasks."""
    if task.family is not Family.CAPTION:
        return []
    if not text.strip():
        return ["The model returned no text."]
    is_sentence = text.lstrip()[:1].isupper()
    if is_sentence and len(text.split()) >= CUT_OFF_WORDS and not text.rstrip().endswith(_SENTENCE_ENDS):
        return ["The text ends mid-sentence: it looks cut off."]
    return []


def label_warnings(labels: Sequence[str]) -> list[str]:
    """One sentence about labels for which this machine has no font."""
    scripts = scripts_without_font(labels)
    if not scripts:
        return []
    return [
        f"No font for {join_words(scripts, 'or')} is installed here, so the picture shows empty boxes instead of "
        "letters. The list of objects has the full text, and the README names packages with fonts."
    ]
