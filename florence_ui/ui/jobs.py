"""Calls that go on without their caller: each is known by a secret id, counted by its visitor, and ends by itself.

    job = jobs.start(work, owner="203.0.113.7")
    ...
    jobs.find(job.id).progress

A job runs as a task of the page's own, so it holds no place in Gradio's queue. Its result lies in a file among the
others of this app; in memory there is only how far it has come.
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from florence_ui import storage
from florence_ui.errors import BusyError, FlorenceUIError, InputError

log = logging.getLogger(__name__)

RUNNING, RUNNING_FOR_ONE = 64, 16
"""Jobs that may run, of all visitors together and of one."""
KEPT, KEPT_FOR_ONE = 256, 32
"""Jobs that are remembered; beyond that, those that ended first are forgotten first."""
KEPT_SECONDS = 3600.0
"""A job that nobody has asked about for so long ends and is forgotten."""

Output = tuple[Path | None, dict[str, Any]]
"""What a call gives: a file, if it makes one, and a record of JSON types."""


class JobState(StrEnum):
    """How far a job has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass
class Progress:
    """How far a call has come.

    Attributes:
        done: Parts that are done, such as pictures.
        total: How many there are; None while nobody knows.
        detail: A sentence about it.
    """

    done: int = 0
    total: int | None = None
    detail: str = ""


@dataclass(eq=False)
class Job:
    """One call that is on its way.

    Attributes:
        id: A secret: whoever knows it may ask about the job, take its result and end it.
        owner: The visitor's address, for counting.
        progress: How far it has come.
        kept: Whether the result is to be kept for somebody who asks later.
    """

    owner: str
    kept: bool
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    progress: Progress = field(default_factory=Progress)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    asked: float = field(default_factory=time.monotonic)
    task: asyncio.Task | None = None

    @property
    def session(self) -> str:
        """The session that its runs count by: it has none of a page that could be closed."""
        return f"job-{self.id}"

    @property
    def state(self) -> JobState:
        """How far it has come, in one word."""
        if not self.task.done():
            return JobState.RUNNING
        if self.task.cancelled():
            return JobState.CANCELLED
        return JobState.FAILED if self.task.exception() else JobState.DONE

    def record(self) -> dict[str, Any]:
        """How far it has come, as JSON types."""
        error = self.task.exception() if self.state is JobState.FAILED else None
        detail = self.progress.detail if error is None else in_words(error)
        progress = {"done": self.progress.done, "total": self.progress.total, "detail": detail}
        return {"job_id": self.id, "state": self.state.value, **progress}

    def output(self) -> Output:
        """What it gave; blocks.

        Raises:
            InputError: If it is not done, or its files have aged out.
            FlorenceUIError: If it failed: why.
        """
        if self.state is JobState.RUNNING:
            raise InputError("The job is still running.", "Ask /job_status until its state is done.", field="job_id")
        if self.state is JobState.CANCELLED:
            raise InputError("The job was cancelled.", "Start it again.", field="job_id")
        if error := self.task.exception():
            raise error if isinstance(error, FlorenceUIError) else FlorenceUIError(in_words(error))
        return self.task.result() if not self.kept else read_output(self.task.result())


_current: ContextVar[Job | None] = ContextVar("current_job", default=None)


def report(done: int | None = None, total: int | None = None, detail: str | None = None) -> bool:
    """Say how far the call has come; what is left out stays. Nobody hears it, and it gives False, if it is no job."""
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
    """All jobs of this page."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def start(
        self, work: Callable[[Job], Awaitable[Output]], owner: str, *, kept: bool, total: int | None = None
    ) -> Job:
        """Begin a job.

        Args:
            work: Does it; what it reports is the job's progress.
            owner: The visitor's address.
            kept: Whether it goes on, and its result is kept, until somebody asks.
            total: How many parts it has, where that is known.

        Raises:
            BusyError: If the visitor, or everybody together, has too many running.
        """
        running = [job for job in self._jobs.values() if job.state is JobState.RUNNING]
        own = sum(job.owner == owner for job in running)
        if own >= RUNNING_FOR_ONE:
            raise BusyError(f"You already have {own} calls going.", "Wait for one to finish, or end it.", seconds=1.0)
        if len(running) >= RUNNING:
            raise BusyError(f"This page is busy: {len(running)} calls are going.", "Try again in a minute.")
        job = Job(owner, kept, progress=Progress(total=total))
        job.task = asyncio.create_task(self._run(job, work))
        job.task.add_done_callback(lambda _: self._ended(job))
        self._jobs[job.id] = job
        self._forget(owner)
        self._end_when_unasked(job)
        return job

    def find(self, job_id: Any) -> Job:
        """The job of that id; it counts as asked about.

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
        job.task.cancel()
        self._jobs.pop(job.id, None)

    async def _run(self, job: Job, work: Callable[[Job], Awaitable[Output]]) -> Output | Path:
        """The output of the work; of a kept job the file in which it lies."""
        _current.set(job)
        storage.owner.set(job.owner)
        with storage.words_for_full_disk():
            output = await work(job)
            return await asyncio.to_thread(write_output, output) if job.kept else output

    def _ended(self, job: Job) -> None:
        job.changed.set()
        if not job.kept or job.state is JobState.CANCELLED:
            self._jobs.pop(job.id, None)
        if job.state is JobState.FAILED and not isinstance(error := job.task.exception(), FlorenceUIError):
            log.error("A job failed.", exc_info=error)

    def _forget(self, owner: str) -> None:
        """Drop the jobs that ended first where too many are remembered."""
        ended = [job for job in self._jobs.values() if job.state is not JobState.RUNNING]
        own = [job for job in ended if job.owner == owner]
        too_many = own[: max(0, len(own) - KEPT_FOR_ONE)] + ended[: max(0, len(ended) - KEPT)]
        for job in too_many:
            self._jobs.pop(job.id, None)

    def _end_when_unasked(self, job: Job) -> None:
        left = job.asked + KEPT_SECONDS - time.monotonic()
        if left <= 0:
            self.end(job)
        elif job.id in self._jobs:
            asyncio.get_running_loop().call_later(left, self._end_when_unasked, job)


def in_words(error: BaseException) -> str:
    """What a person hears of a job's failure; the log has what nobody foresaw."""
    return str(error) if isinstance(error, FlorenceUIError) else "Something went wrong here; it has been noted."


def write_output(output: Output) -> Path:
    """A file that holds an output; blocks.

    Raises:
        FlorenceUIError: If it cannot be written.
    """
    path, record = output
    data = json.dumps({"file": path and str(path), "record": record}, ensure_ascii=False)
    return storage.write(data.encode(), ".json", stem="job")


def read_output(path: Path) -> Output:
    """The output in such a file; blocks.

    Raises:
        InputError: If it, or the file that it names, has aged out.
    """
    try:
        kept = json.loads(path.read_bytes())
    except FileNotFoundError:
        kept = None
    file = Path(kept["file"]) if kept and kept["file"] else None
    if kept is None or (file is not None and not file.exists()):
        raise InputError("The job's result is not here any more.", "Start it again.", field="job_id")
    return file, kept["record"]
