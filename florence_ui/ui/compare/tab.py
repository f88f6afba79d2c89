"""Compare: one picture and task, sent at the same time to any two models on any two servers."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import gradio as gr
from gradio.blocks import Block

from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.errors import FlorenceUIError
from florence_ui.exports.tables import escape_cell
from florence_ui.images.loading import Picture
from florence_ui.inference.drawing import draw, save_jpeg
from florence_ui.inference.request import Analysis, Question, Request
from florence_ui.models import LARGE
from florence_ui.results import compare
from florence_ui.results.compare import LEFT, RIGHT
from florence_ui.tasks import get_task
from florence_ui.ui import labels
from florence_ui.ui.components import Notice, ResultViewer, TextDiff
from florence_ui.ui.components.notice import Message, NoticeValue, error_notice, text_notice
from florence_ui.ui.components.result_viewer import ResultViewerValue
from florence_ui.ui.components.text_diff import Piece, TextDiffValue
from florence_ui.ui.explore import answer_view, result_view
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import Page, unqueued
from florence_ui.ui.stoppable_run import StoppableRun, wire_run
from florence_ui.ui.updates import Inputs, Updates, read_question
from florence_ui.visitors.multi_call import ask_sides
from florence_ui.visitors.session import PageSession

NO_PICTURE = ResultViewerValue(state="empty", title="No picture yet", hint="Choose one under Explore.")


@dataclass(frozen=True)
class Side:
    """One column: the model and server, and their answer."""

    name: Literal["left", "right"]
    model: gr.Dropdown
    backend: gr.Radio
    stage: ResultViewer
    meta: Notice
    text: TextDiff

    @property
    def shown(self) -> list[Block]:
        """The components that change with the answer."""
        return [self.stage, self.meta, self.text]


@dataclass(frozen=True)
class ComparePanel:
    """The tab."""

    question: Notice
    sides: Mapping[str, Side]
    run: gr.Button
    stop: gr.Button
    notice: Notice
    outcome: gr.Column
    summary: Notice
    picture: ResultViewer
    table: gr.Dataframe

    @property
    def parts(self) -> list[Block]:
        """All components that change."""
        both = [part for side in self.sides.values() for part in side.shown]
        outcome = [self.outcome, self.summary, self.picture, self.table]
        return [self.question, self.run, self.stop, self.notice, *both, *outcome]


def build_compare_tab(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and connect its events."""
    panel = lay_out(page)
    choosers = {chooser for side in panel.sides.values() for chooser in (side.model, side.backend)}
    fields = {*page.question_fields, *page.style.controls, *choosers}

    def look(inputs: Inputs) -> Updates:
        return open_tab(page, panel, inputs)

    def stopped(inputs: Inputs) -> Updates:
        return {**show_run(panel), panel.notice: text_notice("Stopped."), **reset_sides(panel, inputs[page.session])}

    tab.select(look, fields, panel.parts, **unqueued())
    wire_run({panel.run.click: stoppable_comparison(page, panel).events}, [panel.stop], stopped, fields, panel.parts)


def lay_out(page: Page) -> ComparePanel:
    """Lay out two columns, and below them what they have in common."""
    settings = page.services.settings
    with gr.Column(elem_id="compare"):
        with gr.Row(elem_id="compare-head", elem_classes="run-stop-row"):
            question = Notice(elem_id="compare-question", label="What is compared")
            run = gr.Button(
                "Compare", variant="primary", elem_id="compare-run", elem_classes="runs-tab", interactive=False
            )
            stop = gr.Button("Stop", variant="stop", elem_id="compare-stop", visible=False)
        notice = Notice(elem_id="compare-notice", label="Comparison status")
        with gr.Row(elem_id="compare-sides"):
            sides = {
                LEFT: lay_out_side(page, LEFT, settings.model or labels.AUTOMATIC),
                RIGHT: lay_out_side(page, RIGHT, LARGE),
            }
        with gr.Column(visible=False, elem_id="compare-outcome") as outcome:
            summary = Notice(elem_id="compare-summary", label="What both found")
            with gr.Row(elem_id="compare-both"):
                picture = ResultViewer(elem_id="compare-picture", label="Who found what")
                table = gr.Dataframe(
                    headers=compare.comparison_columns(), type="array", interactive=False, wrap=True,
                    label="Who found what", show_label=False, elem_id="compare-table", buttons=["copy"],
                    column_widths=["96px", "120px", "84px", "150px", "150px"],
                )  # fmt: skip
    return ComparePanel(question, sides, run, stop, notice, outcome, summary, picture, table)


def lay_out_side(page: Page, name: Literal["left", "right"], model: str) -> Side:
    """Lay out one column."""
    backends = [(backend.title, key) for key, backend in page.services.pipeline.backends.items()]
    with gr.Column(elem_id=f"compare-{name}", elem_classes="compare-side", min_width=280):
        model_field = gr.Dropdown(
            list(labels.MODELS), value=model, label=f"{name.capitalize()} model", allow_custom_value=True,
            elem_id=f"compare-{name}-model",
        )  # fmt: skip
        backend = gr.Radio(
            backends, value=page.services.settings.default_backend, label=f"{name.capitalize()} server",
            elem_id=f"compare-{name}-backend", visible=len(backends) > 1,
        )  # fmt: skip
        stage = ResultViewer(NO_PICTURE, elem_id=f"compare-{name}-stage", label=f"{name.capitalize()} result")
        meta = Notice(elem_id=f"compare-{name}-meta", label=f"About the {name} answer")
        text = TextDiff(elem_id=f"compare-{name}-text", label=f"{name.capitalize()} text")
    return Side(name, model_field, backend, stage, meta, text)


def open_tab(page: Page, panel: ComparePanel, inputs: Inputs) -> Updates:
    """The tab as it opens: with the picture and the question of the Explore tab."""
    session, question = inputs[page.session], read_question(page, inputs)
    ready = session.source is not None
    if not ready:
        words = text_notice("Choose a picture under Explore first.")
    else:
        words = text_notice(f"{describe_question(question)}, on the picture under Explore.")
    return {
        panel.question: words,
        panel.run: gr.update(interactive=ready),
        **reset_if_changed(panel, session, question),
    }


def describe_question(question: Question) -> str:
    """A question in a few words."""
    words = question.text or ", ".join(question.classes)
    return get_task(question.token).title + (f": {words}" if words else "")


def reset_if_changed(panel: ComparePanel, session: PageSession, question: Question) -> Updates:
    """Empty columns with the picture, unless they already show the answer to this question."""
    return {} if session.compared == (session.shown, describe_question(question)) else reset_sides(panel, session)


def reset_sides(panel: ComparePanel, session: PageSession) -> Updates:
    """Both columns before there is an answer."""
    session.compared = None
    picture = (
        ResultViewerValue(state="done", image=as_file_data(session.shown), alt="The picture")
        if session.shown
        else NO_PICTURE
    )
    updates: Updates = {panel.outcome: gr.update(visible=False)}
    for side in panel.sides.values():
        updates |= {side.stage: picture, side.meta: NoticeValue(), side.text: TextDiffValue()}
    return updates


def stoppable_comparison(page: Page, panel: ComparePanel) -> StoppableRun:
    """The run that a click on Compare starts."""

    def failed(_: Inputs, error: FlorenceUIError) -> Updates:
        return {**show_run(panel), panel.notice: error_notice(error)}

    return StoppableRun(lambda inputs: stream_comparison(page, panel, inputs), lambda: show_stop(panel), failed)


async def stream_comparison(page: Page, panel: ComparePanel, inputs: Inputs) -> AsyncGenerator[Updates]:
    """Show both sides as they answer, then what they have in common."""
    session, shown, question = inputs[page.session], inputs[page.session].shown, read_question(page, inputs)
    answers: dict[str, Analysis] = {}
    so_far = reset_sides(panel, session)  # always sent in full: a browser may skip some of several quick updates
    so_far |= {side.stage: result_view.busy(shown, "Asking the model") for side in panel.sides.values()}
    yield so_far
    requests, refused = build_requests(page, panel, inputs, await session.picture(), question)
    for name, error in refused.items():
        so_far |= show_status(panel.sides[name], shown, error)
    async with aclosing(ask_sides(page.services, requests)) as heard:
        async for name, said in heard:
            if isinstance(said, Analysis):
                answers[name] = said
                so_far |= await show_answer(page, panel.sides[name], inputs, said)
            else:
                so_far |= show_status(panel.sides[name], shown, said)
            yield so_far
    session.compared = shown, describe_question(question)
    yield {**so_far, **show_run(panel), **await compare_answers(panel, answers)}


def build_requests(
    page: Page, panel: ComparePanel, inputs: Inputs, picture: Picture, question: Question
) -> tuple[dict[str, Request], dict[str, FlorenceUIError]]:
    """The request to each side, with an error in place of one that cannot be sent."""
    requests, refused = {}, {}
    for name, side in panel.sides.items():
        own = replace(question, model_id=labels.model_id_of(inputs[side.model]), backend=inputs[side.backend])
        try:
            template = page.services.template(own, key=inputs[page.header.key], nano_stands_in=True)
            requests[name] = template.about(picture)
        except FlorenceUIError as error:
            refused[name] = error
    return requests, refused


def show_status(side: Side, shown: Path | None, word: str | FlorenceUIError) -> Updates:
    """A side that waits, or that failed."""
    if isinstance(word, FlorenceUIError):
        return {side.stage: result_view.failed(shown, word)}
    return {side.stage: result_view.busy(shown, word)}


async def show_answer(page: Page, side: Side, inputs: Inputs, analysis: Analysis) -> Updates:
    """A side with its answer; differences in the text are marked once both have answered."""
    style = page.style.read(inputs)
    path = await draw(analysis, style)
    stage = result_view.answered(analysis.result, path, (), style.palette).model_copy(update={"phrases": []})
    text = compare.full_text(analysis.result)
    lines = [
        Message(text=answer_view.source_text(page, analysis)),
        *answer_view.warning_messages(analysis, analysis.picture.path),
    ]
    return {
        side.stage: stage,
        side.meta: NoticeValue(messages=lines),
        side.text: TextDiffValue(pieces=[Piece(text=text)] if text else []),
    }


async def compare_answers(panel: ComparePanel, answers: Mapping[str, Analysis]) -> Updates:
    """The objects that both or only one found, and the differences between their texts."""
    if len(answers) < len(panel.sides):
        return {
            panel.notice: text_notice("Only one side answered, so there is nothing to compare.")
            if answers
            else text_notice()
        }
    left, right = (answers[name].result for name in (LEFT, RIGHT))
    pieces = compare.diff_texts(compare.full_text(left), compare.full_text(right))
    updates: Updates = {
        side.text: TextDiffValue(pieces=[Piece(text=text, mark=side.name if mark else "") for text, mark in own])
        for side, own in zip(panel.sides.values(), pieces, strict=True)
    }
    if len(left.detections) or len(right.detections):
        updates |= await compare_objects(panel, answers)
    return updates


async def compare_objects(panel: ComparePanel, answers: Mapping[str, Analysis]) -> Updates:
    """The table, and a picture of who found what."""
    left, right = (answers[name].result for name in (LEFT, RIGHT))
    comparison = compare.compare(left, right)
    words = compare.summarize(comparison)

    def picture() -> Path:
        return save_jpeg(compare.draw_comparison(answers[LEFT].picture.display, left, right), stem="comparison")

    path = await draw_pool.run(picture)
    rows = compare.comparison_table(left, right, comparison)
    return {
        panel.outcome: gr.update(visible=True),
        panel.summary: text_notice(words),
        panel.picture: ResultViewerValue(state="done", image=as_file_data(path), alt=words),
        panel.table: gr.update(value=[[who, escape_cell(label), *rest] for who, label, *rest in rows]),
    }


def show_stop(panel: ComparePanel) -> Updates:
    """Show Stop instead of Compare."""
    return {panel.run: gr.update(visible=False), panel.stop: gr.update(visible=True), panel.notice: NoticeValue()}


def show_run(panel: ComparePanel) -> Updates:
    """Show Compare instead of Stop."""
    return {panel.run: gr.update(visible=True), panel.stop: gr.update(visible=False)}
