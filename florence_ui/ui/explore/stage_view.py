"""An answer -> the content of the stage: outlines, colors, the text in pieces, and the alternative text."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from florence_ui.errors import FlorenceUIError
from florence_ui.rendering.annotate import PALETTES
from florence_ui.results.result import Result
from florence_ui.tasks import InputKind, OutputKind
from florence_ui.ui.components.stage import Phrase, StageObject, StageValue
from florence_ui.ui.file_data import as_file_data

MAX_OBJECTS = 300
"""Maximum number of objects in the live layer; table and JSON always have all."""
MAX_POINTS = 160
"""Maximum number of corners of an outline in the live layer; finer ones are thinned out."""
NAMED = 8
"""Maximum number of labels in the alternative text."""


def ready(picture: Path | None) -> StageValue:
    """The stage with a picture that waits for its first question."""
    return StageValue(
        state="ready",
        image=as_file_data(picture),
        title="",
        hint="Press Run to see what the model sees.",
        alt="The picture",
    )


def busy(picture: Path | None, words: str) -> StageValue:
    """The stage during a run."""
    return StageValue(state="busy", image=as_file_data(picture), title=words, alt="The picture")


def failed(picture: Path | None, error: FlorenceUIError) -> StageValue:
    """The stage after a run without an answer."""
    return StageValue(
        state="failed", image=as_file_data(picture), title=error.message, hint=error.hint, alt="The picture"
    )


def answered(result: Result, picture: Path, hidden: Collection[int], palette: str) -> StageValue:
    """The stage with an answer, drawn in `picture`."""
    items = stage_objects(result, hidden, palette)
    nothing = not items and not result.text
    plain = result.task.output_kind is not OutputKind.TEXT and not items
    return StageValue(
        state="nothing" if nothing or (plain and not result.text) else "done",
        image=as_file_data(picture),
        size=result.size,
        items=items,
        phrases=phrases_of(result),
        title="Nothing found" if nothing else "",
        hint=nothing_hint(result) if nothing else "",
        alt=alt_text(result),
    )


def stage_objects(result: Result, hidden: Collection[int], palette: str) -> list[StageObject]:
    """One item per detection."""
    colors = PALETTES.get(palette, PALETTES["default"])
    class_ids = result.detections.class_id
    rows = zip(result.labels, result.detections.xyxy, result.polygons, strict=True)
    return [
        StageObject(
            label=label,
            outline=_outline(index, box, parts, result.quads),
            area=float(max(0, box[2] - box[0]) * max(0, box[3] - box[1])),
            color=colors.by_idx(index if class_ids is None else int(class_ids[index])).as_hex(),
            shown=index not in hidden,
        )
        for index, (label, box, parts) in enumerate(rows)
        if index < MAX_OBJECTS
    ]


def _outline(
    index: int, box: np.ndarray, parts: Sequence[np.ndarray], quads: np.ndarray | None
) -> list[list[list[float]]]:
    if parts:
        rings = [part[:: -(-len(part) // MAX_POINTS)] for part in parts]
    elif quads is not None:
        rings = [quads[index]]
    else:
        rings = [box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)]
    return [np.round(ring, 1).tolist() for ring in rings]


def phrases_of(result: Result) -> list[Phrase]:
    """The answer's text in pieces that refer to the objects they name.

    Grounding returns boxes for phrases of the sentence in the prompt, so there that sentence is the text.
    """
    words = result.text
    if not words and result.task.input_kind is InputKind.PHRASE:
        words = result.prompt.removeprefix(result.task.token)
    return link_phrases(words, result.labels[:MAX_OBJECTS]) if words else []


def link_phrases(text: str, labels: Sequence[str]) -> list[Phrase]:
    """Split a text where it names a label, ignoring case; the longest label wins if two start together.

    >>> [(p.text, p.items) for p in light_up("A dog and a cat.", ["cat", "dog", "cat"])]
    [('A ', []), ('dog', [1]), (' and a ', []), ('cat', [0, 2]), ('.', [])]
    """
    at: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        if label.strip():
            at.setdefault(label.strip().casefold(), []).append(index)
    if not at:
        return [Phrase(text=text)]
    names = sorted(at, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, names)) + r")(?!\w)", re.IGNORECASE)
    pieces = pattern.split(text)
    return [
        Phrase(text=piece, items=at.get(piece.casefold(), []) if k % 2 else [])
        for k, piece in enumerate(pieces)
        if piece
    ]


def alt_text(result: Result) -> str:
    """One sentence about what a picture with this answer shows."""
    if not len(result.detections):
        return f"The picture. {result.text}".strip() if result.text else "The picture. Nothing was found."
    counts = Counter(label or "unnamed region" for label in result.labels)
    named = [f"{label} ({count})" if count > 1 else label for label, count in counts.most_common(NAMED)]
    more = f" and {len(counts) - NAMED} more labels" if len(counts) > NAMED else ""
    objects = "1 object" if len(result.detections) == 1 else f"{len(result.detections)} objects"
    return f"The picture with {objects} found: {', '.join(named)}{more}."


def nothing_hint(result: Result) -> str:
    """A hint what to try when an answer is empty."""
    match result.task.input_kind:
        case InputKind.PHRASE:
            return "The model found nothing in the picture that matches this phrase. Try simpler words."
        case InputKind.CLASSES:
            return "The model found none of these classes in the picture. Try other names."
        case InputKind.REGION:
            return "The model returned nothing for this box. Try a slightly larger one."
        case _:
            return "The model returned nothing for this picture. Try another task."
