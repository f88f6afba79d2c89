"""What stands beside the stages of Compare: both answers by label, or by place."""

from collections.abc import Sequence

from florence_ui.results.compare import compare, map_found_by
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task
from florence_ui.ui.compare.found_by_view import label_rows
from florence_ui.ui.components.found_by import LabelRow

HOUSE, DOG, CAR = [0, 0, 40, 40], [50, 50, 90, 90], [10, 60, 40, 95]


def answer(token: str, labels: Sequence[str], boxes: Sequence[list[int]]) -> Result:
    return Result(get_task(token), token, (100, 100), detections=make_detections(labels, boxes))


def rows_of(left: Result, right: Result) -> list[LabelRow]:
    comparison = compare(left, right)
    return label_rows(left, right, comparison, map_found_by(left, right, comparison))


def test_answers_to_one_task_are_listed_by_label() -> None:
    rows = rows_of(answer("<OD>", ["house", "dog"], [HOUSE, DOG]), answer("<OD>", ["house"], [HOUSE]))
    assert [(row.label, row.left, row.right, row.differs) for row in rows] == [
        ("dog", 1, 0, True),
        ("house", 1, 1, False),
    ]


def test_answers_to_two_tasks_are_listed_by_place_with_the_words_of_both_as_the_verdict_counts_them() -> None:
    named = answer("<OD>", ["house", "house", "dog"], [HOUSE, CAR, DOG])
    described = answer("<DENSE_REGION_CAPTION>", ["a red house", "dog", ""], [HOUSE, DOG, [60, 0, 95, 30]])
    rows = rows_of(named, described)
    assert [(row.label, row.left, row.right, row.differs) for row in rows] == [
        ("house", 1, 0, True),
        ("", 0, 1, True),
        ("house / a red house", 1, 1, False),
        ("dog", 1, 1, False),
    ]
    assert sorted(number for row in rows for number in row.numbers) == [1, 2, 3, 4], "each lights its own object"
