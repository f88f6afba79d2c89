"""An answer -> the rows of the list beside the stage."""

from collections import Counter
from collections.abc import Sequence

from florence_ui.results.result import Result
from florence_ui.tasks import Family, InputKind, OutputKind
from florence_ui.ui.components.answer_list import AnswerGroup, AnswerListValue, AnswerRow
from florence_ui.ui.components.stage import StageObject
from florence_ui.ui.explore.stage_view import is_grounded_sentence, phrases_of

MOST_UNGROUPED = 8
"""Maximum number of objects that are listed one by one although they share labels."""


def answer_list(result: Result, items: Sequence[StageObject], source: str) -> AnswerListValue:
    """The list for an answer.

    Args:
        result: The answer.
        items: Its objects on the stage.
        source: What answered, and how long it took.
    """
    rows = answer_rows(items, result)
    is_text = result.quads is not None
    phrases = phrases_of(result) if is_grounded_sentence(result) else []
    return AnswerListValue(
        state="done",
        title=list_title(result),
        source=source,
        groups=[AnswerGroup(name=row.name, rows=[row]) for row in rows] if is_text else group_rows(rows),
        lines=is_text,
        phrases=phrases if len(phrases) > 1 else [],  # one piece: the row says the same
        copy_text="\n".join(result.labels) if is_text else "",
    )


def list_title(result: Result) -> str:
    """The answer in two words."""
    count = len(result.detections)
    if not count and result.text:
        if result.task.output_kind is OutputKind.REGION_TEXT:
            return "Your region"
        return "Text" if result.task.family is Family.READ else "Caption"
    if not count:
        return "Nothing found"
    if result.quads is not None:
        return "1 line" if count == 1 else f"{count} lines"
    return f"{count} outlined" if all(result.polygons) else f"{count} found"


def answer_rows(items: Sequence[StageObject], result: Result) -> list[AnswerRow]:
    """One row per object; an object without a label is called by its place."""
    is_own = result.task.input_kind is InputKind.REGION  # the visitor drew it
    noun, is_alone = "Your region" if is_own else "Region", is_own and len(items) == 1
    return [
        AnswerRow(
            index=index,
            number=item.number,
            name=item.label or (noun if is_alone else f"{noun}, {place}"),
            place=place,
            color=item.color,
            shown=item.shown,
        )
        for index, item in enumerate(items)
        for place in [place_of(item, result.size)]
    ]


def place_of(item: StageObject, size: tuple[int, int]) -> str:
    """Where an object's middle is in a picture of (width, height), such as "top left" or "middle"."""
    xs, ys = zip(*(point for ring in item.outline for point in ring), strict=True)
    x, y = ((min(side) + max(side)) / 2 / length for side, length in ((xs, size[0]), (ys, size[1])))
    vertical = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    horizontal = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    return f"{vertical} {horizontal}".strip() or "middle"


def group_rows(rows: Sequence[AnswerRow]) -> list[AnswerGroup]:
    """Rows by label in order of appearance, if there are many and some share one; else each by itself."""
    counts = Counter(row.name for row in rows)
    if len(rows) <= MOST_UNGROUPED or len(counts) == len(rows):
        return [AnswerGroup(name=row.name, rows=[row]) for row in rows]
    return [
        AnswerGroup(name=name, all_name=f"all {count} of {name}", rows=[row for row in rows if row.name == name])
        for name, count in counts.items()
    ]
