"""An agent's calls that last longer than its client waits, by the `mcp` package's own client."""

import asyncio
import contextlib
import io
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api.conftest import LinkedApp
from hosting.running import RunningApp
from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend

mcp = pytest.importorskip("mcp", reason="the mcp package is not installed, so agents' tools are NOT TESTED")
from api.test_mcp import ADDRESS  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

CLIENT_SECONDS = 5.0
"""What the client waits: in use 60 seconds."""


@contextlib.asynccontextmanager
async def agent(app: RunningApp, *, read_seconds: float = 60.0, total_seconds: float = 60.0) -> AsyncIterator[Any]:
    """An agent's session.

    Args:
        app: With which.
        read_seconds: How long the connection may be silent.
        total_seconds: How long one call may take altogether; the client keeps to it whatever progress it hears of.
    """
    timeout = httpx.Timeout(30, read=read_seconds)
    async with (
        httpx.AsyncClient(timeout=timeout) as http,
        streamable_http_client(app.url + ADDRESS, http_client=http) as (read, write, _),
        mcp.ClientSession(read, write, read_timeout_seconds=timedelta(seconds=total_seconds)) as session,
    ):
        await session.initialize()
        yield session


def addresses(app: RunningApp, count: int) -> list[str]:
    """Where so many small uploads are served."""
    files = []
    for number in range(count):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (number, 7, 7)).save(file, "PNG")
        files.append(("files", (f"{number}.png", file.getvalue())))
    paths = app.client.post("/gradio_api/upload", files=files).json()
    return [f"{app.url}/gradio_api/file={path}" for path in paths]


def read(answer: Any) -> dict[str, Any]:
    """The record in a tool's answer."""
    assert not answer.isError, answer.content
    return json.loads(answer.content[-1].text)


async def until_ended(session: Any, job: dict[str, str]) -> int:
    """Ask how far a job is until it has ended; return how often."""
    for asked in range(1, 100):
        if read(await session.call_tool("job_status", job))["state"] != "running":
            return asked
        await asyncio.sleep(0.5)
    raise TimeoutError


def test_progress_is_told_while_a_call_lasts(app: RunningApp, backend: ScriptedBackend) -> None:
    backend.delay = 0.6
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async def ask() -> dict[str, Any]:
        async with agent(app, read_seconds=CLIENT_SECONDS) as session:
            images = {"images": addresses(app, 96)}  # 8 at a time: twelve times 0.6 s
            return read(await session.call_tool("many", images, progress_callback=hear))

    begun = time.monotonic()
    assert asyncio.run(ask())["done"] == 96
    assert time.monotonic() - begun > CLIENT_SECONDS
    assert [told[0] for told in heard] == sorted({told[0] for told in heard}), "it grows each time"
    assert {told[1] for told in heard} == {96}
    assert all(told[2].endswith("of 96 pictures.") for told in heard)
    assert len(heard) > 8


def test_a_long_call_by_job_is_never_waited_for(app: RunningApp, backend: ScriptedBackend) -> None:
    backend.delay = 0.6

    async def ask() -> tuple[dict[str, Any], int]:
        async with agent(app, total_seconds=CLIENT_SECONDS) as session:
            job = read(await session.call_tool("start_many", {"images": addresses(app, 96)}))
            asked = await until_ended(session, {"job_id": job["job_id"]})
            return read(await session.call_tool("job_result", {"job_id": job["job_id"]})), asked

    begun = time.monotonic()
    record, asked = asyncio.run(ask())
    assert time.monotonic() - begun > CLIENT_SECONDS
    assert asked > 3
    assert record["done"] == 96
    assert len(record["pictures"][95]["answer"]["detections"]) == 3


@pytest.mark.parametrize("tool", ["many", "export"])
def test_a_call_that_takes_too_long_turns_into_a_job(
    linked_app: LinkedApp, backend: ScriptedBackend, tool: str
) -> None:
    """Also the agent that knows nothing of jobs gets an answer in time, which says how to go on."""
    backend.delay = 0.6

    async def ask() -> list[Any]:
        async with agent(linked_app, total_seconds=CLIENT_SECONDS) as session:
            handed_over = read(await session.call_tool(tool, {"images": addresses(linked_app, 96)}))
            assert (handed_over["state"], handed_over["total"]) == ("running", 96)
            assert "job_result" in handed_over["next"]
            job = {"job_id": handed_over["job_id"]}
            await until_ended(session, job)
            return (await session.call_tool("job_result", job)).content

    content = asyncio.run(ask())
    assert json.loads(content[-1].text)["done"] == 96
    if tool == "export":
        assert len(httpx.get(content[0].text, timeout=60).json()) == 96


def test_a_slow_answer_about_one_picture_turns_into_a_job_too(linked_app: LinkedApp, backend: ScriptedBackend) -> None:
    backend.delay = 4.0

    async def ask() -> list[Any]:
        async with agent(linked_app, total_seconds=CLIENT_SECONDS) as session:
            job = read(await session.call_tool("analyse", {"image": addresses(linked_app, 1)[0]}))
            await until_ended(session, {"job_id": job["job_id"]})
            return (await session.call_tool("job_result", {"job_id": job["job_id"]})).content

    assert [part.type for part in asyncio.run(ask())] == ["image", "text", "text"]


def test_a_call_ends_when_its_agent_leaves(app: RunningApp, backend: ScriptedBackend) -> None:
    backend.delay = 0.6
    before = backend.count
    images = addresses(app, 64)

    async def leave() -> None:
        async with agent(app) as session:
            call = asyncio.create_task(session.call_tool("many", {"images": images}))
            await asyncio.to_thread(backend.wait_for, lambda it: it.count > before)
            call.cancel()

    asyncio.run(leave())
    backend.wait_for(lambda it: it.running == 0)
    ended_at = backend.count
    time.sleep(1.2)
    assert backend.count == ended_at < before + 64


def test_one_agent_has_only_so_many_calls(app: RunningApp, backend: ScriptedBackend) -> None:
    backend.delay = 1.0
    image = addresses(app, 1)[0]

    async def ask() -> list[Any]:
        async with agent(app) as session:
            return await asyncio.gather(*(session.call_tool("many", {"images": [image]}) for _ in range(20)))

    said = [answer.content[0].text for answer in asyncio.run(ask()) if answer.isError]
    assert [words for words in said if words.startswith("You already have 16 calls running.")]
    backend.delay = 0.0
    asyncio.run(ask())  # those before are over and count no more
