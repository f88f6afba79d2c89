"""Questions about one object or all visible ones; the answers become one new answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import gradio as gr

from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.inference.per_object import ACTIONS, Action, MultiCallProgress, ask_about_objects
from florence_ui.inference.request import Analysis, Question
from florence_ui.ui.components import Notice
from florence_ui.ui.components.notice import NoticeValue, error_notice, text_notice
from florence_ui.ui.explore import answer_view, result_view
from florence_ui.ui.explore.run_events import show_run, show_stop
from florence_ui.ui.layout import Page, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates
from florence_ui.visitors.multi_call import max_concurrency, retry_when_rate_limited, with_status
from florence_ui.visitors.session import PageSession, Recipe, Run

THEN = {
    Action.DESCRIBE: FollowUp.DESCRIBE_EACH,
    Action.NAME: FollowUp.NAME_EACH,
    Action.SEGMENT: FollowUp.SEGMENT_EACH,
    Action.READ: FollowUp.READ_EACH,
    Action.READ_CROP: FollowUp.READ_CROP_EACH,
}
"""The follow-up step of each action in the code snippets."""


@dataclass(eq=False)
class ObjectSelection:
    """The objects that one visitor asks about.

    Attributes:
        run: The answer whose object is pinned.
        row: Its row, -1 for none.
        partial: The merged answer so far, with the run that it is about; None while nothing is running.
    """

    run: Run | None = None
    row: int = -1
    partial: tuple[Run, Analysis, Action] | None = None

    def rows(self, session: PageSession) -> list[int]:
        """The rows to ask about: the pinned one, or all visible ones."""
        if session.run is None:
            return []
        pinned = self.run is session.run and 0 <= self.row < len(session.run.analysis.result.detections)
        return [self.row] if pinned else answer_view.visible_rows(session.run)


@dataclass(frozen=True)
class ObjectPanel:
    """The panel."""

    choice: gr.State
    panel: gr.Column
    about: Notice
    buttons: dict[Action, gr.Button]
    stop: gr.Button


def build_object_panel(page: Page) -> None:
    """Lay out the panel and connect its events; it is visible when something was found."""
    panel = lay_out()
    fields = {page.session, panel.choice, page.ask.key, *page.style.controls}
    mine = [panel.panel, panel.about, panel.stop, *panel.buttons.values()]
    parts = [*mine, page.ask.run, page.ask.stop, page.ask.input_notice, page.ask.picture_notice, *page.answer_parts]

    def look(inputs: Inputs) -> Updates:
        return selection_updates(page, panel, inputs)

    def pin(inputs: Inputs, event: gr.EventData) -> Updates:
        row = getattr(event, "index", None)
        inputs[panel.choice].run, inputs[panel.choice].row = (
            inputs[page.session].run,
            row if isinstance(row, int) else -1,
        )
        return selection_updates(page, panel, inputs)

    async def stopped(inputs: Inputs) -> Updates:
        return await show_merged(page, panel, inputs)

    page.answer.stage.change(look, fields, mine, **unqueued())
    page.answer.stage.select(pin, fields, mine, **unqueued())
    runs = {panel.buttons[action]: stoppable_action(page, panel, action) for action in Action}
    wire_run(runs, [panel.stop, page.ask.stop], stopped, fields, parts, stop_is_slow=True)


def lay_out() -> ObjectPanel:
    """Lay out a line about which objects are meant, and one button per action."""
    with gr.Column(visible=False, elem_id="object-panel") as panel:
        about = Notice(elem_id="object-about", label="Which objects are asked about")
        with gr.Row(elem_id="object-row"):
            buttons = {
                action: gr.Button(info.title, size="sm", min_width=90, elem_id=f"object-{action.name.lower()}")
                for action, info in ACTIONS.items()
            }
            stop = gr.Button("Stop", size="sm", variant="stop", min_width=90, visible=False, elem_id="object-stop")
    return ObjectPanel(gr.State(ObjectSelection()), panel, about, buttons, stop)


def stoppable_action(page: Page, panel: ObjectPanel, action: Action) -> StoppableRun:
    """The run that a click on an action starts."""

    def running() -> Updates:
        return {**show_stop(page), **show_object_stop(panel)}

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        return {**restore_page(page, panel, inputs), panel.about: error_notice(error)}

    return StoppableRun(lambda inputs: stream_action(page, panel, action, inputs), running, failed)


def selection_updates(page: Page, panel: ObjectPanel, inputs: Inputs) -> Updates:
    """The panel for the answer that is shown."""
    session, choice = inputs[page.session], inputs[panel.choice]
    rows = choice.rows(session)
    return {
        panel.panel: gr.update(visible=bool(session.run and len(session.run.analysis.result.detections))),
        panel.about: text_notice(selection_text(session, rows, pinned=len(rows) == 1 and choice.run is session.run)),
        **{button: gr.update(interactive=bool(rows)) for button in panel.buttons.values()},
    }


def selection_text(session: PageSession, rows: list[int], *, pinned: bool) -> str:
    """A sentence about which objects are meant."""
    if session.run is None or not rows:
        return "All objects are hidden."
    if pinned:
        label = session.run.analysis.result.labels[rows[0]]
        return f"About object {rows[0] + 1}" + (f", {label}" if label else "") + ":"
    if len(rows) == 1:
        return "About the only visible object:"
    return f"About all {len(rows)} visible objects (click one to ask about it alone):"


async def stream_action(page: Page, panel: ObjectPanel, action: Action, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Show an action, from its start to the merged answer."""
    session, choice, services, stage = inputs[page.session], inputs[panel.choice], page.services, page.answer.stage
    run, rows, doing = session.run, choice.rows(session), ACTIONS[action].doing
    if run is None:
        raise InputError("There is no answer to ask about.", "Run a task first.")
    found = await session.analysis_of(run)
    same_model = Question("<CAPTION>", model_id=found.model_id, backend=found.backend)
    request = services.template(same_model, key=inputs[page.ask.key], nano_stands_in=True).about(found.picture)
    yield {stage: result_view.busy(session.shown, f"{doing} 0 of {len(rows)}")}
    calls = max_concurrency(services, request)

    def start(say: OnStatus) -> AsyncGenerator[MultiCallProgress]:
        analyze = retry_when_rate_limited(services, say)
        return ask_about_objects(analyze, request, found.result, rows, action, max_concurrency=calls)

    async with aclosing(with_status(start)) as going:
        async for progress in going:
            if isinstance(progress, str):
                yield {stage: result_view.busy(session.shown, progress)}
                continue
            merged = replace(found, result=progress.result, seconds=progress.seconds, remembered=False)
            choice.partial = run, merged, action
            yield {stage: result_view.busy(session.shown, f"{doing} {progress.done} of {progress.total}")}
    yield await show_merged(page, panel, inputs)


def show_object_stop(panel: ObjectPanel) -> Updates:
    """Show Stop beside the disabled buttons."""
    off: Updates = {button: gr.update(interactive=False) for button in panel.buttons.values()}
    return {panel.stop: gr.update(visible=True), **off}


async def show_merged(page: Page, panel: ObjectPanel, inputs: Inputs) -> Updates:
    """Show the merged answer, complete or partial; if there is none, the previous one."""
    session, choice, style = inputs[page.session], inputs[panel.choice], page.style.read(inputs)
    if choice.partial is None:
        return restore_page(page, panel, inputs)
    (run, merged, action), choice.partial = choice.partial, None
    try:
        new = session.add_run(run.question, merged, run.before)
        new.recipe = Recipe(answer_view.recipe_of(run).prompts, THEN[action])
        if action is not Action.READ_CROP:  # the same objects: hidden ones stay hidden
            new.hidden, new.filtered = run.hidden, run.filtered
        await answer_view.draw(session, new, style)
    except FlorenceUIError as error:
        return {**restore_page(page, panel, inputs), panel.about: error_notice(error)}
    return {**restore_page(page, panel, inputs), **answer_view.answer_updates(page, session, style)}


def restore_page(page: Page, panel: ObjectPanel, inputs: Inputs) -> Updates:
    """The idle page with the answer that is shown."""
    session = inputs[page.session]
    stage = answer_view.stage_value(session, page.style.read(inputs))
    notices: Updates = {page.ask.input_notice: NoticeValue(), page.ask.picture_notice: NoticeValue()}
    at_end: Updates = {panel.stop: gr.update(visible=False), page.answer.stage: stage}
    return {**show_run(page), **notices, **selection_updates(page, panel, inputs), **at_end}
