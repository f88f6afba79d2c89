"""The models by name: their sources, their states, and their preparation."""

import asyncio
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from florence_ui.assets import ASSETS
from florence_ui.models import BASE, LARGE, NANO
from florence_ui.server.engine import Engine
from florence_ui.server.errors import EngineUnavailableError, ModelUnavailableError, RefusalError
from florence_ui.server.logs import log
from florence_ui.server.transfer_rate import TransferRate
from florence_ui.server.weights import find_in_cache, is_small, revision_of, why_incomplete
from florence_ui.server.worker import run_in_thread

if TYPE_CHECKING:
    from florence_ui.server.florence import Florence2

T = TypeVar("T")

STALLED_AFTER = 30.0
"""Seconds without a byte from the Hub after which a download is abandoned."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds before a failed model is retried; doubled by every failure."""


class ModelState(StrEnum):
    """The state of a model."""

    ABSENT = "absent"
    DOWNLOADING = "downloading"
    LOADING = "loading"
    READY = "ready"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Source:
    """The source of a model's files: a repository on the Hub, or a local directory."""

    repo_id: str = ""
    directory: Path | None = None

    def find(self) -> Path | None:
        """The files' directory, if they are on this disk and complete."""
        if self.directory is None:
            return find_in_cache(self.repo_id)
        return None if why_incomplete(self.directory) else self.directory


SOURCES = {
    BASE: Source("florence-community/Florence-2-base"),
    LARGE: Source("florence-community/Florence-2-large"),
    NANO: Source(directory=ASSETS / NANO),
}
ROBOFLOW_IDS = {"florence-pretrains/3": BASE, "florence-pretrains/4": LARGE}
"""The project ids behind Roboflow's aliases; its server accepts either."""


class Model:
    """One model and its state.

    Args:
        alias: Its name in requests.
        source: The source of its files.
        choose_engine: The engine for small checkpoints or for others; it is not chosen before it is needed.
    """

    def __init__(self, alias: str, source: Source, choose_engine: Callable[[bool], Future[Engine]]) -> None:
        self.alias = alias
        self.source = source
        self.state = ModelState.ABSENT
        self.reason = self.revision = ""
        self.on_disk = False
        self.downloaded_bytes = 0
        self.total_bytes = 0
        self._rate = TransferRate()
        self.load_seconds = 0.0
        self.loaded: Florence2 | None = None
        self._choose_engine = choose_engine
        self._preparation: asyncio.Task[None] | None = None
        self._failures = 0
        self._retry_at = 0.0

    def status(self) -> dict[str, Any]:
        """The state for `GET /status`."""
        known = self.state is ModelState.DOWNLOADING and self.total_bytes > 0
        speed = self._rate.bytes_per_second if known else None
        left = self._rate.seconds_left(self.total_bytes - self.downloaded_bytes) if known else None
        return {
            "state": self.state,
            "percent": self._percent() if known else None,
            "reason": self.reason,
            "downloaded_bytes": self.downloaded_bytes,
            "total_bytes": self.total_bytes,
            "bytes_per_second": round(speed) if speed is not None else None,
            "seconds_left": math.ceil(left) if left is not None else None,
            "on_disk": self.on_disk,
            "revision": self.revision,
            "retry_in_seconds": self.retry_in_seconds(),
            "engine": self.loaded and str(self.loaded.network.info),
        }

    def _percent(self) -> int:
        return 100 * self.downloaded_bytes // max(1, self.total_bytes)

    def retry_in_seconds(self) -> int:
        """Seconds until a failed model may be retried."""
        return max(0, math.ceil(self._retry_at - time.monotonic())) if self.state is ModelState.UNAVAILABLE else 0

    async def check_disk(self) -> None:
        """Check whether the files are on this disk."""
        with contextlib.suppress(OSError, ValueError):
            self.on_disk = await self._in_thread(self.source.find) is not None

    def prepare(self) -> None:
        """Start to download and load the model, unless that is done, in progress, or failed a moment ago."""
        if self.loaded or self._preparation or self.retry_in_seconds():
            return
        self.state, self.reason = ModelState.LOADING, ""
        self._preparation = asyncio.create_task(self._prepare())

    def unload(self) -> None:
        """Release the loaded weights once the calls that use them are over; a preparation in progress continues."""
        if self.loaded is not None:
            self.loaded, self.state = None, ModelState.ABSENT

    async def ready(self) -> "Florence2":
        """Return the loaded model, after waiting for it if necessary.

        Raises:
            RefusalError: 503 with the reason if it is not available.
        """
        self.prepare()
        if self._preparation:
            await asyncio.shield(self._preparation)
        if self.loaded is None:
            raise RefusalError(
                503,
                f"{self.alias} is not available. {self.reason}",
                "A later call tries again.",
                retry_after=self.retry_in_seconds(),
            )
        return self.loaded

    async def _prepare(self) -> None:
        start = time.monotonic()
        try:
            self.loaded = await self._load_or_repair()
            self.state, self._failures = ModelState.READY, 0
        except (ModelUnavailableError, EngineUnavailableError) as error:
            self._fail(str(error))
        except (MemoryError, RuntimeError) as error:  # torch's out-of-memory errors are RuntimeErrors
            self._fail(f"It does not fit into memory, or the device failed ({type(error).__name__}).")
        except Exception as error:
            self._fail(f"It failed to load ({type(error).__name__}).")
        finally:
            self._preparation = None
            self.load_seconds = time.monotonic() - start
            log("model", model=self.alias, state=self.state, reason=self.reason, seconds=round(self.load_seconds, 2))

    def _fail(self, reason: str) -> None:
        self.state, self.reason = ModelState.UNAVAILABLE, reason
        self._failures += 1
        self._retry_at = time.monotonic() + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - 1))

    async def _load_or_repair(self) -> "Florence2":
        """Load the files; those from the Hub are downloaded if missing, and repaired if they fail to load."""
        found = await self._in_thread(self.source.find)
        try:
            return await self._load(found or await self._fetch())
        except ModelUnavailableError:
            if found is None or not self.source.repo_id:
                raise
        return await self._load(await self._fetch())

    async def _fetch(self) -> Path:
        if self.source.directory is not None:
            raise ModelUnavailableError(f"Its files are incomplete: {why_incomplete(self.source.directory)}.")
        self.state, self.on_disk = ModelState.DOWNLOADING, False
        self.downloaded_bytes = self.total_bytes = 0
        self._rate = TransferRate()
        log("download", model=self.alias, repo=self.source.repo_id)
        return await fetch(self.source.repo_id, self._note_progress)

    def _note_progress(self, downloaded: int, total: int, resumed: int) -> None:
        before = self._percent()
        self.downloaded_bytes, self.total_bytes = downloaded, total
        self._rate.add(downloaded - resumed)
        if self._percent() // 10 > before // 10:
            log("download", model=self.alias, percent=self._percent(), total_bytes=total)

    async def _load(self, directory: Path) -> "Florence2":
        self.state, self.on_disk = ModelState.LOADING, True
        self.revision, small = await self._in_thread(lambda: (revision_of(directory), is_small(directory)))
        engine = await asyncio.wrap_future(self._choose_engine(small))

        def load() -> "Florence2":
            from florence_ui.server.florence import load

            return load(directory, engine)

        return await self._in_thread(load)

    def _in_thread(self, function: Callable[[], T]) -> Awaitable[T]:
        return asyncio.wrap_future(run_in_thread(f"load {self.alias}", function))


class Registry:
    """All models that this server knows.

    Args:
        choose_engine: The engine for small checkpoints or for others; it is not chosen before it is needed.
        directories: Further models by alias.
    """

    def __init__(self, choose_engine: Callable[[bool], Future[Engine]], directories: dict[str, Path]) -> None:
        sources = SOURCES | {alias: Source(directory=path) for alias, path in directories.items()}
        self.models = {alias: Model(alias, source, choose_engine) for alias, source in sources.items()}

    def alias_of(self, model_id: str | None) -> str:
        """The name under which a model is served, whichever of its names a request has; `""` if it is unknown."""
        alias = ROBOFLOW_IDS.get(model_id or "", model_id)
        return alias if alias in self.models else ""

    def get(self, model_id: str | None) -> Model:
        """Find the model of that name.

        Raises:
            RefusalError: 400 for no name or one with too many parts, 404 for an unknown one.
        """
        if not model_id:
            raise RefusalError(400, "The request names no model.", f"Send model_id, one of {self.names()}.")
        if alias := self.alias_of(model_id):
            return self.models[alias]
        if model_id.count("/") > 1:
            raise RefusalError(400, "Invalid Model ID sent in request.", f"Send one of {self.names()}.")
        raise RefusalError(404, "This server has no such model.", f"It has {self.names()}.")

    def names(self) -> str:
        """The aliases, for a sentence."""
        return ", ".join(self.models)

    def loaded(self) -> list[Model]:
        """The loaded models."""
        return [model for model in self.models.values() if model.state is ModelState.READY]

    async def check_disk(self) -> None:
        """Check which models are on this disk."""
        await asyncio.gather(*(model.check_disk() for model in self.models.values()))


async def fetch(repo_id: str, on_progress: Callable[[int, int, int], None]) -> Path:
    """Download a repository in a separate program, which is ended when no byte arrives for a while.

    Args:
        repo_id: Such as `florence-community/Florence-2-base`.
        on_progress: Called with the bytes downloaded, their total, and those from an earlier attempt.

    Raises:
        ModelUnavailableError: With the reason.
    """
    paths = [str(ASSETS.parent), os.environ.get("PYTHONPATH", "")]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "florence_ui.server.download", repo_id),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdout is not None
    try:
        while line := await asyncio.wait_for(child.stdout.readline(), STALLED_AFTER):
            report = json.loads(line)
            if "directory" in report:
                return Path(report["directory"])
            if "error" in report:
                raise ModelUnavailableError(report["error"])
            on_progress(report["downloaded"], report["total"], report["resumed"])
        raise ModelUnavailableError("The download ended unexpectedly.")
    except TimeoutError:
        raise ModelUnavailableError("The Hugging Face Hub does not answer.") from None
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
