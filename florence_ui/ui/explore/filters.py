"""What the filters leave out of an answer; the model is not asked again."""

from collections.abc import Collection, Sequence

from florence_ui.results.filters import Filters, Removal, filter_result
from florence_ui.ui.components.notice import Message, NoticeValue
from florence_ui.visitors.runs import Run


def apply_filters(run: Run, chosen: Collection[str] | None) -> tuple[Removal, ...]:
    """Hide what these filters remove and show what they no longer do; return what they remove.

    Objects hidden or shown by hand stay as they are, unless a filter now decides otherwise.
    """
    _, removals = filter_result(run.analysis.result, Filters(**dict.fromkeys(chosen or (), True)))
    gone = frozenset(index for removal in removals for index in removal.indices)
    run.hidden = (run.hidden - (run.filtered - gone)) | (gone - run.filtered)
    run.filtered = gone
    return removals


def removal_notice(removals: Sequence[Removal]) -> NoticeValue:
    """A sentence about what each filter has removed."""
    return NoticeValue(messages=[Message(text=removal.reason) for removal in removals])
