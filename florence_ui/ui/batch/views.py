"""Many pictures as the values of the components that show them."""

from florence_ui.backends.model_status import NANO_WARNING
from florence_ui.exports.tables import escape_cell
from florence_ui.inference.batch import Batch, Item, ItemState
from florence_ui.inference.batch_overview import (
    Only,
    Order,
    count_found,
    count_matches,
    found_nothing,
    totals,
)
from florence_ui.rendering.style import Style
from florence_ui.results.result import class_of
from florence_ui.tasks import get_task
from florence_ui.ui.batch.state import BatchState
from florence_ui.ui.components.contact_sheet import Chip, ContactSheetValue, Frame, FrameState
from florence_ui.ui.components.totals import TotalRow, TotalsValue
from florence_ui.ui.file_data import as_file_data
from florence_ui.wording import count_noun, format_duration

CHIPS = (Only.NOTHING, Only.FAILED, Only.WAITING)
NO_CLASS = ""
"""The chosen class while none is."""


def sheet_value(state: BatchState) -> ContactSheetValue:
    """Every picture that is shown, under the progress and the filters."""
    batch, selection = state.batch, state.selection
    is_counted = any(map(count_found, state.items))
    orders = [order.value for order in Order if order is not Order.MOST_FOUND or is_counted or order is selection.order]
    if batch is None:
        return ContactSheetValue(order=selection.order, orders=orders)
    return ContactSheetValue(
        frames=[frame(state, index) for index in selection.apply(batch.items)],
        total=len(batch.items),
        words=progress_text(state, batch),
        part=batch.ended / batch.count_asked if state.going else None,
        chips=chips(state),
        order=selection.order,
        orders=orders,
        locked=state.going,
    )


def chips(state: BatchState) -> list[Chip]:
    """The filters by state that would show something, and the one by class that is on."""
    only = state.selection.only
    counts = {kind: count_matches(state.items, kind) for kind in CHIPS}
    is_idle = not state.going and (state.batch is None or not state.batch.ended)
    offered = [] if is_idle else [kind for kind in CHIPS if counts[kind] or kind is only]
    row = [Chip(name=kind, label=f"{counts[kind]} {kind}", on=kind is only) for kind in offered]
    if only is Only.CLASS:
        row.append(Chip(name=Only.CLASS, label=f"Contains: {state.selection.label or 'unnamed object'} ×", on=True))
    return row


def frame(state: BatchState, index: int) -> Frame:
    """One picture on the sheet."""
    item = state.items[index]
    shown: FrameState = "nothing" if found_nothing(item) else item.state.value
    if shown == "running" and not state.going:  # right after Stop, before it is back in line
        shown = "waiting"
    return Frame(
        index=index,
        name=item.name,
        state=shown,
        note="" if is_text(item) else answer_note(item),
        text=item.result.text.strip() if item.result and is_text(item) else "",
        mark=item.reason if shown == "unreadable" else waiting_mark(state.items, index) if state.going else "",
        details=item.reason or (item.result.text if item.result else ""),
        image=as_file_data(item.preview or item.thumbnail),
    )


def is_text(item: Item) -> bool:
    """Whether a picture's answer is only a text."""
    return item.result is not None and not count_found(item) and bool(item.result.text.strip())


def answer_note(item: Item) -> str:
    """A picture's answer in a few words; empty before there is one."""
    if item.state is ItemState.FAILED:
        return "failed"
    if item.state is ItemState.UNREADABLE:
        return "not a picture"
    if item.result is None:
        return ""
    return f"{count_found(item)} found" if count_found(item) else item.result.text.strip() or "nothing"


def waiting_mark(items: list[Item], index: int) -> str:
    """What a picture is waiting for during a run; empty if it has ended."""
    state = items[index].state
    if state is ItemState.RUNNING:
        return "looking"
    if state is not ItemState.WAITING:
        return ""
    ahead = sum(item.state in (ItemState.WAITING, ItemState.RUNNING) for item in items[:index])
    return f"waiting, {ahead} ahead" if ahead else "waiting"


def progress_text(state: BatchState, batch: Batch) -> str:
    """The progress in a sentence."""
    total = batch.count_asked
    if not batch.question:
        return count_noun(total, "picture")
    parts = [f"{batch.count(ItemState.DONE)} of {total} answered{earlier_question(state)}"]
    left = batch.seconds_left()
    if state.going and left:
        parts.append(f"about {format_duration(left)} left")
    if not state.going and batch.ended < total:
        parts.append("stopped")
    if len(state.shown) < len(batch.items):
        parts.append(f"{len(state.shown)} shown")
    return ", ".join(parts) + (f". {state.waits_for}" if state.waits_for else "")


def earlier_question(state: BatchState) -> str:
    """What was answered, where that is no longer the question in the dock; empty where it is."""
    if state.batch is None or state.question is None or state.going or state.batch.question == state.asked:
        return ""
    is_other_task = state.question.token != state.asked[0]
    return f" “{get_task(state.question.token).title}”" if is_other_task else " an earlier question"


def run_label(state: BatchState) -> str:
    """What Run would do; another question starts over."""
    batch = state.batch
    count = batch.count_asked if batch else 0
    if batch is None or not count:
        return "Run"
    if not batch.ended or batch.question != state.asked:
        return f"Run on {count}"
    left = count - batch.ended  # not the waiting ones: right after Stop some are still being requeued
    return f"Run {left} more" if left else f"Run {count} again"


def table_rows(state: BatchState) -> list[list[str | int]]:
    """The pictures that are shown, in their order: name, number of objects, and state or why there is no answer."""
    return [
        [escape_cell(item.name), count_found(item), escape_cell(item.reason or item.state.value)]
        for item in state.shown
    ]


def totals_value(state: BatchState, style: Style) -> TotalsValue:
    """Every class with its total; a click on one shows only pictures with it."""
    rows, doubt = totals(state.items), nano_warning(state)
    if not rows:
        return TotalsValue(title="Totals", hint=f"{why_no_totals(state)} {doubt}".strip())
    colors = class_colors(state.items, state.styled(style))
    pictures = sum(1 for item in state.items if count_found(item))
    chosen = state.selection.label if state.selection.only is Only.CLASS else None
    return TotalsValue(
        title=f"{sum(row.count for row in rows):,} found",
        source=f"{count_noun(len(rows), 'kind')} in {count_noun(pictures, 'picture')}",
        hint=doubt,
        rows=[
            TotalRow(
                label=row.label, count=row.count, pictures=row.pictures, color=colors[row.label],
                chosen=row.label == chosen,
            )
            for row in rows
        ],
    )  # fmt: skip


def nano_warning(state: BatchState) -> str:
    """What nano's answers about pictures that it may not know are worth, once for all; empty without such answers."""
    return NANO_WARNING if any(item.result and NANO_WARNING in item.result.warnings for item in state.items) else ""


def why_no_totals(state: BatchState) -> str:
    """Why there are no totals."""
    if state.batch is None:
        return "Totals by class appear here."
    if state.batch.done:
        texts = any(item.result and item.result.text for item in state.batch.done)
        return "These answers are text. Open a picture to read its answer." if texts else "Nothing was found."
    return "Press Run to count what is found, by class."


def class_colors(items: list[Item], style: Style) -> dict[str, str]:
    """The color of each class; where objects without a name have one each, that of the first."""
    colors: dict[str, str] = {}
    for result in (item.result for item in items if item.result):
        for label, color in zip(result.labels, style.colors_of(result), strict=True):
            colors.setdefault(class_of(label), color)
    return colors
