"""Two answers as the table beside the stages: legend, labels, texts, and what to know about the answers."""

from florence_ui.errors import FlorenceUIError
from florence_ui.inference.request import StoredAnalysis
from florence_ui.results import compare
from florence_ui.results.compare import BOTH, LEFT, RIGHT, Comparison, FoundByMap
from florence_ui.results.result import Result, class_of
from florence_ui.ui.compare.state import Answers
from florence_ui.ui.components.found_by import FoundByValue, LabelRow, LegendEntry, Remark, SideText, TextPiece, Who

SIDES: tuple[Who, ...] = (LEFT, RIGHT)


def found_by_value(answers: Answers, *, colored: bool) -> FoundByValue:
    """What is beside the stages once both sides have ended.

    Args:
        answers: The outcome of both sides.
        colored: Whether the picture beside it has the colors of the legend.
    """
    value = FoundByValue(
        state="done", source=source_line(answers), names=list(answers.names), remarks=remarks(answers),
        texts=side_texts(answers),
    )  # fmt: skip
    comparison, found = answers.comparison, answers.found
    if answers.both is None or comparison is None or found is None:
        return value
    left, right = (analysis.result for analysis in answers.both)
    if not (compare.has_objects(left) or compare.has_objects(right)):
        return value
    rows = label_rows(left, right, comparison, found)
    entries = legend(comparison, found, answers.names) if colored else []
    return value.model_copy(update={"legend": entries, "rows": rows})


def source_line(answers: Answers) -> str:
    """What answered, and how long it took or that it was remembered."""
    answered = [
        (name, side)
        for name, side in zip(answers.names, answers.sides.values(), strict=True)
        if isinstance(side, StoredAnalysis)
    ]
    if len(answered) == 2 and all(side.remembered for _, side in answered):
        return "Both answered earlier"
    return ", ".join(
        f"{name} answered earlier" if side.remembered else f"{name} {side.seconds:.1f} s" for name, side in answered
    )


def remarks(answers: Answers) -> list[Remark]:
    """Failures first, then the warnings of the answers; a warning about both stands once."""
    failures, warnings = [], dict[str, list[str]]()
    for name, side in zip(answers.names, answers.sides.values(), strict=True):
        if isinstance(side, FlorenceUIError):
            failures.append(Remark(name=name, text=str(side), tone="error"))
        else:
            for warning in side.result.warnings:
                warnings.setdefault(warning, []).append(name)
    return failures + [Remark(name=" and ".join(who), text=text, tone="warning") for text, who in warnings.items()]


def legend(comparison: Comparison, found: FoundByMap, names: tuple[str, str]) -> list[LegendEntry]:
    """What the colors mean, with the counts of all objects, on the map or left out there."""
    titles: dict[Who, str] = {LEFT: f"only {names[0]}", RIGHT: f"only {names[1]}", BOTH: "both"}
    counts = {LEFT: comparison.left_only, RIGHT: comparison.right_only, BOTH: comparison.both}
    return [
        LegendEntry(
            who=who, name=title, count=len(counts[who]),
            numbers=[number for number, by in enumerate(found.found_by, 1) if by == who],
        )
        for who, title in titles.items()
    ]  # fmt: skip


def label_rows(left: Result, right: Result, comparison: Comparison, found: FoundByMap) -> list[LabelRow]:
    """Both answers by label, the differences on top; by place if the tasks differ, as each has words of its own."""
    if left.task is not right.task:
        return place_rows(left, right, comparison, found)
    numbers: dict[str, set[int]] = {}
    for side, own in ((left, found.left_numbers), (right, found.right_numbers)):
        for row, number in own.items():
            numbers.setdefault(class_of(side.labels[row]), set()).add(number)
    return [
        LabelRow(
            label=count.label, left=count.left, right=count.right, differs=count.differs,
            numbers=sorted(numbers[class_of(count.label)]),
        )
        for count in compare.count_labels(left, right, comparison)
    ]  # fmt: skip


def place_rows(left: Result, right: Result, comparison: Comparison, found: FoundByMap) -> list[LabelRow]:
    """The answers to two tasks by place, with the words of both; what only one of them found is on top."""
    places: list[tuple[Who, tuple[str, ...], int]] = [
        *((LEFT, (left.labels[i],), found.left_numbers[i]) for i in comparison.left_only),
        *((RIGHT, (right.labels[j],), found.right_numbers[j]) for j in comparison.right_only),
        *((BOTH, (left.labels[m.left], right.labels[m.right]), found.left_numbers[m.left]) for m in comparison.both),
    ]
    numbers: dict[tuple[Who, str], list[int]] = {}
    for who, labels, number in places:
        words = dict.fromkeys(label.strip() for label in labels)
        numbers.setdefault((who, " / ".join(filter(None, words))), []).append(number)
    return [
        LabelRow(
            label=label, left=len(own) if who != RIGHT else 0, right=len(own) if who != LEFT else 0,
            differs=who != BOTH, numbers=sorted(own),
        )
        for (who, label), own in numbers.items()
    ]  # fmt: skip


def side_texts(answers: Answers) -> list[SideText]:
    """The answers' texts, with what the other one lacks marked; empty if there are none."""
    sides = answers.sides.values()
    texts = [compare.full_text(side.result) if isinstance(side, StoredAnalysis) else "" for side in sides]
    alone: list[list[compare.Segment]] = [[(text, None)] if text else [] for text in texts]
    pieces = compare.diff_texts(*texts) if all(texts) else alone
    return [
        SideText(who=who, name=name, pieces=[TextPiece(text=text, marked=mark is not None) for text, mark in own])
        for who, name, own in zip(SIDES, answers.names, pieces, strict=True)
        if own
    ]
