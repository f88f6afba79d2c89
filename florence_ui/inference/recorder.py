"""Ask a model about the gallery and keep its answers: for `python -m florence_ui.record`, and on a Space by itself."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from florence_ui.backends.probe import probe
from florence_ui.concurrency.queueing import ignore_status
from florence_ui.errors import AnswerError, FlorenceUIError, ModelNotFoundError
from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits
from florence_ui.inference.gallery import Example
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.recordings import RecordedAnswer, Recording, Recordings
from florence_ui.inference.request import RequestTemplate
from florence_ui.models import BASE, NANO
from florence_ui.tasks import TASKS, InputKind

log = logging.getLogger(__name__)

ALL_TASKS = tuple(token for token, task in TASKS.items() if task.input_kind is not InputKind.PROMPT)
"""Every task but the custom prompt, for which a picture has no question."""
READY_SECONDS = 3600.0
"""Seconds that a recording in the background waits for the model."""
RECORD_SECONDS = 1800.0
"""Seconds that it may take from then on."""
POLL_SECONDS = 2.0

OnProgress = Callable[[str], object]
"""Receives a sentence about each answer, or the lack of one."""


def recordable(examples: Sequence[Example], model_id: str) -> list[Example]:
    """The bundled pictures that a model can be asked about: nano only knows drawn scenes."""
    return [example for example in examples if example.path and (model_id != NANO or example.is_drawn)]


async def record(
    pipeline: Pipeline,
    example: Example,
    model_id: str,
    backend: str,
    tokens: Collection[str] = ALL_TASKS,
    on_progress: OnProgress = log.info,
) -> Recording:
    """Ask one model about one picture.

    Args:
        pipeline: The way to the model.
        example: The picture.
        model_id: The model.
        backend: The backend's name.
        tokens: The tasks.
        on_progress: Called after each task. A response that does not answer its question is left out.

    Raises:
        FlorenceUIError: If the model cannot be asked.
    """
    assert example.path is not None, "only a bundled picture is recorded"
    picture = await open_file(example.path, ImageLimits())
    answers: dict[str, RecordedAnswer] = {}
    for token in tokens:
        question = example.question(token, model_id=model_id, backend=backend)
        try:
            analysis = await pipeline.analyze(RequestTemplate.of(question).about(picture))
        except AnswerError as error:
            on_progress(f"{example.path.name} {token}: {error}")
            continue
        if analysis.model_id != model_id:
            raise ModelNotFoundError(f"{model_id} is not available.", "Wait until it has been downloaded.")
        seconds = round(analysis.steps["model"], 3)
        answers[analysis.result.prompt] = RecordedAnswer(analysis.result.prompt, seconds, analysis.result.raw)
        on_progress(f"{example.path.name} {token}: {seconds:.2f} s")
    return Recording(
        example.path.name,
        picture.digest,
        model_id,
        await _revision(pipeline, backend, model_id),
        backend,
        await _server(pipeline, backend),
        datetime.now(UTC).date(),
        answers,
    )


async def record_in_background(
    pipeline: Pipeline, recordings: Recordings, examples: Sequence[Example], model_id: str = BASE
) -> None:
    """Once the local model is ready, record its answer to each picture's own question, between visitors' runs.

    The answers are kept in memory. What is recorded already is left as it is; after a failure the rest is left out.
    """
    todo = [example for example in recordable(examples, model_id) if not recordings.has(example, model_id)]
    try:
        async with asyncio.timeout(READY_SECONDS):
            if todo:
                pipeline.local.start()
                await pipeline.local.wait_ready(model_id, ignore_status)
        async with asyncio.timeout(RECORD_SECONDS):
            for example in todo:
                while len(pipeline.calls):  # noqa: ASYNC110 - nobody announces that there are none
                    await asyncio.sleep(POLL_SECONDS)
                recordings.add(await record(pipeline, example, model_id, "local", [example.token]))
    except TimeoutError:
        log.warning("Recording was given up: it took too long.")
    except FlorenceUIError as error:
        log.warning("Recording ended early: %s", error)


async def _revision(pipeline: Pipeline, backend: str, model_id: str) -> str:
    """The commit or checksum of the weights that answered; empty where the server does not tell."""
    status = await pipeline.status(backend, model_id)
    return str(status.models.get(model_id, {}).get("revision") or "")


async def _server(pipeline: Pipeline, backend: str) -> str:
    """Name and version of the server that answered, without its address."""
    known = pipeline.backend(backend)
    return (await probe(known)).server or known.title
