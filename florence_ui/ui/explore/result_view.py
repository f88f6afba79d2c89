"""An answer -> the content of the result viewer."""

from collections.abc import Collection
from pathlib import Path

from florence_ui.errors import FlorenceUIError
from florence_ui.results.result import Result
from florence_ui.tasks import InputKind, OutputKind
from florence_ui.ui.components.result_viewer import ResultViewerValue
from florence_ui.ui.explore.stage_view import alt_text, phrases_of, stage_objects
from florence_ui.ui.file_data import as_file_data


def ready(picture: Path | None) -> ResultViewerValue:
    """The stage with a picture that waits for its first question."""
    return ResultViewerValue(
        state="ready",
        image=as_file_data(picture),
        title="",
        hint="Press Run to see what the model sees.",
        alt="The picture",
    )


def busy(picture: Path | None, words: str) -> ResultViewerValue:
    """The stage during a run."""
    return ResultViewerValue(state="busy", image=as_file_data(picture), title=words, alt="The picture")


def failed(picture: Path | None, error: FlorenceUIError) -> ResultViewerValue:
    """The stage after a run without an answer."""
    return ResultViewerValue(
        state="failed", image=as_file_data(picture), title=error.message, hint=error.hint, alt="The picture"
    )


def answered(result: Result, picture: Path, hidden: Collection[int], palette: str) -> ResultViewerValue:
    """The stage with an answer, drawn in `picture`."""
    items = stage_objects(result, hidden, palette)
    nothing = not items and not result.text
    plain = result.task.output_kind is not OutputKind.TEXT and not items
    return ResultViewerValue(
        state="nothing" if nothing or (plain and not result.text) else "done",
        image=as_file_data(picture),
        size=result.size,
        items=items,
        phrases=phrases_of(result),
        title="Nothing found" if nothing else "",
        hint=nothing_hint(result) if nothing else "",
        alt=alt_text(result),
    )


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
