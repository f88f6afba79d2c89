"""Tools for agents: where the `mcp` package is installed, Gradio lists the endpoints as tools; this module calls them.

Gradio itself would send each call back to the page as a client: all agents would count as one visitor, a file of this
machine that an agent names would be uploaded, an answer of several parts would arrive as one text, and a call of
several minutes would report nothing until its caller had given up. Here a call runs the endpoint directly, within the
quota of the agent's own address. It reports its progress, ends when the agent leaves, and becomes a job before the
agent times out.
"""

import asyncio
import importlib.util
import inspect
import json
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from gradio.data_classes import FileData
from starlette.requests import Request

from florence_ui.api import jobs
from florence_ui.api.values import file_data
from florence_ui.errors import FlorenceUIError, InputError
from florence_ui.hosting.gradio_internals.mcp import ToolServer
from florence_ui.hosting.visitor_files import FILE_ROUTE
from florence_ui.visitor_identity import current_visitor
from florence_ui.visitors.jobs import Job, JobState, Output
from florence_ui.visitors.service import Services, visitor_of

log = logging.getLogger(__name__)

PATIENCE = 45.0
"""Seconds after which a call continues as a job: clients give up after 60, most of them despite progress reports."""
HEARTBEAT = 5.0
"""Longest time between two progress notifications, in seconds; each tells the client that the call is alive."""
IMMEDIATE = {endpoint.name for endpoint in jobs.endpoints}
"""Tools that answer at once, even to a visitor whose calls are used up."""
UNEXPECTED = FlorenceUIError("Something went wrong here; it has been noted.", "Please try again.")


def has_mcp() -> bool:
    """Whether `gradio[mcp]` is installed, so that the endpoints can be tools of an agent."""
    return importlib.util.find_spec("mcp") is not None


def serve_tools(blocks: Any) -> None:
    """Let `gr.Blocks` answer agents itself, if it is the page and agents are served."""
    server, services = ToolServer.of(blocks), getattr(blocks, "services", None)
    if server is not None and services is not None:
        server.answer_calls(Tools(server, services).call)


class Tools:
    """The endpoints as tools for agents.

    Args:
        server: Gradio's list of the tools, and the way back for their answers.
        services: What the endpoints call.
    """

    def __init__(self, server: ToolServer, services: Services) -> None:
        self.server = server
        self.services = services

    async def call(self, name: str, arguments: dict[str, Any]) -> list[Any]:
        """Answer a call of a tool; end when the agent leaves.

        Raises:
            FlorenceUIError: If the call fails.
        """
        context = self.server.context
        try:
            function = self._function(name, arguments)
            current_visitor.set(visitor_of(self.server.page_request(context.request), self.services.settings))
            work = partial(call_endpoint, function, arguments)
            output = await (work() if function.__name__ in IMMEDIATE else self._attend(work, context))
            return await asyncio.to_thread(self._content, output, context.request)
        except FlorenceUIError:
            raise
        except Exception:
            log.exception("A tool failed.")
            raise UNEXPECTED from None

    def _function(self, name: str, arguments: dict[str, Any]) -> Callable[..., Awaitable[Any]]:
        """The endpoint behind a tool's name.

        Raises:
            InputError: If there is no such tool, or the arguments do not fit it.
        """
        function = self.server.find_function(name)
        if function is None:
            raise InputError("There is no such tool.", "Ask for the list of tools.", field="name")
        known = list(inspect.signature(function).parameters)
        if unknown := [argument for argument in arguments if argument not in known]:
            raise InputError(f"{name} takes no such argument.", f"It takes {', '.join(known)}.", field=unknown[0])
        return function

    async def _attend(self, work: Callable[[], Awaitable[Output]], context: Any) -> Output:
        """The output of a call, or the job that it becomes if it takes too long."""
        job = self.services.jobs.start(work, kept=False)
        try:
            await self._wait(job, context)
        except asyncio.CancelledError:
            self.services.jobs.end(job)
            raise
        if job.state is not JobState.RUNNING:
            return job.output()
        job.kept = True
        more = "The call continues as a job. Ask job_status with this job_id, and job_result when its state is done."
        return None, job.record() | {"next": more}

    async def _wait(self, job: Job, context: Any) -> None:
        """Wait until the call is done, for at most `PATIENCE`, and report its progress if the agent asked for that."""
        token, shown, deadline = context.meta and context.meta.progressToken, 0.0, time.monotonic() + PATIENCE
        while job.state is JobState.RUNNING and (left := deadline - time.monotonic()) > 0:
            job.changed.clear()
            try:
                async with asyncio.timeout(min(left, HEARTBEAT)):
                    await job.changed.wait()
            except TimeoutError:
                pass
            if token is None or job.state is not JobState.RUNNING:
                continue
            # it must grow each time: between two finished parts, by half of what is left
            now = job.progress
            shown = float(now.done) if now.done > shown else shown + (now.done + 1 - shown) / 2
            await context.session.send_progress_notification(
                token, shown, now.total, now.detail or "Working on it.", related_request_id=str(context.request_id)
            )

    def _content(self, output: Output, request: Request) -> list[Any]:
        """The parts of an answer: the picture with its address, the record as JSON. Blocks."""
        path, record = output
        root = self.server.root_url(request)
        file = file_data(path)
        files = [file.model_dump() | {"url": f"{root}{FILE_ROUTE}{file.path}"}] if file else []
        return self.server.content([*files, json.dumps(record, ensure_ascii=False)], root)


async def call_endpoint(function: Callable[..., Awaitable[Any]], arguments: dict[str, Any]) -> Output:
    """An endpoint's output as file and record."""
    value: dict[str, Any] | tuple[FileData | None, dict[str, Any]] = await function(**arguments)
    file, record = value if isinstance(value, tuple) else (None, value)
    return Path(file.path) if file else None, record
