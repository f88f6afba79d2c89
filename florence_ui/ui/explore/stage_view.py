"""An answer -> the content of the stage: outlines, colors, the text in pieces, the words at its foot."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from florence_ui.errors import FlorenceUIError
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result
from florence_ui.tasks import Family, InputKind, Task
from florence_ui.ui.components.stage import Phrase, StageAction, StageObject, StageState, StageValue
from florence_ui.ui.file_data import as_file_data

MAX_OBJECTS = 300
"""Maximum number of objects in the live layer; table and JSON always have all."""
MAX_POINTS = 160
"""Maximum number of corners of an outline in the live layer; finer ones are thinned out."""
NAMED = 8
"""Maximum number of labels in the alternative text."""

RUN, EDIT, DESCRIBE = "run", "edit", "describe"
"""Names of the buttons at the stage's foot: run the chosen task, change the words, ask for a caption instead."""


def undrawn(picture: Path | None) -> str:
    """The name of the answer while there is none: its drawings show the picture alone, such as a part of it."""
    return f"undrawn {picture.stem}" if picture else ""


def without_answer(state: StageState, picture: Path | None, size: tuple[int, int], **rest: Any) -> StageValue:
    """The stage with a picture of (width, height), or none, and no answer.

    Args:
        state: Why there is none.
        picture: The picture's file.
        size: The picture's size in pixels.
        rest: Other fields of the value.
    """
    return StageValue(
        state=state, picture=as_file_data(picture), size=size, answer=undrawn(picture), alt="The picture", **rest
    )


def failed(picture: Path | None, size: tuple[int, int], error: FlorenceUIError, **rest: Any) -> StageValue:
    """The stage after a run without an answer."""
    return without_answer("failed", picture, size, title=error.message, hint=error.hint, **rest)


def answered(result: Result, picture: Path, hidden: Collection[int], style: Style, answer: str) -> StageValue:
    """The stage with an answer.

    Args:
        result: The answer.
        picture: The picture without a drawing.
        hidden: Rows of the hidden detections.
        style: The style of the drawing.
        answer: A name of the answer, the same as that of its drawing.
    """
    items = stage_objects(result, hidden, style)
    value = StageValue(
        state="done" if items or result.text else "nothing",
        picture=as_file_data(picture),
        size=result.size,
        answer=answer,
        items=items,
        phrases=[] if is_grounded_sentence(result) else phrases_of(result),
        alt=alt_text(result),
    )
    if value.state == "done":
        return value
    return value.model_copy(update={"title": nothing_title(result), "actions": nothing_actions(result.task)})


def stale(value: StageValue, answered: str, chosen: str) -> StageValue:
    """The stage with an answer to a task that is no longer the chosen one; both by their titles."""
    subject = "These marks answer" if value.items else "This text answers"
    changes = {
        "state": "stale",
        "title": f"{subject} “{answered}”.",
        "hint": "",
        "actions": [StageAction(name=RUN, label=f"Run “{chosen}”")],
    }
    return value.model_copy(update=changes)


def stage_objects(result: Result, hidden: Collection[int], style: Style) -> list[StageObject]:
    """One item per detection."""
    colors = style.colors_of(result)
    rows = zip(result.labels, result.detections.xyxy, result.polygons, strict=True)
    return [
        StageObject(
            label=label,
            number=index + 1,
            outline=_outline(index, box, parts, result.quads),
            area=float(max(0, box[2] - box[0]) * max(0, box[3] - box[1])),
            color=colors[index],
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


def is_grounded_sentence(result: Result) -> bool:
    """Whether the answer's words are those of the question, which stand in the field below the picture."""
    return not result.text and result.task.input_kind is InputKind.PHRASE


def phrases_of(result: Result) -> list[Phrase]:
    """The answer's text in pieces that refer to the objects they name.

    Grounding returns boxes for phrases of the sentence in the prompt, so there that sentence is the text.
    """
    words = result.text
    if is_grounded_sentence(result):
        words = result.prompt.removeprefix(result.task.token)
    return link_phrases(words, result.labels[:MAX_OBJECTS]) if words else []


def link_phrases(text: str, labels: Sequence[str]) -> list[Phrase]:
    """Split a text where it names a label, ignoring case; the longest label wins if two start together.

    >>> [(p.text, p.items) for p in link_phrases("A dog and a cat.", ["cat", "dog", "cat"])]
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


def nothing_title(result: Result) -> str:
    """A sentence that says that an answer is empty."""
    words = result.prompt.removeprefix(result.task.token)
    match result.task.input_kind:
        case InputKind.CLASSES:
            return f"No {' or '.join(words.split('<and>'))} in this picture."
        case InputKind.PHRASE:
            return f"Nothing in this picture matches “{words}”."
        case InputKind.REGION:
            return "The model returned nothing for this box. Try a slightly larger one."
    return (
        "There is no text in this picture." if result.task.family is Family.READ else "Nothing found in this picture."
    )


def nothing_actions(task: Task) -> list[StageAction]:
    """The next step after an empty answer."""
    match task.input_kind:
        case InputKind.REGION:
            return []
        case InputKind.NONE:
            return [StageAction(name=DESCRIBE, label="Describe it instead")]
    return [StageAction(name=EDIT, label="Change the words")]
