"""Recording: a real model's answers to all tasks, by command, and in the background on a Space."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from florence_ui.backends.model_status import ServerState
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.errors import FlorenceUIError
from florence_ui.inference.gallery import load_examples
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.recorder import ALL_TASKS, record, record_in_background, recordable
from florence_ui.inference.recordings import Recordings
from florence_ui.models import BASE, NANO
from florence_ui.record import record_all
from florence_ui.tasks import CUSTOM, TASKS
from tests.workbench import NONSENSE, answering, workbench

EXAMPLES = load_examples()
READY = {BASE: {"state": ServerState.READY, "on_disk": True, "revision": "abc123"}}


@pytest.fixture
def bench() -> Iterator[tuple[ScriptedBackend, Pipeline]]:
    with workbench(models=READY) as bench:
        yield bench


def test_all_tasks_but_the_custom_prompt_are_recorded() -> None:
    assert set(ALL_TASKS) == set(TASKS) - {CUSTOM}


def test_nano_is_not_asked_about_photographs_nor_anybody_about_a_link() -> None:
    assert all(example.is_drawn for example in recordable(EXAMPLES, NANO))
    assert recordable(EXAMPLES, BASE) == EXAMPLES[:-1]


@pytest.mark.anyio
async def test_a_recording_holds_what_the_server_said_with_its_version(bench: tuple) -> None:
    backend, pipeline = bench
    recording = await record(pipeline, EXAMPLES[0], BASE, "local")
    assert [call.prompt for call in backend.calls] == [EXAMPLES[0].question(token).prompt for token in ALL_TASKS]
    for call in backend.calls:
        assert recording.answers[call.prompt].response == backend.answer(call.prompt, call.image_size)
    assert (recording.model_id, recording.revision) == (BASE, "abc123")
    assert recording.server.startswith(backend.info["name"])
    assert str(backend.port) not in recording.to_json(), "no address goes into a file that ships"


@pytest.mark.anyio
async def test_an_answer_that_is_none_is_left_out_and_said() -> None:
    said: list[str] = []
    with workbench(models=READY, answer=answering({"<OCR>": NONSENSE})) as (_, pipeline):
        recording = await record(pipeline, EXAMPLES[0], BASE, "local", ["<OCR>", "<CAPTION>"], said.append)
    assert list(recording.answers) == ["<CAPTION>"]
    assert any("<OCR>" in line for line in said)


@pytest.mark.anyio
async def test_no_model_stands_in_for_the_one_to_be_recorded() -> None:
    """Base on its way, nano here: about a drawn scene the page would ask nano."""
    models = {BASE: {"state": "downloading"}, NANO: {"state": "ready", "on_disk": True}}
    drawn = next(example for example in EXAMPLES if example.is_drawn)
    with workbench(models=models) as (_, pipeline), pytest.raises(FlorenceUIError, match=BASE):
        await record(pipeline, drawn, BASE, "local", ["<OD>"])


@pytest.mark.anyio
async def test_the_command_writes_a_file_for_every_picture(bench: tuple, tmp_path: Path) -> None:
    _, pipeline = bench
    await record_all(pipeline, BASE, "local", tmp_path / "recordings")
    written = Recordings.load(tmp_path / "recordings")
    assert len(written) == len(EXAMPLES) - 1
    for example in EXAMPLES[:-1]:
        assert all(written.find(example, example.question(token)) for token in ALL_TASKS)


@pytest.mark.anyio
async def test_a_model_that_cannot_be_had_leaves_no_file(tmp_path: Path) -> None:
    models = {BASE: {"state": "unavailable", "reason": "The disk is full."}}
    with workbench(models=models) as (_, pipeline), pytest.raises(FlorenceUIError, match="disk is full"):
        await record_all(pipeline, BASE, "local", tmp_path)
    assert len(Recordings.load(tmp_path)) == 0


@pytest.mark.anyio
async def test_in_the_background_each_pictures_own_question_is_recorded_once(bench: tuple) -> None:
    backend, pipeline = bench
    recordings = Recordings([await record(pipeline, EXAMPLES[0], BASE, "local", ["<OCR>"])])
    backend.calls.clear()
    await record_in_background(pipeline, recordings, EXAMPLES)
    assert [call.prompt for call in backend.calls] == [example.question().prompt for example in EXAMPLES[1:-1]]
    await record_in_background(pipeline, recordings, EXAMPLES)
    assert backend.count == len(EXAMPLES) - 2, "what is recorded is not asked again"
    assert recordings.best(EXAMPLES) == 1


@pytest.mark.anyio
async def test_in_the_background_visitors_come_first(bench: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, pipeline = bench
    monkeypatch.setattr("florence_ui.inference.recorder.POLL_SECONDS", 0.01)
    visitors = 3

    class Busy:
        def __len__(self) -> int:
            nonlocal visitors
            visitors -= 1
            assert not backend.calls
            return max(0, visitors)

    monkeypatch.setattr(pipeline, "calls", _CountedCalls(pipeline.calls, Busy()))
    await record_in_background(pipeline, Recordings(), EXAMPLES[:1])
    assert backend.count == 1
    assert visitors == 0


class _CountedCalls:
    """The pipeline's calls, with a length of its own."""

    def __init__(self, calls: object, count: object) -> None:
        self.run = calls.run
        self._count = count

    def __len__(self) -> int:
        return len(self._count)


@pytest.mark.anyio
async def test_in_the_background_it_can_be_cancelled_and_asks_nothing_more() -> None:
    with workbench(models=READY, delay=0.2) as (backend, pipeline):
        task = asyncio.create_task(record_in_background(pipeline, Recordings(), EXAMPLES))
        await asyncio.to_thread(backend.wait_for, lambda b: b.running == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.4)
        assert backend.count == 1


@pytest.mark.anyio
async def test_in_the_background_a_failure_or_a_slow_model_ends_it_quietly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    models = {BASE: {"state": "unavailable", "reason": "The disk is full."}}
    with workbench(models=models) as (_, pipeline):
        await record_in_background(pipeline, Recordings(), EXAMPLES)
    assert "disk is full" in caplog.text
    monkeypatch.setattr("florence_ui.inference.recorder.RECORD_SECONDS", 0.05)
    with workbench(models=READY, delay=0.5) as (_, pipeline):
        await record_in_background(pipeline, Recordings(), EXAMPLES)
    assert "too long" in caplog.text
