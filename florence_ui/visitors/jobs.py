"""Calls that continue without their caller: each has a secret id, counts for its visitor, and expires.

    job = jobs.start(work, kept=True)
    ...
    jobs.find(job.id).progress

A job runs as a task of its own, so it takes no slot in Gradio's queue. It runs on behalf of the visitor who started it,
in its own session, which no closing page ends. Its result is kept in a file; only its progress is kept in memory.
"""

import asyncio
import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from florence_ui import storage
from florence_ui.errors import BusyError, FlorenceUIError, InputError
from florence_ui.hosting.admission import fair_share
from florence_ui.visitor_identity import Visitor, current_visitor

log = logging.getLogger(__name__)

RUNNING, RUNNING_FOR_ONE = 64, 16
"""Maximum running jobs, of all visitors together and of one; the same numbers limit calls that their callers attend."""
KEPT, KEPT_FOR_ONE = 256, 32
"""Maximum remembered jobs; beyond it the visitor with the most loses some: failed ones, then those that ended first."""
KEPT_SECONDS = 3600.0
"""Seconds after the last query at which a job ends and is forgotten."""

Output = tuple[Path | None, dict[str, Any]]
"""The output of a call: a file, if it writes one, and a record of JSON types."""


class JobState(StrEnum):
    """The state of a job."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass
class Progress:
    """The progress of a call.

    Attributes:
        done: Number of finished parts, such as pictures.
        total: Number of all parts; None while unknown.
        detail: A sentence about it.
    """

    done: int = 0
    total: int | None = None
    detail: str = ""


@dataclass(eq=False)
class Job:
    """One call in progress or finished.

    Attributes:
        id: A secret: anyone who knows it may query the job, take its result and end it.
        owner: The visitor's address, for counting.
        progress: The progress of the call.
        kept: Whether to keep the result until somebody asks for it.
        attended: Whether its caller waited for it at first; such calls are counted separately.
        state: The state of the job.
        task: The asyncio task; None when it is over, because a task references the posted values.
        result: Its output; for a kept job the file that contains it.
        failure: Why it failed, as text, because an exception would reference everything that the work used.
        timer: The timer that checks whether anybody has asked.
    """

    visitor: Visitor
    kept: bool
    attended: bool
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    progress: Progress = field(default_factory=Progress)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    asked: float = field(default_factory=time.monotonic)
    state: JobState = JobState.RUNNING
    task: asyncio.Task[None] | None = None
    result: Output | Path | None = None
    failure: str = ""
    timer: asyncio.TimerHandle | None = None

    @property
    def owner(self) -> str:
        """The key by which it is counted."""
        return self.visitor.address

    def record(self) -> dict[str, Any]:
        """Its state and progress as JSON types."""
        detail = self.failure or self.progress.detail
        progress = {"done": self.progress.done, "total": self.progress.total, "detail": detail}
        return {"job_id": self.id, "state": self.state.value, **progress}

    def output(self) -> Output:
        """Return its output; blocks.

        Raises:
            InputError: If it is not done, or its files have aged out.
            FlorenceUIError: If it failed, with the reason.
        """
        if self.state is JobState.RUNNING:
            raise InputError("The job is still running.", "Ask /job_status until its state is done.", field="job_id")
        if self.state is JobState.CANCELLED:
            raise InputError("The job was cancelled.", "Start it again.", field="job_id")
        if self.state is JobState.FAILED:
            raise FlorenceUIError(self.failure)
        if isinstance(self.result, Path):
            return read_output(self.result)
        assert self.result is not None, "a job that is done has a result"
        return self.result


_current: ContextVar[Job | None] = ContextVar("current_job", default=None)


def report_progress(done: int | None = None, total: int | None = None, detail: str | None = None) -> bool:
    """Report the progress of the current call; omitted values stay. Return False if the call is not a job."""
    job = _current.get()
    if job is None:
        return False
    progress = job.progress
    progress.done = progress.done if done is None else done
    progress.total = progress.total if total is None else total
    progress.detail = progress.detail if detail is None else detail
    job.changed.set()
    return True


class Jobs:
    """The jobs of this page."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def start(self, work: Callable[[], Awaitable[Output]], *, kept: bool, total: int | None = None) -> Job:
        """Start a job on behalf of `current_visitor`.

        Args:
            work: The work, whose progress reports are the job's.
            kept: Whether it continues, and its result is kept, until somebody asks.
            total: Number of its parts, if known.

        Raises:
            BusyError: If all visitors together have too many running, or this one has more than is left for others.
        """
        visitor = current_visitor.get()
        running = [job for job in self._jobs.values() if job.state is JobState.RUNNING and job.attended is not kept]
        own = sum(job.owner == visitor.address for job in running)
        if len(running) >= RUNNING:
            raise BusyError(f"This page is busy: {len(running)} calls are running.", "Try again in a minute.")
        if own >= fair_share(RUNNING - len(running), RUNNING_FOR_ONE):
            raise BusyError(f"You already have {own} calls running.", "Wait for one to finish, or end it.", seconds=1.0)
        job = Job(visitor, kept, attended=not kept, progress=Progress(total=total))
        job.task = asyncio.create_task(self._run(job, work))
        job.task.add_done_callback(lambda task: self._ended(job, task))
        self._jobs[job.id] = job
        self._forget(job.owner)
        self._end_when_unasked(job.id)
        return job

    def find(self, job_id: Any) -> Job:
        """Find the job of that id, and note that somebody asked about it.

        Raises:
            InputError: If there is none.
        """
        job = self._jobs.get(job_id.strip()) if isinstance(job_id, str) else None
        if job is None or not job.kept:
            raise InputError(
                "There is no such job.", "It was cancelled, or nobody asked about it for an hour.", field="job_id"
            )
        job.asked = time.monotonic()
        return job

    def end(self, job: Job) -> None:
        """End a job and forget it."""
        if job.task is not None:
            job.task.cancel()
        self._drop(job)

    async def _run(self, job: Job, work: Callable[[], Awaitable[Output]]) -> None:
        """Do the work, and store its outcome."""
        _current.set(job)
        current_visitor.set(replace(job.visitor, session=f"job-{job.id}"))
        try:
            with storage.disk_full_as_storage_error():
                output = await work()
                job.result = await asyncio.to_thread(write_output, output) if job.kept else output
            job.state = JobState.DONE
        except Exception as error:
            if not isinstance(error, FlorenceUIError):
                log.exception("A job failed.")
            job.failure, job.state = failure_text(error), JobState.FAILED

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        job.task = None
        if task.cancelled():
            job.state = JobState.CANCELLED
        job.changed.set()
        if not job.kept or job.state is JobState.CANCELLED:
            self._drop(job)
        elif job.id in self._jobs:
            self._jobs[job.id] = self._jobs.pop(job.id)  # in order of their end

    def _drop(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        if job.timer is not None:
            job.timer.cancel()

    def _forget(self, owner: str) -> None:
        """Drop finished jobs if too many are remembered: of this owner, and of the one with the most."""
        ended = [job for job in self._jobs.values() if job.state is not JobState.RUNNING]
        ended.sort(key=lambda job: job.state is JobState.DONE)
        held = Counter(job.owner for job in ended)
        while held[owner] > KEPT_FOR_ONE or held.total() > KEPT:
            loser = owner if held[owner] > KEPT_FOR_ONE else held.most_common(1)[0][0]
            job = next(job for job in ended if job.owner == loser)
            ended.remove(job)
            held[loser] -= 1
            self._drop(job)

    def _end_when_unasked(self, job_id: str) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        left = job.asked + KEPT_SECONDS - time.monotonic()
        if left <= 0:
            self.end(job)
        else:
            job.timer = asyncio.get_running_loop().call_later(left, self._end_when_unasked, job_id)


def failure_text(error: BaseException) -> str:
    """The message for a failed job; unexpected errors are logged."""
    return str(error) if isinstance(error, FlorenceUIError) else "Something went wrong here; it has been noted."


def write_output(output: Output) -> Path:
    """Write an output to a file; blocks.

    Raises:
        FlorenceUIError: If it cannot be written.
    """
    path, record = output
    data = json.dumps({"file": path and str(path), "record": record})
    return storage.write(data.encode(), ".json", stem="job")


def read_output(path: Path) -> Output:
    """Read an output from such a file; blocks.

    Raises:
        InputError: If it, or the file that it names, has aged out.
    """
    try:
        kept = json.loads(path.read_bytes())
    except FileNotFoundError:
        kept = None
    file = Path(kept["file"]) if kept and kept["file"] else None
    if kept is None or (file is not None and not file.exists()):
        raise InputError("The job's result is no longer available.", "Start it again.", field="job_id")
    return file, kept["record"]
