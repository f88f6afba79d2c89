"""An answer in all its forms: stage, drawing, list, table, text, JSON and code."""

from typing import Any

import gradio as gr

from florence_ui.assets import EXAMPLES
from florence_ui.backend_presets import PRESETS, ZERO_GPU
from florence_ui.backends.model_status import NANO_WARNING
from florence_ui.errors import FlorenceUIError
from florence_ui.exports.records import analysis_record
from florence_ui.exports.snippets import curl_snippet, python_snippet
from florence_ui.exports.tables import table_rows
from florence_ui.inference.drawing import draw as draw_file
from florence_ui.inference.drawing import show_part
from florence_ui.inference.per_class import DETECT, not_found
from florence_ui.inference.per_object import ACTIONS, Action
from florence_ui.inference.per_place import Tool
from florence_ui.inference.request import Question, StoredAnalysis, Strategy
from florence_ui.models import NANO
from florence_ui.rendering.annotate import automatic_annotators, suitable_annotators
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import WHOLE, View
from florence_ui.results.result import Result
from florence_ui.tasks import InputKind, get_task
from florence_ui.ui import labels
from florence_ui.ui.components.answer_list import AnswerListValue
from florence_ui.ui.components.drawer_bar import DrawerValue
from florence_ui.ui.components.drawing import DrawingValue
from florence_ui.ui.components.film_strip import FilmValue, Thumbnail
from florence_ui.ui.components.notice import Message, NoticeValue
from florence_ui.ui.components.stage import StageAction, StageNote, StageValue
from florence_ui.ui.downloads import offer
from florence_ui.ui.explore import stage_view
from florence_ui.ui.explore.answer_rows import answer_list
from florence_ui.ui.explore.film import example_thumbnails
from florence_ui.ui.explore.filters import apply_filters, removal_notice
from florence_ui.ui.explore.next_steps import next_steps
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import Page
from florence_ui.ui.updates import Inputs, Updates
from florence_ui.visitors.runs import OpenedPicture, Recipe, Run
from florence_ui.visitors.session import PageSession

THUMBNAIL = View(size=(152, 152))
NOTE_TITLES = {tool.value: ACTIONS[Action(tool.value)].title for tool in Tool} | {"cut": "Cut out"}


def visible_rows(run: Run) -> list[int]:
    """Rows of the visible detections."""
    return [row for row in range(len(run.analysis.result.detections)) if row not in run.hidden]


async def draw(session: PageSession, style: Style) -> DrawingValue | None:
    """Draw the answer as the browser shows it, or a part of the bare picture; None if there is nothing to draw.

    Raises:
        FlorenceUIError: If the picture is gone or the file cannot be written.
    """
    session.drawings += 1
    run, view, number = session.run, session.view, session.drawings
    if run is None:
        if view is None or view.box == WHOLE or session.shown is None:
            return None
        part = await show_part(await session.picture(), view)
        return DrawingValue(
            image=as_file_data(part), view=view.box, answer=stage_view.undrawn(session.shown), number=number
        )
    path = await draw_file(await session.analysis_of(run), style, visible_rows(run), view=view)
    return DrawingValue(image=as_file_data(path), view=view.box if view else WHOLE, answer=run.name, number=number)


async def make_thumbnail(session: PageSession, run: Run) -> None:
    """Draw an answer small, without words, for the film strip.

    Raises:
        FlorenceUIError: If the picture is gone or the file cannot be written.
    """
    run.thumbnail = await draw_file(await session.analysis_of(run), Style(labels=False), view=THUMBNAIL)


def stage_value(session: PageSession, question: Question) -> StageValue:
    """The stage while nothing is running."""
    run, task = session.run, get_task(question.token)
    if session.shown is None or session.size is None:
        return StageValue(opens=True)
    if run is None:
        value = stage_view.without_answer("ready", session.shown, session.size)
    else:
        value = stage_view.answered(run.analysis.result, session.shown, run.hidden, session.style, run.name)
        if is_stale(run, question):
            value = stage_view.stale(value, run.analysis.title, task.title)
    return on_page(value, session, wants_region=task.input_kind is InputKind.REGION and not session.region)


def on_page(value: StageValue, session: PageSession, *, wants_region: bool = False) -> StageValue:
    """A value of the stage that can be asked about places, with what was asked."""
    notes = [
        StageNote(
            action=place.action, index=place.index, region=list(place.region) if place.region else None,
            title=NOTE_TITLES.get(place.action, ""), text=note.text, state=note.state,
            caveat=note.caveat, image=as_file_data(note.image), file=as_file_data(note.file),
        )
        for place, note in session.notes.items()
    ]  # fmt: skip
    region = list(session.region) if session.region else None
    if session.run and session.run.analysis.asked:
        value = value.model_copy(update={"phrases": []})  # these words are the labels
    changes = {"asks": True, "opens": True, "notes": notes, "region": region, "wants_region": wants_region}
    return value.model_copy(update=changes)


def is_stale(run: Run, question: Question) -> bool:
    """Whether an answer is to another task than the chosen one."""
    return run.question.token != question.token


def standing(page: Page, session: PageSession, question: Question) -> Updates:
    """The stage and the list of the answer on the page, without a new drawing."""
    stage = stage_value(session, question)
    return {page.stage: stage, page.side.answer_list: list_value(page, session, stage, question)}


def busy(page: Page, session: PageSession, words: str) -> Updates:
    """The page during a run, or while a picture is fetched."""
    value = on_page(stage_view.without_answer("busy", session.shown, session.size or (1, 1), title=words), session)
    return {page.stage: value, page.side.answer_list: AnswerListValue(state="busy")}


def failed(page: Page, session: PageSession, question: Question, error: FlorenceUIError) -> Updates:
    """The page after a run without an answer; the previous answer stays among the recent ones."""
    session.run = None
    backends = page.services.pipeline.backends
    helps = labels.failure_actions(error, question.backend, question.model_id, backends) if session.shown else []
    actions = [StageAction(name=name, label=label) for name, label in helps]
    value = stage_view.failed(session.shown, session.size or (1, 1), error, actions=actions)
    is_kept = any(isinstance(each, Run) and each.before == session.shown for each in session.recent)
    hint = "The last answer about this picture is among the recent ones." if is_kept else ""
    nothing: Updates = {
        page.stage: on_page(value, session),
        page.side.answer_list: AnswerListValue(title="No answer", hint=hint),
    }
    return {**no_answer(page, session, question), **nothing}


def no_answer(page: Page, session: PageSession, question: Question) -> Updates:
    """The page with a picture, or none, and no answer."""
    side = page.side
    return {
        **standing(page, session, question),
        side.drawers: DrawerValue(),
        side.warnings: NoticeValue(),
        **then_updates(page, session),
        page.film: film_value(page, session),
    }


async def answer_updates(page: Page, inputs: Inputs, question: Question) -> Updates:
    """All forms of the answer that is shown, without what the filters leave out; empty if there is none.

    Raises:
        FlorenceUIError: If the picture is gone or the drawing cannot be written.
    """
    session: PageSession = inputs[page.session]
    side, run, style = page.side, session.run, page.style.read(inputs)
    if run is None:
        return {}
    session.style = style
    removals = apply_filters(run, inputs[page.style.filters])
    analysis, result, recipe = run.analysis, run.analysis.result, recipe_of(run)
    alone = len(recipe.prompts) == 1 and recipe.then is None
    return {
        page.drawing: await draw(session, style),
        **standing(page, session, question),
        side.table: table_update(run),
        side.text: result.text or "\n".join(result.labels),
        side.curl: curl_snippet(prompt=recipe.prompts[0], alone=alone, **call_arguments(page, run)),
        side.python: program(page, run, style),
        side.json: analysis_record(analysis),
        side.warnings: NoticeValue(messages=await warning_messages(page, run)),
        page.style.filter_notice: removal_notice(removals),
        side.style.annotators: annotators_update(result, style),
        side.drawers: DrawerValue(answered=True),
        **offer(page.download.buttons, [result]),
        **then_updates(page, session),
        page.film: film_value(page, session),
    }


def then_updates(page: Page, session: PageSession) -> Updates:
    """The buttons of what can be done next."""
    run = session.run
    steps = next_steps(run.analysis.result, len(visible_rows(run))) if run else {}
    buttons: Updates = {
        button: gr.update(visible=step in steps, value=steps.get(step, ""))
        for step, button in page.side.next_steps.items()
    }
    return {page.side.then: gr.update(visible=bool(steps)), **buttons}


def table_update(run: Run) -> Any:
    """The table of the objects that no filter leaves out."""
    result = run.analysis.result
    headers, rows = table_rows(result, [row for row in range(len(result.detections)) if row not in run.filtered])
    return gr.update(headers=headers, value=rows)


def list_value(page: Page, session: PageSession, stage: StageValue, question: Question) -> AnswerListValue:
    """The list beside the stage."""
    run = session.run
    if run is None:
        hint = "What the model finds is listed here." if session.shown else "Open a picture, then ask about it."
        return AnswerListValue(title="No answer yet", hint=hint)
    source = source_text(page, run.analysis)
    if is_stale(run, question) or run.analysis.asked:
        source = f"{run.analysis.title}, {source}"
    return answer_list(run.analysis.result, stage.items, source)


def source_text(page: Page, analysis: StoredAnalysis) -> str:
    """Who answered, and how long it took."""
    backend = page.services.pipeline.backends.get(analysis.backend)
    here = backend is None or backend.is_on_this_machine
    return labels.source_line(analysis) + ("" if here or analysis.recorded else f", {analysis.server}")


def annotators_update(result: Result, style: Style) -> Any:
    """The annotators to choose from, those that fit and those already chosen, and what draws if none is chosen."""
    choices = [str(name) for name in dict.fromkeys([*suitable_annotators(result), *style.annotators])]
    automatic = " and ".join(automatic_annotators(result))
    return gr.update(choices=choices, info=f"If none is ticked: {automatic}." if automatic else "")


def program(page: Page, run: Run, style: Style) -> str:
    """The answer as a Python program, including all calls of a class search or a follow-up."""
    recipe = recipe_of(run)
    prompts = list(recipe.prompts) if len(recipe.prompts) > 1 else recipe.prompts[0]
    return python_snippet(prompt=prompts, then=recipe.then, style=style, **call_arguments(page, run))


def recipe_of(run: Run) -> Recipe:
    """The recipe of an answer."""
    question = run.question
    if run.recipe is not None:
        return run.recipe
    if len(question.classes) > 1 and question.strategy is Strategy.EACH and question.token == DETECT:
        return Recipe(tuple(DETECT + name for name in question.classes))
    return Recipe((run.analysis.result.prompt,))


def call_arguments(page: Page, run: Run) -> dict[str, Any]:
    """The arguments besides the prompt for the code that repeats the call, which a Space's card cannot get."""
    backends = page.services.pipeline.backends  # a recorded answer may come from one that this page does not have
    backend = backends.get(run.analysis.backend) or page.services.pipeline.backend(run.question.backend)
    reachable = PRESETS["serverless"] if backend.name == ZERO_GPU else backend
    return {"url": reachable.url, "needs_key": reachable.needs_key, "model_id": run.analysis.model_id}


async def warning_messages(page: Page, run: Run) -> list[Message]:
    """The answer's warnings; for nano's answer about an example, also that nano only knows these.

    Both come with what to do about photographs: base, unless it is known not to be available.
    """
    analysis, hint = run.analysis, ""
    if analysis.model_id == NANO:
        hint = labels.why_nano(await page.services.pipeline.status(run.question.backend), NANO) or labels.NANO_HINT
    warnings = analysis.result.warnings
    lines = [Message(text=text, hint=hint if text == NANO_WARNING else "", tone="warning") for text in warnings]
    is_first = not analysis.asked  # later steps may replace the names
    if is_first and (missing := not_found(run.question.classes, analysis.result)):
        lines.insert(0, Message(text=f"Not found: {', '.join(missing)}"))
    if analysis.model_id == NANO and run.source.is_relative_to(EXAMPLES):
        lines.append(Message(text=labels.NANO_NOTE, hint=hint))
    return lines


def film_value(page: Page, session: PageSession) -> FilmValue:
    """The film strip: the answer on the stage is current, else the example that is there without one."""
    recent = [recent_thumbnail(each) for each in session.recent]
    answers = (f"recent-{k}" for k, each in enumerate(session.recent) if is_on_stage(session, each))
    source = session.source[0] if session.source else None
    pictures = (f"example-{k}" for k, example in enumerate(page.examples) if source and example.path == source)
    return FilmValue(
        recent=recent,
        examples=example_thumbnails(page.examples),
        current=next(answers, "") or next(pictures, ""),
    )


def recent_thumbnail(entry: Run | OpenedPicture) -> Thumbnail:
    """A recent answer, or a picture without one, small."""
    if isinstance(entry, OpenedPicture):
        return Thumbnail(title="Your picture, not asked about yet", image=as_file_data(entry.before))
    title = f"{entry.analysis.title}, {labels.model_title(entry.analysis.model_id)}"
    return Thumbnail(title=title, image=as_file_data(entry.thumbnail))


def is_on_stage(session: PageSession, entry: Run | OpenedPicture) -> bool:
    """Whether the stage shows this recent entry."""
    if isinstance(entry, OpenedPicture):
        return session.run is None and session.shown == entry.before
    return entry is session.run
