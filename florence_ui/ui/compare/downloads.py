"""The files of a comparison."""

from enum import StrEnum
from pathlib import Path
from typing import Any

from florence_ui import storage
from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.errors import InputError
from florence_ui.exports.records import analysis_record, to_json
from florence_ui.exports.tables import to_csv
from florence_ui.inference.drawing import draw_comparison, draw_sides
from florence_ui.inference.request import StoredAnalysis
from florence_ui.rendering.style import Style
from florence_ui.results.compare import comparison_columns, comparison_record, comparison_table
from florence_ui.ui.compare.state import Answers
from florence_ui.ui.components.verdict_bar import Layout

STEM = "comparison"


class ComparisonFile(StrEnum):
    """The kinds of files, by their titles."""

    PICTURE = "Picture (JPEG)"
    CSV = "CSV"
    JSON = "JSON"


def record_of(answers: Answers) -> dict[str, Any]:
    """A comparison as JSON types: both answers, or why one is missing, and what they have in common."""
    record: dict[str, Any] = {
        side: analysis_record(outcome) if isinstance(outcome, StoredAnalysis) else {"error": str(outcome)}
        for side, outcome in answers.sides.items()
    }
    if not answers.both:
        return record
    left, right = (analysis.result for analysis in answers.both)
    return record | comparison_record(left, right)


def rows_of(answers: Answers) -> list[list[str]]:
    """A comparison as the rows of a table; empty if a side failed."""
    if not answers.both or not answers.comparison:
        return []
    left, right = (analysis.result for analysis in answers.both)
    return comparison_table(left, right, answers.comparison, answers.names)


async def write_comparison(kind: ComparisonFile, answers: Answers | None, layout: Layout, style: Style) -> Path:
    """Write a comparison to a new file.

    Args:
        kind: The kind of file.
        answers: What is shown.
        layout: How; a picture has both answers beside each other unless they are shown in one.
        style: How each of them is drawn there.

    Raises:
        InputError: If there are no two answers.
        FlorenceUIError: If the picture is gone, or the file cannot be written.
    """
    if answers is None or answers.both is None or answers.found is None:
        raise InputError("There is nothing to download yet.", "Compare two answers first.")
    if kind is ComparisonFile.PICTURE:
        picture = await answers.subject.picture()
        if layout is Layout.ONE:
            return await draw_comparison(picture, answers.found, full=True, names=answers.names)
        left, right = (analysis.with_picture(picture) for analysis in answers.both)
        return await draw_sides(left, right, answers.names, answers.styled(style))
    if kind is ComparisonFile.CSV:
        data, suffix = to_csv(comparison_columns(answers.names), rows_of(answers)).encode("utf-8-sig"), ".csv"
    else:
        data, suffix = to_json(record_of(answers)).encode(), ".json"
    return await draw_pool.run(lambda: storage.write(data, suffix, stem=STEM))
