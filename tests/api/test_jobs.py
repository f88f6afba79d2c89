"""Background calls: started, queried, collected and ended by their id."""

import asyncio
import contextlib
import gc
import io
import json
import os
import time
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from api.conftest import LinkedApp
from gradio_client import Client
from hosting.running import RunningApp, file_value
from PIL import Image

from florence_ui import storage
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.errors import BusyError, FlorenceUIError, InputError
from florence_ui.visitor_identity import Visitor, current_visitor
from florence_ui.visitors import jobs as module
from florence_ui.visitors.jobs import Job, Jobs, JobState, report_progress

OD = "<OD>"


def uploads(app: RunningApp, count: int) -> list[dict[str, Any]]:
    """So many small pictures, each of another grey."""
    values = []
    for number in range(count):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (number, number, number)).save(file, "PNG")
        values.append(file_value(app.upload(file.getvalue(), f"{number}.png").json()[0]))
    return values


def until_ended(app: RunningApp, job_id: str, seconds: float = 60.0) -> dict[str, Any]:
    """The state of a job that has ended."""
    until = time.monotonic() + seconds
    while (record := app.call("job_status", {"job_id": job_id}).record)["state"] == "running":
        assert time.monotonic() < until, record
        time.sleep(0.2)
    return record


def test_a_job_is_started_asked_about_and_taken(app: RunningApp, backend: ScriptedBackend) -> None:
    backend.delay = 0.3
    begun = time.monotonic()
    job = app.call("start_many", {"images": uploads(app, 12), "task": OD}).record
    assert (job["state"], job["total"]) == ("running", 12)
    early = app.call("job_result", {"job_id": job["job_id"]})
    assert "still running" in early.error
    ended = until_ended(app, job["job_id"])
    assert time.monotonic() - begun > 0.6, "it was not waited for"
    assert ended == job | {"state": "done", "done": 12, "detail": "12 of 12 pictures."}
    for _ in range(2):  # it may be taken again
        record = app.call("job_result", {"job_id": job["job_id"]}).record
        assert (record["done"], record["failed"]) == (12, 0)
        assert [found["label"] for found in record["pictures"][3]["answer"]["detections"]] == ["car", "person", "wheel"]


def test_a_job_may_make_a_file(client: Client, app: RunningApp) -> None:
    images = uploads(app, 2)
    job = client.predict(images, OD, file_format="coco", api_name="/start_many")
    until_ended(app, job["job_id"])
    path, record = client.predict(job["job_id"], api_name="/job_result")
    assert Path(path).suffix == ".zip"
    assert [picture["state"] for picture in record["pictures"]] == ["done", "done"]


def test_a_cancelled_job_ends_and_is_gone(app: RunningApp, backend: ScriptedBackend) -> None:
    backend.delay = 0.5
    calls = backend.count
    job = app.call("start_many", {"images": uploads(app, 40), "task": OD}).record
    backend.wait_for(lambda it: it.count > calls)
    assert app.call("cancel_job", {"job_id": job["job_id"]}).record["state"] == "cancelled"
    backend.wait_for(lambda it: it.running == 0)
    ended_at = backend.count
    time.sleep(1)
    assert backend.count == ended_at < calls + 40
    assert "no such job" in app.call("job_status", {"job_id": job["job_id"]}).error


def test_a_job_goes_on_when_its_caller_leaves(app: RunningApp, backend: ScriptedBackend) -> None:
    backend.delay = 0.3
    body = {"images": uploads(app, 16)}
    joined = app.client.post("/gradio_api/call/v2/start_many", json=body).json()
    with app.client.stream("GET", f"/gradio_api/call/start_many/{joined['event_id']}") as stream:
        line = next(line for line in stream.iter_lines() if line.startswith("data: ["))
    assert until_ended(app, json.loads(line[6:])[0]["job_id"])["done"] == 16


@pytest.mark.parametrize("job_id", ["", "nonsense", None, 7, [], {"a": 1}, "x" * 5000])
@pytest.mark.parametrize("endpoint", ["job_status", "job_result", "cancel_job"])
def test_an_id_that_is_none_is_refused(app: RunningApp, endpoint: str, job_id: object) -> None:
    assert "no such job" in app.call(endpoint, {"job_id": job_id}).error


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({}, "no pictures", id="no-pictures"),
        pytest.param({"file_format": "exe"}, "no such file format", id="format"),
        pytest.param({"task": "<NONSENSE>"}, "no such task", id="task"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(app: RunningApp, given: dict, said: str) -> None:
    images = {"images": uploads(app, 2)} if given else {}
    assert said in app.call("start_many", images | given).error


def test_pictures_behind_links_are_fetched(linked_app: LinkedApp) -> None:
    links = [
        "http://pictures.example/grey.png?key=secret",
        "http://pictures.example/none.png",
        "http://127.0.0.1/a.png",
    ]
    record = linked_app.call("many", {"image_urls": links, "images": uploads(linked_app, 1)}).record
    assert [p["state"] for p in record["pictures"]] == ["done", "done", "failed", "failed"]
    assert [p["picture"] for p in record["pictures"]] == ["0.png", "grey.png", "none.png", "a.png"]
    assert record["pictures"][1]["answer"]["image_size"] == [640, 480]
    assert "secret" not in json.dumps(record)
    exported = linked_app.call("export", {"image_urls": links[:1], "file_format": "JPG"})
    assert exported.ok, exported.error
    job = linked_app.call("start_many", {"image_urls": links[0]}).record
    assert until_ended(linked_app, job["job_id"])["done"] == 1


@pytest.mark.parametrize("links", [7, {"a": 1}, [7], [["http://a.example/x.png"]]])
def test_links_that_are_none_are_refused(app: RunningApp, links: object) -> None:
    assert "image_urls is not a" in app.call("many", {"image_urls": links}).error


def test_links_of_many_pictures_are_fetched_in_the_visitors_share(backend: ScriptedBackend, linked_app: LinkedApp):
    settings = {**linked_app.environ, "FLORENCE_UI_RUNS_PER_MINUTE": "4", "FLORENCE_UI_RUNS_AT_ONCE": "2"}
    settings.pop("GRADIO_SERVER_PORT"), settings.pop("TMPDIR")
    with LinkedApp(**settings) as app:
        links = [f"http://pictures.example/grey.png?{number}" for number in range(6)]
        job = app.call("start_many", {"image_urls": links}).record
        time.sleep(3)
        now = app.call("job_status", {"job_id": job["job_id"]}).record
        assert now["done"] == 4
        assert now["state"] == "running"
        app.call("cancel_job", {"job_id": job["job_id"]})


# --- the jobs themselves ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def start_as(address: str, jobs: Jobs, work: Callable[[], Awaitable[Any]], *, kept: bool) -> Job:
    """A job of the visitor at an address."""
    token = current_visitor.set(Visitor("page", address))
    try:
        return jobs.start(work, kept=kept)
    finally:
        current_visitor.reset(token)


def quick(record: dict | None = None, path: Path | None = None) -> Callable[[], Awaitable[Any]]:
    async def work() -> tuple[Path | None, dict]:
        return path, record or {}

    return work


async def forever() -> tuple[None, dict]:
    await asyncio.Event().wait()
    return None, {}


@pytest.mark.anyio
async def test_a_result_lies_in_a_file_and_not_in_memory(folder: Path) -> None:
    job = start_as("", Jobs(), quick({"answer": "ü" * 1000}), kept=True)
    await asyncio.wait([job.task])
    lies_in = job.result
    assert lies_in.is_relative_to(folder)
    assert job.output() == (None, {"answer": "ü" * 1000})
    lies_in.unlink()
    with pytest.raises(InputError, match="no longer available"):
        job.output()


@pytest.mark.anyio
async def test_a_result_whose_file_has_aged_out_is_a_sentence(folder: Path) -> None:
    file = storage.write(b"x", ".zip")
    job = start_as("", Jobs(), quick({}, file), kept=True)
    await job.task
    assert job.output() == (file, {})
    file.unlink()
    with pytest.raises(InputError, match="no longer available"):
        job.output()


@pytest.mark.anyio
async def test_a_result_may_hold_half_a_character(folder: Path) -> None:
    job = start_as("", Jobs(), quick({"answer": "a\ud800b"}), kept=True)
    await asyncio.wait([job.task])
    assert job.output() == (None, {"answer": "a\ud800b"})


@pytest.mark.anyio
async def test_a_failure_is_told_in_its_words_and_an_unforeseen_one_without(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(error: Exception) -> None:
        raise error

    jobs = Jobs()
    foreseen = start_as("", jobs, lambda: fail(InputError("No.", "Try.")), kept=True)
    unforeseen = start_as("", jobs, lambda: fail(ValueError("/secret/path")), kept=True)
    await asyncio.wait([foreseen.task, unforeseen.task])
    assert foreseen.record()["detail"] == "No. Try."
    assert "secret" not in unforeseen.record()["detail"]
    for job in (foreseen, unforeseen):
        assert job.state is JobState.FAILED
        with pytest.raises(FlorenceUIError):
            job.output()
    assert "A job failed." in caplog.text


@pytest.mark.anyio
async def test_one_visitor_has_so_many_jobs_and_all_together_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RUNNING_FOR_ONE", 3)
    monkeypatch.setattr(module, "RUNNING", 5)
    jobs = Jobs()
    mine = [start_as("192.0.2.1", jobs, forever, kept=True) for _ in range(3)]
    with pytest.raises(BusyError, match="You already have 3"):
        start_as("192.0.2.1", jobs, forever, kept=True)
    others = [start_as(f"192.0.2.{n}", jobs, forever, kept=True) for n in (2, 3)]
    with pytest.raises(BusyError, match="busy"):
        start_as("192.0.2.9", jobs, forever, kept=True)
    for job in [*mine, *others]:
        jobs.end(job)
    await asyncio.wait([job.task for job in [*mine, *others]])
    assert len(jobs) == 0
    jobs.end(start_as("192.0.2.1", jobs, forever, kept=True))


@pytest.mark.anyio
async def test_jobs_that_ended_are_forgotten_beyond_a_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_FOR_ONE", 3)
    jobs = Jobs()
    started = []
    for _ in range(10):
        started.append(start_as("192.0.2.1", jobs, quick(), kept=True))
        await started[-1].task
    assert len(jobs) <= 4
    assert jobs.find(started[-1].id) is started[-1]
    with pytest.raises(InputError):
        jobs.find(started[0].id)


@pytest.mark.anyio
async def test_a_job_that_nobody_asks_about_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.3)
    jobs = Jobs()
    forgotten, watched = (start_as("", jobs, forever, kept=True) for _ in range(2))
    for _ in range(8):
        await asyncio.sleep(0.1)
        jobs.find(watched.id)
    assert forgotten.state is JobState.CANCELLED
    assert watched.state is JobState.RUNNING
    assert len(jobs) == 1
    jobs.end(watched)


@pytest.mark.anyio
async def test_a_call_that_is_not_kept_leaves_nothing(folder: Path) -> None:
    jobs = Jobs()
    job = start_as("", jobs, quick({"a": 1}), kept=False)
    with pytest.raises(InputError):
        jobs.find(job.id)  # nobody was told its id
    await job.task
    assert job.output() == (None, {"a": 1})
    assert len(jobs) == 0
    assert os.listdir(folder) == []


@pytest.mark.anyio
async def test_reports_reach_their_own_job_only() -> None:
    async def work() -> tuple[None, dict]:
        report_progress(1, 3, "one")
        await asyncio.sleep(0)
        report_progress(2)
        return None, {}

    jobs = Jobs()
    one, other = start_as("", jobs, work, kept=False), start_as("", jobs, forever, kept=False)
    await one.task
    report_progress(9, 9, "nobody's")
    assert (one.progress.done, one.progress.total, one.progress.detail) == (2, 3, "one")
    assert (other.progress.done, other.progress.total) == (0, None)
    jobs.end(other)


@pytest.mark.anyio
async def test_four_visitors_do_not_shut_out_the_fifth() -> None:
    jobs, started = Jobs(), []
    for number in range(4):
        for _ in range(module.RUNNING_FOR_ONE):
            with contextlib.suppress(BusyError):
                started.append(start_as(f"203.0.113.{number}", jobs, forever, kept=True))
    started.append(start_as("198.51.100.1", jobs, forever, kept=True))
    assert len(started) > module.RUNNING // 2
    for job in started:
        jobs.end(job)


@pytest.mark.parametrize("first", [pytest.param(True, id="jobs-first"), pytest.param(False, id="calls-first")])
@pytest.mark.anyio
async def test_jobs_and_agents_calls_leave_each_other_room(monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    monkeypatch.setattr(module, "RUNNING", 1)
    jobs = Jobs()
    flood = start_as("203.0.113.1", jobs, forever, kept=first)
    flood.kept = True  # a call that became a job still counts among the calls
    with pytest.raises(BusyError):
        start_as("198.51.100.1", jobs, forever, kept=first)
    jobs.end(start_as("198.51.100.1", jobs, forever, kept=not first))
    jobs.end(flood)


async def fail() -> None:
    raise InputError("No.", "Try.")


@pytest.mark.parametrize("work", [pytest.param(fail, id="failing"), pytest.param(quick(), id="quick")])
@pytest.mark.anyio
async def test_a_result_is_not_forgotten_because_others_start_many(folder: Path, work: Callable[[], Any]) -> None:
    jobs = Jobs()
    mine = start_as("198.51.100.1", jobs, quick(), kept=True)
    await asyncio.wait([mine.task])
    for number in range(10):
        for _ in range(module.KEPT_FOR_ONE + 1):
            await asyncio.wait([start_as(f"203.0.113.{number}", jobs, work, kept=True).task])
    assert jobs.find(mine.id) is mine
    assert len(jobs) <= module.KEPT + 1


@pytest.mark.anyio
async def test_what_failed_is_forgotten_before_what_is_done(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_FOR_ONE", 2)
    jobs, started = Jobs(), []
    for work in (quick(), fail, quick(), fail):
        started.append(start_as("192.0.2.1", jobs, work, kept=True))
        await asyncio.wait([started[-1].task])
    jobs.end(start_as("192.0.2.1", jobs, forever, kept=True))
    assert [jobs.find(started[number].id) for number in (0, 2)] == [started[0], started[2]]
    for number in (1, 3):
        with pytest.raises(InputError):
            jobs.find(started[number].id)


class Held(dict):
    """A value of which one can see whether anything still holds it."""


_posted: ContextVar[Held] = ContextVar("posted")


@pytest.mark.parametrize("kept", [pytest.param(True, id="kept"), pytest.param(False, id="attended")])
@pytest.mark.parametrize("failing", [pytest.param(True, id="failed"), pytest.param(False, id="done")])
@pytest.mark.anyio
async def test_a_call_that_is_over_holds_nothing_of_its_work(folder: Path, kept: bool, failing: bool) -> None:
    seen = []

    async def work() -> tuple[None, dict]:
        record = Held(key="secret")
        _posted.set(posted := Held(key="secret"))
        seen.extend([weakref.ref(record), weakref.ref(posted)])
        if failing:
            raise InputError("No.", "Try.")
        return None, record

    jobs = Jobs()
    job = start_as("203.0.113.7", jobs, work, kept=kept)
    await asyncio.wait([job.task])
    await asyncio.sleep(0)
    assert len(jobs) == kept
    if not kept:
        del job  # its caller has it until it is answered
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


@pytest.mark.anyio
async def test_a_job_that_is_ended_is_gone_at_once() -> None:
    jobs = Jobs()
    job = start_as("203.0.113.7", jobs, forever, kept=True)
    await asyncio.sleep(0)
    jobs.end(job)
    await asyncio.wait([job.task])
    await asyncio.sleep(0)
    ref = weakref.ref(job)
    del job
    gc.collect()
    assert ref() is None, "its timer holds it"


@pytest.mark.anyio
async def test_a_job_runs_in_its_visitors_name_but_in_a_session_of_its_own() -> None:
    """Its files and calls count by the visitor; a page that closes ends no job."""
    seen = []

    async def work() -> tuple[None, dict]:
        seen.append(current_visitor.get())
        return None, {}

    await start_as("203.0.113.7", Jobs(), work, kept=False).task
    assert seen[0].address == "203.0.113.7"
    assert seen[0].session not in ("", "page")
