"""What is done on the stage: looking, selecting, drawing a region, and asking about one place."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeGuard

import gradio as gr

from florence_ui.concurrency.fair_pool import decode_pool
from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import FlorenceUIError, InputError, PromptError
from florence_ui.exports import cut_outs
from florence_ui.images.loading import Picture
from florence_ui.inference.per_place import Tool, ask_about_place, outline_object
from florence_ui.inference.request import Analysis, Question
from florence_ui.prompts import Region, check_region
from florence_ui.ui.components.notice import error_notice
from florence_ui.ui.components.region_field import RegionValue
from florence_ui.ui.explore import answer_view
from florence_ui.ui.layout import Page, queued, unqueued
from florence_ui.ui.updates import Inputs, Updates, read_question, read_view, region_value, show_run
from florence_ui.visitors.multi_call import retry_when_rate_limited, with_status
from florence_ui.visitors.runs import Note, Place, Run
from florence_ui.visitors.session import PageSession

CUT = "cut"
MAX_NOTES = 50
"""Maximum number of notes on a picture; the oldest go first."""


def wire(page: Page) -> None:
    """Connect the events of the stage and the list that do not ask the model."""
    stage, side = page.stage, page.side
    fields = page.answer_fields
    shown = [
        stage,
        page.drawing,
        page.picture_notice,
        side.answer_list,
        side.python,
        side.then,
        *side.next_steps.values(),
    ]

    async def look(inputs: Inputs, event: gr.EventData) -> Updates:
        session = inputs[page.session]
        session.view = read_view(event)
        return await redraw(page, inputs)

    def select(session: PageSession, event: gr.EventData) -> RegionValue:
        row = getattr(event, "index", -1)
        session.selected = row if is_row(row) else -1
        return region_value(session)

    def draw_region(session: PageSession, event: gr.EventData) -> RegionValue:
        session.region = read_region(getattr(event, "box", None))
        return region_value(session)

    def dismiss(session: PageSession, event: gr.EventData) -> None:
        session.notes.pop(read_place(event), None)

    async def toggle(inputs: Inputs, event: gr.EventData) -> Updates:
        return await show_only(page, inputs, getattr(event, "hidden", None))

    stage.view(look, fields, [page.drawing, page.picture_notice], **queued(trigger_mode="always_last"))
    stage.select(select, page.session, page.dock.region, **unqueued())
    stage.region(draw_region, page.session, page.dock.region, **unqueued())
    stage.dismiss(dismiss, page.session, None, **unqueued())
    for listener in (stage.toggle, side.answer_list.toggle):
        listener(toggle, fields, shown, **queued(trigger_mode="always_last"))


async def redraw(page: Page, inputs: Inputs) -> Updates:
    """Draw the answer anew, for another view or in another style."""
    session: PageSession = inputs[page.session]
    try:
        drawing = await answer_view.draw(session, page.style.read(inputs))
    except FlorenceUIError as error:
        return {page.picture_notice: error_notice(error)}
    return {} if drawing is None else {page.drawing: drawing}


async def show_only(page: Page, inputs: Inputs, hidden: object) -> Updates:
    """Hide these objects, and show all others."""
    session: PageSession = inputs[page.session]
    if session.run is None or not isinstance(hidden, list):
        return {}
    known = range(len(session.run.analysis.result.detections))
    session.run.hidden = frozenset(k for k in hidden if is_row(k) and k in known)
    style = page.style.read(inputs)
    return {
        **await redraw(page, inputs),
        **answer_view.standing(page, session, read_question(page, inputs)),
        **answer_view.then_updates(page, session),
        page.side.python: answer_view.program(page, session.run, style),
    }


def read_region(box: object) -> Region | None:
    """A region as the stage reports it; None for anything that is none."""
    try:
        return check_region(box) if isinstance(box, list) else None
    except PromptError:
        return None


def is_row(value: object) -> TypeGuard[int]:
    """Whether a posted value can be a row; true and false are no numbers here."""
    return isinstance(value, int) and not isinstance(value, bool)


def read_place(event: Any) -> Place:
    """The place and the tool of an event."""
    action, index = getattr(event, "action", ""), getattr(event, "index", None)
    index = index if is_row(index) else None
    region = read_region(getattr(event, "region", None)) if index is None else None
    return Place(action if isinstance(action, str) else "", index, region)


async def stream_action(page: Page, inputs: Inputs, event: Any) -> AsyncGenerator[Updates]:
    """Ask about one place; the answer becomes a note there, or the object's outline."""
    session: PageSession = inputs[page.session]
    place, run, question = read_place(event), session.run, read_question(page, inputs)
    region = session.box_of(place.index) if place.index is not None else place.region
    if region is None or place.action not in (*Tool, CUT):
        raise InputError("There is nothing to ask about.", "Choose an object, or draw a box.")
    notes, picture = session.notes, await session.picture()

    def show(note: Note) -> Updates:
        notes[place] = note
        for oldest in list(notes)[:-MAX_NOTES]:
            del notes[oldest]
        return {page.stage: answer_view.stage_value(session, question)} if session.run is run else {}

    yield show(Note(state="busy"))
    try:
        if place.action == CUT:
            yield {**show(await cut_out(session, place, picture, region)), **show_run(page)}
            return
        async for said in ask(page, inputs, place, picture, region):
            if isinstance(said, str):
                yield show(Note(said, "busy"))
            elif place.action != Tool.SEGMENT:
                yield {**show(note_of(said)), **show_run(page)}
            elif not len(said.result.detections):
                yield {**show(Note("No outline was found here.", "failed")), **show_run(page)}
            else:
                notes.pop(place, None)
                keep_outline(session, run, place, question, said)
                yield {**show_run(page), **await answer_view.answer_updates(page, inputs, question)}
    except FlorenceUIError as error:
        yield {**show(Note(str(error), "failed")), **show_run(page)}


async def ask(
    page: Page, inputs: Inputs, place: Place, picture: Picture, region: Region
) -> AsyncGenerator[str | Analysis]:
    """What the question waits for, then its answer, by the model that gave the answer on the stage."""
    services, run, question = page.services, inputs[page.session].run, read_question(page, inputs)
    model, backend = (run.analysis.model_id, run.analysis.backend) if run else (question.model_id, question.backend)
    plain = Question("<CAPTION>", model_id=model, backend=backend)
    request = services.template(plain, key=inputs[page.header.key], nano_stands_in=True).about(picture)

    async def start(say: OnStatus) -> AsyncGenerator[Analysis]:
        yield await ask_about_place(retry_when_rate_limited(services, say), request, region, Tool(place.action))

    async with aclosing(with_status(start)) as heard:
        async for said in heard:
            yield said


def note_of(analysis: Analysis) -> Note:
    """An answer in words, with what there is to say about it."""
    words = analysis.result.text.strip() or "The model said nothing."
    return Note(words, caveat="\n".join(analysis.result.warnings))


def keep_outline(session: PageSession, run: Run | None, place: Place, question: Question, outline: Analysis) -> None:
    """Add an outline to the answer that it was asked about; without one it becomes the answer."""
    if run is None:
        asked = replace(question, token=outline.result.task.token, region=place.region)
        if session.shown:
            session.add_run(asked, outline, session.shown)
        return
    run.analysis = replace(run.analysis, result=outline_object(run.analysis.result, place.index, outline.result))


async def cut_out(session: PageSession, place: Place, picture: Picture, region: Region) -> Note:
    """A place cut out of the picture, as a file."""
    result = session.run.analysis.result if session.run else None
    parts = result.polygons[place.index] if result and place.index is not None else []
    file, preview = await decode_pool.run(cut_outs.cut_out, picture, region, parts)
    return Note("Full-size PNG", image=preview, file=file)
