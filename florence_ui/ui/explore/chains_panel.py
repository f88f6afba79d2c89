"""Chains: several tasks in a row, each step with its state, its time, and an answer to open."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import gradio as gr

from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import FlorenceUIError
from florence_ui.exports.snippet_steps import FollowUp
from florence_ui.inference.chains import CHAINS, Ask, Chain, ForEach, Step, StepReport, StepState, get_chain, run_chain
from florence_ui.inference.request import Analysis, Question
from florence_ui.ui.components import Notice, ThumbnailStrip
from florence_ui.ui.components.notice import Message, NoticeValue, Tone, error_notice
from florence_ui.ui.components.thumbnail_strip import Thumbnail, ThumbnailStripValue
from florence_ui.ui.explore import answer_view, result_view
from florence_ui.ui.explore.object_panel import THEN
from florence_ui.ui.explore.run_events import reopen_parts, reopen_run, show_run, show_stop
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates, read_question
from florence_ui.visitors.multi_call import max_concurrency, retry_when_rate_limited, with_status
from florence_ui.visitors.session import PageSession, Recipe, Run

FIRST = "caption-ground"
TONES: dict[StepState, Tone] = {StepState.RUNNING: "busy", StepState.DONE: "good", StepState.FAILED: "error"}


@dataclass(eq=False)
class ChainProgress:
    """One visitor's last chain.

    Attributes:
        chain: The chain.
        reports: The last report of every step that has started.
        runs: The answers of the finished steps.
    """

    chain: Chain = CHAINS[FIRST]
    reports: dict[int, StepReport] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)


@dataclass(frozen=True)
class ChainsPanel:
    """The panel."""

    going: gr.State
    chain: gr.Dropdown
    help: gr.Markdown
    run: gr.Button
    stop: gr.Button
    steps: Notice
    answers: ThumbnailStrip


def build_chains_panel(page: Page) -> None:
    """Lay out the panel and connect its events."""
    panel, ask = lay_out(), page.ask
    fields = {panel.going, panel.chain, *page.question_fields, *page.style.controls}
    mine = [panel.run, panel.stop, panel.steps, panel.answers]
    parts = [*mine, ask.run, ask.stop, ask.input_notice, ask.picture_notice, *page.answer_parts]

    def stopped(inputs: Inputs) -> Updates:
        return stop_chain(page, panel, inputs)

    async def open_step(inputs: Inputs, event: gr.EventData) -> Updates:
        return await open_step_answer(page, panel, inputs, getattr(event, "index", None))

    panel.chain.change(lambda name: get_chain(name).help, panel.chain, panel.help, **unqueued())
    wire_run({panel.run: stoppable_chain(page, panel)}, [panel.stop, ask.stop], stopped, fields, parts)
    panel.answers.select(open_step, fields, [*dict.fromkeys([panel.answers, *reopen_parts(page)])], **queued())


def lay_out() -> ChainsPanel:
    """Lay out the panel, closed at first."""
    with gr.Accordion("Chains: several tasks in a row", open=False, elem_id="chains-panel"):
        chain = gr.Dropdown(
            [(chain.title, name) for name, chain in CHAINS.items()], value=FIRST, label="Chain", show_label=False,
            elem_id="chain",
        )  # fmt: skip
        help_line = gr.Markdown(CHAINS[FIRST].help, elem_id="chain-help")
        with gr.Row(elem_id="chain-row", elem_classes="run-stop-row"):
            run = gr.Button("Run chain", variant="secondary", elem_id="chain-run")
            stop = gr.Button("Stop", variant="stop", visible=False, elem_id="chain-stop")
        steps = Notice(elem_id="chain-steps", label="Steps")
        strip = ThumbnailStrip(label="Open a step's answer", elem_id="chain-answers")
    return ChainsPanel(gr.State(ChainProgress()), chain, help_line, run, stop, steps, strip)


def stoppable_chain(page: Page, panel: ChainsPanel) -> StoppableRun:
    """The run that a click on Run the chain starts."""

    def running() -> Updates:
        return {**show_stop(page), **show_chain_stop(panel)}

    def failed(inputs: Inputs, error: FlorenceUIError) -> Updates:
        return {**stop_chain(page, panel, inputs), panel.steps: error_notice(error)}

    return StoppableRun(lambda inputs: stream_chain(page, panel, inputs), running, failed)


async def stream_chain(page: Page, panel: ChainsPanel, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Show every step as it starts, progresses and ends, and the answer of the last finished one."""
    session, going, style = inputs[page.session], inputs[panel.going], page.style.read(inputs)
    services, shown, stage = page.services, session.shown, page.answer.stage
    picture = await session.picture()
    question = replace(read_question(page, inputs), token="<CAPTION>")
    request = services.template(question, key=inputs[page.ask.key], nano_stands_in=True).about(picture)
    going.chain, going.reports, going.runs = get_chain(inputs[panel.chain]), {}, {}
    yield progress_updates(panel, going, session)
    calls = max_concurrency(services, request)

    def start(say: OnStatus) -> AsyncGenerator[StepReport]:
        return run_chain(going.chain, retry_when_rate_limited(services, say), request, max_concurrency=calls)

    async with aclosing(with_status(start)) as reports:
        async for report in reports:
            if isinstance(report, str):
                yield {stage: result_view.busy(shown, report)}
                continue
            going.reports[report.number] = report
            if report.state is StepState.DONE and report.analysis:
                await store_answer(page, inputs, going, report, report.analysis, shown)
                yield {**answer_view.answer_updates(page, session, style), **progress_updates(panel, going, session)}
            elif report.state is StepState.RUNNING:
                words = " ".join(filter(None, [step_title(going, report.number), report.detail]))
                yield {stage: result_view.busy(shown, words), **progress_updates(panel, going, session)}
    shown_last = answer_view.answer_updates(page, session, style) if going.runs else {}
    at_end = {**show_run(page), **show_chain_run(panel), **progress_updates(panel, going, session)}
    yield {**shown_last, **at_end, stage: current_stage(page, inputs)}


async def store_answer(
    page: Page, inputs: Inputs, going: ChainProgress, report: StepReport, analysis: Analysis, shown: Path
) -> None:
    """Remember a step's answer among the recent runs, and draw it."""
    session: PageSession = inputs[page.session]
    task, prompt = analysis.result.task, analysis.result.prompt
    question = replace(read_question(page, inputs), token=task.token, text="", region=None)
    if isinstance(going.chain.steps[report.number], Ask):
        question = replace(question, text=prompt.removeprefix(task.token))
    run = session.add_run(form_question(question, going, report), analysis, shown)
    run.recipe = recipe_of(going, report)
    going.runs[report.number] = run
    await answer_view.draw(session, run, page.style.read(inputs))


def form_question(question: Question, going: ChainProgress, report: StepReport) -> Question:
    """The question for the fields when a step's answer is opened; for a step about each object, the first step's."""
    if isinstance(going.chain.steps[report.number], ForEach):
        return replace(question, token=first_token(going.chain))
    return question


def first_token(chain: Chain) -> str:
    """The task of the first step that asks about the whole picture."""
    return next(step.token for step in chain.steps if isinstance(step, Ask))


def recipe_of(going: ChainProgress, report: StepReport) -> Recipe:
    """The recipe of a step's answer."""
    first = first_token(going.chain)
    match going.chain.steps[report.number]:
        case Ask(about_text=True):
            return Recipe((first,), FollowUp.GROUND)
        case ForEach(action):
            return Recipe((first,), THEN[action])
        case Ask():
            return Recipe((first,))
    return Recipe((first,), FollowUp.READING_ORDER)


def progress_updates(panel: ChainsPanel, going: ChainProgress, session: PageSession) -> Updates:
    """Every step's state in words, and a thumbnail of every answer."""
    lines = [step_message(number, step, going.reports.get(number)) for number, step in enumerate(going.chain.steps)]
    thumbnails = [step_thumbnail(going, number, run) for number, run in sorted(going.runs.items())]
    current = next((k for k, (_, run) in enumerate(sorted(going.runs.items())) if run is session.run), -1)
    return {
        panel.steps: NoticeValue(messages=lines),
        panel.answers: ThumbnailStripValue(thumbnails=thumbnails, current=current),
    }


def step_message(number: int, step: Step, report: StepReport | None) -> Message:
    """One step in words."""
    words = f"{number + 1}. {step.title}"
    if report is None:
        return Message(text=f"{words}: waits.")
    time = f" in {report.seconds:.1f} s" if report.state is StepState.DONE else ""
    said = report.detail or "asking the model."
    state = {StepState.DONE: f"done{time}", StepState.FAILED: "failed", StepState.RUNNING: "running"}[report.state]
    return Message(text=f"{words}: {state}, {said}", tone=TONES[report.state])


def step_thumbnail(going: ChainProgress, number: int, run: Run) -> Thumbnail:
    """One step's answer, to be opened."""
    seconds = going.reports[number].seconds
    return Thumbnail(title=step_title(going, number), note=f"{seconds:.1f} s", image=as_file_data(run.thumbnail))


def step_title(going: ChainProgress, number: int) -> str:
    """A step's number and title."""
    return f"{number + 1}. {going.chain.steps[number].title}"


async def open_step_answer(page: Page, panel: ChainsPanel, inputs: Inputs, index: object) -> Updates:
    """Show a step's answer as the current answer."""
    session, going = inputs[page.session], inputs[panel.going]
    runs = [run for _, run in sorted(going.runs.items())]
    if not isinstance(index, int) or not 0 <= index < len(runs) or runs[index] not in session.recent:
        return {}
    updates = await reopen_run(page, inputs, list(session.recent).index(runs[index]))
    return {**updates, panel.answers: progress_updates(panel, going, session)[panel.answers]}


def stop_chain(page: Page, panel: ChainsPanel, inputs: Inputs) -> Updates:
    """The idle page after Stop; finished steps stay."""
    session, going = inputs[page.session], inputs[panel.going]
    for number, report in list(going.reports.items()):
        if report.state is StepState.RUNNING:
            going.reports[number] = replace(report, state=StepState.FAILED, detail="stopped.")
    return {
        **show_run(page),
        **show_chain_run(panel),
        **(progress_updates(panel, going, session) if going.reports else {}),
        page.answer.stage: current_stage(page, inputs),
    }


def current_stage(page: Page, inputs: Inputs) -> object:
    """The stage with the answer that is shown."""
    return answer_view.stage_value(inputs[page.session], page.style.read(inputs))


def show_chain_stop(panel: ChainsPanel) -> Updates:
    """Show Stop instead of Run the chain."""
    return {panel.run: gr.update(visible=False), panel.stop: gr.update(visible=True)}


def show_chain_run(panel: ChainsPanel) -> Updates:
    """Show Run the chain instead of Stop."""
    return {panel.run: gr.update(visible=True), panel.stop: gr.update(visible=False)}
