"""An answer in all its forms: picture, before and after, table, text, JSON, code, and messages."""

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from florence_ui import storage
from florence_ui.assets import EXAMPLES
from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.exports.records import analysis_record
from florence_ui.exports.snippets import curl_snippet, python_snippet
from florence_ui.exports.tables import table_rows
from florence_ui.images.loading import encode_jpeg
from florence_ui.inference.drawing import draw as draw_file
from florence_ui.inference.per_class import DETECT
from florence_ui.inference.request import StoredAnalysis, Strategy
from florence_ui.models import NANO
from florence_ui.rendering.annotate import Style, suitable_annotators
from florence_ui.results.result import Result
from florence_ui.ui import labels
from florence_ui.ui.components.notice import Message, NoticeValue
from florence_ui.ui.components.result_viewer import ResultViewerValue
from florence_ui.ui.components.thumbnail_strip import Thumbnail, ThumbnailStripValue
from florence_ui.ui.explore import result_view
from florence_ui.ui.explore.panels import WELCOME
from florence_ui.ui.file_data import as_file_data
from florence_ui.ui.layout import Page
from florence_ui.ui.updates import Updates
from florence_ui.visitors.session import PageSession, Recipe, Run

THUMBNAIL_SIZE = (168, 120)


def visible_rows(run: Run) -> list[int]:
    """Rows of the visible detections."""
    return [row for row in range(len(run.analysis.result.detections)) if row not in run.hidden]


async def draw(session: PageSession, run: Run, style: Style) -> None:
    """Draw an answer into a new file, with a small copy of the first drawing.

    Raises:
        FlorenceUIError: If the picture is gone or the file cannot be written.
    """
    analysis = await session.analysis_of(run)
    run.after = await draw_file(analysis, style, visible_rows(run))
    if run.thumbnail is None:
        run.thumbnail = await draw_pool.run(make_thumbnail, run.after)


def make_thumbnail(path: Path) -> Path:
    """A picture small enough for the thumbnail strip."""
    with Image.open(path) as image:
        image.draft("RGB", THUMBNAIL_SIZE)
        image.thumbnail((THUMBNAIL_SIZE[0] * 2, THUMBNAIL_SIZE[1] * 2))
        return storage.write(encode_jpeg(image.convert("RGB"), 80), ".jpg", stem="thumbnail")


def stage_value(session: PageSession, style: Style | None = None) -> ResultViewerValue:
    """The stage while nothing is running."""
    run = session.run
    if run is not None and run.after is not None:
        return result_view.answered(run.analysis.result, run.after, run.hidden, (style or Style()).palette)
    return result_view.ready(session.shown) if session.shown else WELCOME


def answer_updates(page: Page, session: PageSession, style: Style) -> Updates:
    """All forms of the answer that is shown; empty if there is none."""
    answer, run = page.answer, session.run
    if run is None:
        return {}
    analysis, result = run.analysis, run.analysis.result
    recipe = recipe_of(run)
    alone = len(recipe.prompts) == 1 and recipe.then is None
    headers, rows = table_rows(result, [row for row in range(len(result.detections)) if row not in run.filtered])
    return {
        **picture_updates(page, session, style),
        answer.table: gr.update(headers=headers, value=rows),
        answer.text: result.text,
        answer.curl: curl_snippet(prompt=recipe.prompts[0], alone=alone, **call_arguments(page, run)),
        answer.json: analysis_record(analysis),
        answer.meta: NoticeValue(messages=[Message(text=meta_line(page, analysis))]),
        answer.warnings: NoticeValue(messages=warning_messages(analysis, run.source)),
        page.style.panel: gr.update(visible=bool(len(result.detections))),
        page.style.annotators: gr.update(choices=annotator_choices(result, style)),
        page.download.panel: gr.update(visible=True),
        **recent_updates(page, session, style),
    }


def annotator_choices(result: Result, style: Style) -> list[str]:
    """The annotators to choose from: those that fit, and those already chosen."""
    return [str(name) for name in dict.fromkeys([*suitable_annotators(result), *style.annotators])]


def recent_updates(page: Page, session: PageSession, style: Style) -> Updates:
    """The recent runs."""
    return {page.recent: recent_thumbnails(session), page.recent_panel: gr.update(visible=bool(session.recent))}


def picture_updates(page: Page, session: PageSession, style: Style) -> Updates:
    """The components that change when the answer is redrawn."""
    answer, run = page.answer, session.run
    if run is None:
        return {}
    return {
        answer.stage: stage_value(session, style),
        answer.slider: (str(run.before), str(run.after)),
        answer.python: program(page, run, style),
    }


def program(page: Page, run: Run, style: Style) -> str:
    """The answer as a Python program, including all calls of a class search or a chain."""
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
    """The arguments besides the prompt for the code that repeats the call."""
    backends = page.services.pipeline.backends  # a recorded answer may come from one that this page does not have
    backend = backends.get(run.analysis.backend) or page.services.pipeline.backend(run.question.backend)
    return {
        "url": backend.url,
        "needs_key": backend.needs_key,
        "model_id": run.analysis.model_id,
    }


def meta_line(page: Page, analysis: StoredAnalysis) -> str:
    """A sentence about how long the run took, and who answered."""
    backend = page.services.pipeline.backends.get(analysis.backend)
    here = backend is None or backend.is_on_this_machine
    return labels.source_line(analysis) + ("" if here or analysis.recorded else f" · {analysis.server}")


def warning_messages(analysis: StoredAnalysis, source: Path) -> list[Message]:
    """The answer's warnings; for nano's answer about an example, also that nano only knows these."""
    lines = [Message(text=text, tone="warning") for text in analysis.result.warnings]
    if analysis.model_id == NANO and source.is_relative_to(EXAMPLES):
        text, hint = labels.NANO_NOTE
        lines.append(Message(text=text, hint=hint))
    return lines


def recent_thumbnails(session: PageSession) -> ThumbnailStripValue:
    """The recent runs as thumbnails."""
    thumbnails = [
        Thumbnail(
            title=run.analysis.result.task.title,
            note=labels.model_title(run.analysis.model_id),
            image=as_file_data(run.thumbnail),
        )
        for run in session.recent
    ]
    current = next((k for k, run in enumerate(session.recent) if run is session.run), -1)
    return ThumbnailStripValue(thumbnails=thumbnails, current=current)
