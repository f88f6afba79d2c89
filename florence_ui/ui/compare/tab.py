"""Compare: one picture, two answers side by side or on top of each other, and what they come to."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

import gradio as gr
from gradio.blocks import Block

from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.exports.tables import escape_cell
from florence_ui.images.loading import Picture
from florence_ui.inference.request import Analysis, Question, Request, StoredAnalysis
from florence_ui.results.compare import LEFT, comparison_columns
from florence_ui.tasks import get_task
from florence_ui.ui.compare import views
from florence_ui.ui.compare.downloads import ComparisonFile, record_of, rows_of, write_comparison
from florence_ui.ui.compare.found_by_view import found_by_value
from florence_ui.ui.compare.pair import default_pair, side_names
from florence_ui.ui.compare.panel import ComparePanel, lay_out
from florence_ui.ui.compare.state import SIDES, Answers, CompareState, Outcome, Subject
from florence_ui.ui.components import Stage
from florence_ui.ui.components.drawer_bar import DrawerValue
from florence_ui.ui.components.drawing import DrawingValue
from florence_ui.ui.components.found_by import FoundByValue
from florence_ui.ui.components.notice import NoticeValue, error_notice, text_notice
from florence_ui.ui.components.side_button import SideValue
from florence_ui.ui.components.verdict_bar import Layout, VerdictValue
from florence_ui.ui.explore.style_events import HAND_OVER
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates, merge_updates, read_question, read_view, tab_state
from florence_ui.visitors.multi_call import ask_sides

ENTER = "() => window.florencePage.enter('compare')"
NO_ANSWERS = "Compare asks both sides at once. Their results appear here."


def build_compare_tab(page: Page, tab: gr.Tab) -> None:
    """Lay out the mode and connect its events."""
    panel = lay_out(page)
    fields = {*page.question_fields, *page.style.controls, *panel.choosers}
    parts = [*panel.shown, *panel.choosers, *panel.buttons]

    async def enter(inputs: Inputs) -> Updates:
        return await open_mode(page, panel, inputs)

    def choose(inputs: Inputs) -> Updates:
        tab_state(page, inputs, CompareState).choice = panel.read(inputs)
        return show_choice(page, panel, inputs)

    def look(inputs: Inputs) -> Updates:
        return show_choice(page, panel, inputs)

    async def lay_out_anew(inputs: Inputs, event: gr.EventData) -> Updates:
        tab_state(page, inputs, CompareState).layout = Layout(str(getattr(event, "name", Layout.ONE)))
        return await show(page, panel, inputs)

    def stopped(inputs: Inputs) -> Updates:
        return {**show_run(panel), **reset(page, panel, inputs), panel.notice: text_notice("Stopped.")}

    tab.select(None, js=ENTER)
    tab.select(enter, fields, parts, **queued())
    for side in panel.sides.values():
        for changed in (side.model.input, side.backend.input, side.task.input):
            changed(choose, fields, parts, **unqueued())
    for changed in (panel.verdict.picture, page.dock.task.input):
        changed(look, fields, parts, **unqueued())
    panel.verdict.layout(lay_out_anew, fields, panel.shown, **queued(trigger_mode="always_last"))
    for index, stage in enumerate(panel.stages):
        wire_view(page, panel, stage, index, fields)
    run = stoppable_comparison(page, panel)
    wire_run({panel.run.click: run.events}, [panel.stop], stopped, fields, [*panel.shown, panel.run, panel.stop])
    for kind, button in panel.downloads.items():
        wire_download(page, panel, kind, button)


def wire_view(page: Page, panel: ComparePanel, stage: Stage, index: int, fields: set[Block]) -> None:
    """Draw anew for what a stage shows now."""

    async def see(inputs: Inputs, event: gr.EventData) -> Updates:
        tab_state(page, inputs, CompareState).views[index] = read_view(event)
        return await show_drawings(page, panel, inputs)

    stage.view(see, fields, [*panel.drawings, panel.notice], **queued(trigger_mode="always_last"))


def read_questions(page: Page, panel: ComparePanel, inputs: Inputs) -> tuple[Question, Question]:
    """The question to each side, unchecked."""
    asked = read_question(page, inputs)
    left, right = panel.read(inputs)
    return left.question(asked), right.question(asked)


def names_of(page: Page, questions: tuple[Question, Question]) -> tuple[str, str]:
    """What to call the two sides."""
    titles = {name: backend.title for name, backend in page.services.pipeline.backends.items()}
    return side_names(*questions, titles)


async def open_mode(page: Page, panel: ComparePanel, inputs: Inputs) -> Updates:
    """The mode as it opens: with the picture and the question that are on the page, and a pair that can answer."""
    state = tab_state(page, inputs, CompareState)
    if state.choice is not None:
        return await show_again(page, panel, inputs) if state.reopened else show_choice(page, panel, inputs)
    settings, question = page.services.settings, read_question(page, inputs)
    status = await page.services.pipeline.status(question.backend)
    pair = default_pair(question.token, question.backend, status, settings.model or "")
    filled = panel.filled(pair)
    return merge_updates(filled, show_choice(page, panel, {**inputs, **filled}))


async def show_again(page: Page, panel: ComparePanel, inputs: Inputs) -> Updates:
    """The comparison as it was before the page was loaded again."""
    state = tab_state(page, inputs, CompareState)
    state.reopened = False
    filled = panel.filled(state.choice) if state.choice else {}
    inputs = {**inputs, **filled}
    return merge_updates(filled, show_choice(page, panel, inputs), await show(page, panel, inputs))


def show_choice(page: Page, panel: ComparePanel, inputs: Inputs) -> Updates:
    """The chosen sides; answers to other questions, or about another picture, are taken off the stages."""
    state = tab_state(page, inputs, CompareState)
    questions = read_questions(page, panel, inputs)
    names, pipeline = names_of(page, questions), page.services.pipeline
    updates: Updates = {}
    for name, fields, question in zip(names, panel.sides.values(), questions, strict=True):
        backend = pipeline.backend(question.backend)
        updates |= {
            fields.button: SideValue(name=name),
            fields.key: gr.update(visible=backend.needs_key and page.services.settings.api_key is None),
        }
    subject = Subject.of(inputs[page.session], questions)
    if state.answers and subject == state.answers.subject:
        return updates
    return updates | reset(page, panel, inputs)


def reset(page: Page, panel: ComparePanel, inputs: Inputs) -> Updates:
    """The mode before a comparison."""
    state = tab_state(page, inputs, CompareState)
    state.answers = None
    questions = read_questions(page, panel, inputs)
    subject, names = Subject.of(inputs[page.session], questions), names_of(page, questions)
    stages = views.waiting_stages(subject, state.layout)
    none = DrawingValue(group=views.GROUP)
    return {
        panel.verdict: VerdictValue(
            headline=f"{names[0]} and {names[1]}", details=describe(questions), layout=state.layout
        ),
        **dict(zip(panel.stages, stages, strict=True)),
        **dict.fromkeys(panel.drawings, none),
        panel.found_by: FoundByValue(hint=NO_ANSWERS, names=list(names)),
        panel.table: gr.update(headers=comparison_columns(names), value=[]),
        panel.record: None,
        panel.drawers: DrawerValue(),
        panel.notice: NoticeValue(),
    }


def describe(questions: tuple[Question, Question]) -> str:
    """The questions in a few words."""
    titles = dict.fromkeys(get_task(question.token).title for question in questions)
    words = questions[0].text or ", ".join(questions[0].classes)
    return " and ".join(titles) + (f", “{words}”" if words else "")


def stoppable_comparison(page: Page, panel: ComparePanel) -> StoppableRun:
    """The run that a click on Compare starts."""

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        return {**show_run(panel), **reset(page, panel, inputs), panel.notice: error_notice(error)}

    return StoppableRun(lambda inputs: stream_comparison(page, panel, inputs), lambda: show_stop(panel), failed)


async def stream_comparison(page: Page, panel: ComparePanel, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Ask both sides at the same time, and show what they come to."""
    state = tab_state(page, inputs, CompareState)
    state.choice, questions = panel.read(inputs), read_questions(page, panel, inputs)
    subject, names = Subject.of(inputs[page.session], questions), names_of(page, questions)
    if subject is None:
        raise InputError("There is no picture yet.", "Open one from the strip.", field="image")
    sides: dict[str, Outcome] = {}
    words = dict.fromkeys(SIDES, "asking the model")
    yield busy(panel, state, subject, words, names)
    requests, picture = dict[str, Request](), await subject.picture()
    for side, question in zip(SIDES, questions, strict=True):
        try:
            requests[side] = request_of(page, panel, inputs, side, question, picture)
        except FlorenceUIError as error:
            sides[side] = error
            words.pop(side)
    if not requests and isinstance(refused := sides[LEFT], FlorenceUIError):
        raise refused
    async with aclosing(ask_sides(page.services, requests)) as heard:
        async for side, said in heard:
            if isinstance(said, str):
                words[side] = said
            else:
                sides[side] = said.stored() if isinstance(said, Analysis) else said
                words.pop(side)
            if len(sides) < len(SIDES):
                yield busy(panel, state, subject, words, names)
    answered = questions_answered(questions, sides)
    state.answers = Answers(subject, {side: sides[side] for side in SIDES}, names_of(page, answered))
    page.services.visits.touch(inputs[page.session].visit)
    yield {**show_run(panel), **await show(page, panel, inputs), panel.notice: NoticeValue()}


def questions_answered(questions: tuple[Question, Question], sides: Mapping[str, Outcome]) -> tuple[Question, Question]:
    """The questions with the models that answered, where the choice was left to the pipeline."""
    left, right = (
        replace(question, model_id=side.model_id) if isinstance(side := sides[name], StoredAnalysis) else question
        for name, question in zip(SIDES, questions, strict=True)
    )
    return left, right


def request_of(
    page: Page, panel: ComparePanel, inputs: Inputs, side: str, question: Question, picture: Picture
) -> Request:
    """The request to one side, with its own key, or the one of the header.

    Raises:
        InputError: If something is missing or cannot be used.
    """
    key = inputs[panel.sides[side].key] or inputs[page.header.key]
    return page.services.template(question, key=key or "", nano_stands_in=True).about(picture)


def busy(
    panel: ComparePanel, state: CompareState, subject: Subject, words: Mapping[str, str], names: tuple[str, str]
) -> Updates:
    """The mode during a comparison."""
    stages = views.busy_stages(subject, state.layout, words, names)
    return {
        panel.verdict: VerdictValue(headline=f"Asking {names[0]} and {names[1]}", layout=state.layout),
        **dict(zip(panel.stages, stages, strict=True)),
        panel.found_by: FoundByValue(state="busy", names=list(names)),
    }


async def show(page: Page, panel: ComparePanel, inputs: Inputs) -> Updates:
    """The answers in the chosen layout; without answers, the picture."""
    state = tab_state(page, inputs, CompareState)
    answers = state.answers
    if answers is None:
        return reset(page, panel, inputs)
    stages = views.answered_stages(answers, state.layout, page.style.read(inputs).palette)
    colored = state.layout is Layout.ONE
    return {
        panel.verdict: views.verdict_value(answers, state.layout),
        **dict(zip(panel.stages, stages, strict=True)),
        panel.found_by: found_by_value(answers, colored=colored),
        panel.table: gr.update(
            headers=comparison_columns(answers.names),
            value=[[escape_cell(cell) for cell in row] for row in rows_of(answers)],
        ),
        panel.record: record_of(answers),
        panel.drawers: DrawerValue(answered=answers.both is not None),
        **await show_drawings(page, panel, inputs),
    }


async def show_drawings(page: Page, panel: ComparePanel, inputs: Inputs) -> Updates:
    """What supervision draws of the answers, for the stages as they are seen now."""
    state = tab_state(page, inputs, CompareState)
    if state.answers is None:
        return {}
    try:
        picture = await state.answers.subject.picture()
        drawn = await views.drawings(state, picture, page.style.read(inputs))
    except FlorenceUIError as error:
        return {panel.notice: error_notice(error)}
    return dict(zip(panel.drawings, drawn, strict=True))


def wire_download(page: Page, panel: ComparePanel, kind: ComparisonFile, button: gr.Button) -> None:
    """Connect one download."""

    async def make(inputs: Inputs) -> Updates:
        handover = page.download.handover
        try:
            path = await write_comparison(kind, tab_state(page, inputs, CompareState).answers)
        except FlorenceUIError as error:
            return {handover: None, panel.notice: error_notice(error)}
        return {handover: str(path), panel.notice: NoticeValue()}

    made = button.click(make, {page.session}, [page.download.handover, panel.notice], **queued())
    made.success(None, js=HAND_OVER)


def show_stop(panel: ComparePanel) -> Updates:
    """Show Stop instead of Compare."""
    return {panel.run: gr.update(visible=False), panel.stop: gr.update(visible=True), panel.notice: NoticeValue()}


def show_run(panel: ComparePanel) -> Updates:
    """Show Compare instead of Stop."""
    return {panel.run: gr.update(visible=True), panel.stop: gr.update(visible=False)}
