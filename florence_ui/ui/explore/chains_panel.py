"""Chains: several questions in a row, each step with its state, its time, and its answer to open."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import gradio as gr

from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.exports.snippet_steps import Then
from florence_ui.identity import Visitor
from florence_ui.inference.chains import CHAINS, Ask, Chain, ForEach, Step, StepReport, StepState, get_chain, run_chain
from florence_ui.inference.pipeline import Request
from florence_ui.tasks import get_task
from florence_ui.ui.components import Notice, Shelf
from florence_ui.ui.components.notice import Line, NoticeValue, say_error
from florence_ui.ui.components.thumbnail_strip import ShelfValue, Tile
from florence_ui.ui.explore import answer_view, stage_view
from florence_ui.ui.explore.object_panel import THEN
from florence_ui.ui.explore.run_events import UNEXPECTED, at_rest, at_work, back_parts, shown_again
from florence_ui.ui.file_data import handed_out
from florence_ui.ui.layout import Page, patient, quiet
from florence_ui.ui.updates import Given, Updates, question_in
from florence_ui.visitors.multi_call import max_concurrency, retry_when_rate_limited, with_status
from florence_ui.visitors.service import parse_key, visitor_of
from florence_ui.visitors.session import PageSession, Question, Recipe, Run

log = logging.getLogger(__name__)

FIRST = "caption-ground"
TONES = {StepState.RUNNING: "busy", StepState.DONE: "good", StepState.FAILED: "error"}


@dataclass(eq=False)
class Going:
    """One visitor's last chain.

    Attributes:
        chain: Which one.
        reports: The last news of every step that has begun.
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
    shelf: Shelf


def build_chains_panel(page: Page) -> None:
    """Lays the panel out and connects it."""
    panel, ask = lay_out(), page.ask
    fields = {panel.going, panel.chain, *page.question_fields, *page.style.controls}
    mine = [panel.run, panel.stop, panel.steps, panel.shelf]
    parts = [*mine, ask.run, ask.stop, ask.input_notice, ask.picture_notice, *page.answer_parts]

    async def run(given: Given, request: gr.Request) -> AsyncIterator[Updates]:
        async for updates in go_through(page, panel, given, visitor_of(request, page.services.settings)):
            yield updates

    def stopped(given: Given) -> Updates:
        return stopped_at(page, panel, given)

    async def open_step(given: Given, event: gr.EventData) -> Updates:
        return await opened(page, panel, given, event._data.get("index"))

    panel.chain.change(lambda name: get_chain(name).help, panel.chain, panel.help, **quiet())
    running = panel.run.click(run, fields, parts, **patient())
    for stop in (panel.stop, ask.stop):
        stop.click(stopped, fields, parts, cancels=[running], **quiet())
    panel.shelf.select(open_step, fields, [*dict.fromkeys([panel.shelf, *back_parts(page)])], **patient())


def lay_out() -> ChainsPanel:
    """Folded until somebody wants it."""
    with gr.Accordion("Chains: several questions in a row", open=False, elem_id="chains-panel"):
        chain = gr.Dropdown(
            [(chain.title, name) for name, chain in CHAINS.items()], value=FIRST, label="Chain", show_label=False,
            elem_id="chain",
        )  # fmt: skip
        help_line = gr.Markdown(CHAINS[FIRST].help, elem_id="chain-help")
        with gr.Row(elem_id="chain-row"):
            run = gr.Button("Run the chain", variant="secondary", elem_id="chain-run")
            stop = gr.Button("Stop", variant="stop", visible=False, elem_id="chain-stop")
        steps = Notice(elem_id="chain-steps", label="Steps")
        shelf = Shelf(label="Open a step's answer", elem_id="chain-shelf")
    return ChainsPanel(gr.State(Going()), chain, help_line, run, stop, steps, shelf)


async def go_through(page: Page, panel: ChainsPanel, given: Given, visitor: Visitor) -> AsyncIterator[Updates]:
    """Every step as it starts, goes on and ends; the answer of the last finished one is shown."""
    session, going, style = given[page.session], given[panel.going], page.style.read(given)
    shown = session.shown
    try:
        await session.make_ready()
        template = await asyncio.to_thread(template_of, page, given)
        going.chain, going.reports, going.runs = get_chain(given[panel.chain]), {}, {}
        at_work_now = {**at_work(page), **working(panel)}  # sent each time: of quick updates a browser may skip some
        yield {**at_work_now, **news(panel, going, session)}
        services, calls = page.services, max_concurrency(page.services, template)
        reports = with_status(
            lambda say: run_chain(
                going.chain, retry_when_rate_limited(services, visitor, say), template, max_concurrency=calls
            )
        )
        async with contextlib.aclosing(reports):
            async for report in reports:
                if isinstance(report, str):
                    yield {**at_work_now, page.answer.stage: stage_view.busy(shown, report)}
                    continue
                going.reports[report.number] = report
                if report.state is StepState.DONE:
                    await keep(page, given, going, report, template, shown)
                    yield {**at_work_now, **answer_view.everything(page, session, style), **news(panel, going, session)}
                elif report.state is StepState.RUNNING:
                    busy = stage_view.busy(
                        shown, " ".join(filter(None, [title_of(going, report.number), report.detail]))
                    )
                    yield {**at_work_now, page.answer.stage: busy, **news(panel, going, session)}
        shown_last = answer_view.everything(page, session, style) if going.runs else {}
        at_end = {**at_rest(page), **rested(panel), **news(panel, going, session)}
        yield {**shown_last, **at_end, page.answer.stage: stage_now(page, given)}
    except FlorenceUIError as error:
        yield {**stopped_at(page, panel, given), panel.steps: say_error(error)}
    except Exception:
        log.exception("A chain failed.")
        yield {**stopped_at(page, panel, given), panel.steps: say_error(UNEXPECTED)}


def template_of(page: Page, given: Given) -> Request:
    """The picture, model and server that every step uses; blocks where the picture has to be decoded again.

    Raises:
        InputError: If there is no picture, its file has aged out, or the key cannot be one.
    """
    session, question = given[page.session], question_in(page, given)
    picture = session.picture
    if picture is None:
        raise InputError("There is no picture yet.", "Add one, or choose an example.", field="image")
    return Request(
        picture,
        get_task("<CAPTION>"),
        model_id=question.model_id,
        backend=page.services.backend(question.backend).name,
        api_key=parse_key(given[page.ask.key]),
        example=session.from_examples,
        nano_stands_in=True,
    )


async def keep(page: Page, given: Given, going: Going, report: StepReport, template: Request, shown: object) -> None:
    """Remembers a step's answer among the recent runs and draws it."""
    session: PageSession = given[page.session]
    task = report.analysis.result.task
    question = replace(question_in(page, given), token=task.token, text="", region=None)
    if isinstance(going.chain.steps[report.number], Ask) and report.analysis.result.prompt != task.token:
        question = replace(question, text=report.analysis.result.prompt.removeprefix(task.token))
    run = session.answered(usable(question, going, report), report.analysis, shown)
    run.recipe = recipe_of(going, report)
    going.runs[report.number] = run
    await answer_view.draw(session, run, page.style.read(given))


def usable(question: Question, going: Going, report: StepReport) -> Question:
    """What stands in the fields when a step's answer is opened; for a step about each object, its first step."""
    if isinstance(going.chain.steps[report.number], ForEach):
        return replace(question, token=going.chain.steps[0].token)
    return question


def recipe_of(going: Going, report: StepReport) -> Recipe:
    """How a step's answer came about."""
    first = going.chain.steps[0].token
    match going.chain.steps[report.number]:
        case Ask(about_text=True):
            return Recipe((first,), Then.GROUND)
        case ForEach(action):
            return Recipe((first,), THEN[action])
        case Ask():
            return Recipe((first,))
    return Recipe((first,), Then.READING_ORDER)


def news(panel: ChainsPanel, going: Going, session: PageSession) -> Updates:
    """Every step's state in words, and a tile for every answer."""
    lines = [line(number, step, going.reports.get(number)) for number, step in enumerate(going.chain.steps)]
    tiles = [tile(going, number, run) for number, run in sorted(going.runs.items())]
    current = next((k for k, (_, run) in enumerate(sorted(going.runs.items())) if run is session.run), -1)
    return {panel.steps: NoticeValue(lines=lines), panel.shelf: ShelfValue(tiles=tiles, current=current)}


def line(number: int, step: Step, report: StepReport | None) -> Line:
    """One step in words."""
    words = f"{number + 1}. {step.title}"
    if report is None:
        return Line(text=f"{words}: waits.")
    time = f" in {report.seconds:.1f} s" if report.state is StepState.DONE else ""
    said = report.detail or "asking the model."
    state = {StepState.DONE: f"done{time}", StepState.FAILED: "failed", StepState.RUNNING: "running"}[report.state]
    return Line(text=f"{words}: {state}, {said}", tone=TONES[report.state])


def tile(going: Going, number: int, run: Run) -> Tile:
    """One step's answer, to be opened."""
    seconds = going.reports[number].seconds
    return Tile(title=title_of(going, number), note=f"{seconds:.1f} s", image=handed_out(run.tile))


def title_of(going: Going, number: int) -> str:
    """A step's number and title."""
    return f"{number + 1}. {going.chain.steps[number].title}"


async def opened(page: Page, panel: ChainsPanel, given: Given, index: object) -> Updates:
    """A step's answer as the answer that is shown."""
    session, going = given[page.session], given[panel.going]
    runs = [run for _, run in sorted(going.runs.items())]
    if not isinstance(index, int) or not 0 <= index < len(runs) or runs[index] not in session.recent:
        return {}
    updates = await shown_again(page, given, list(session.recent).index(runs[index]))
    return {**updates, panel.shelf: news(panel, going, session)[panel.shelf]}


def stopped_at(page: Page, panel: ChainsPanel, given: Given) -> Updates:
    """The page at rest after Stop: the steps that were finished stay."""
    session, going = given[page.session], given[panel.going]
    for number, report in list(going.reports.items()):
        if report.state is StepState.RUNNING:
            going.reports[number] = replace(report, state=StepState.FAILED, detail="stopped.")
    return {
        **at_rest(page),
        **rested(panel),
        **(news(panel, going, session) if going.reports else {}),
        page.answer.stage: stage_now(page, given),
    }


def stage_now(page: Page, given: Given) -> object:
    """The stage with the answer that is shown."""
    return answer_view.stage(given[page.session], page.style.read(given))


def working(panel: ChainsPanel) -> Updates:
    """Stop in the place of Run the chain."""
    return {panel.run: gr.update(visible=False), panel.stop: gr.update(visible=True)}


def rested(panel: ChainsPanel) -> Updates:
    """Run the chain in the place of Stop."""
    return {panel.run: gr.update(visible=True), panel.stop: gr.update(visible=False)}
