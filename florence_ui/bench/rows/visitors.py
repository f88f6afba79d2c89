"""Rows 8 and 9: sixty visitors at once."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from florence_ui.bench.hostile import ADDRESS_HEADER
from florence_ui.bench.measuring import Measurement, Scale, Target
from florence_ui.bench.processes import free_port, program
from florence_ui.bench.rows.answering import photograph_file
from florence_ui.bench.scripted_backend import ScriptedBackend

ROOT = Path(__file__).resolve().parents[3]
VISITORS, PARALLEL, DELAY = 60, 15, 0.5
CAPACITY = PARALLEL / DELAY
"""Answers a second that the backend can give at most."""
Parameters = dict[str, Any]
FileValue = dict[str, Any]
Values = Callable[[FileValue, int], Parameters]
"""(uploaded file, number of the question) -> the endpoint's parameters by name."""


def against_defaults(scale: Scale) -> Measurement:
    """Row 8: answers a second, against the same job with Gradio's defaults."""
    ours = [our_rate(scale, answers=600) for _ in range(2 if scale.pairs > 2 else 1)]
    theirs = stock_rate(scale, answers=20)
    return Measurement(
        8, "answers a second, 60 visitors, backend of 0.5 s, against Gradio's defaults", [o / theirs for o in ours],
        Target(20, at_least=True), f"{statistics.median(ours):.1f} against {theirs:.1f} answers a second",
    )  # fmt: skip


def against_backend(scale: Scale) -> Measurement:
    """Row 9: answers a second, against the capacity of a backend that works on fifteen at once."""
    ours = [our_rate(scale, answers=600, parallel=PARALLEL) for _ in range(2 if scale.pairs > 2 else 1)]
    return Measurement(
        9, "answers a second, 60 visitors, backend of 0.5 s with 15 places, against what it bears",
        [o / CAPACITY for o in ours], Target(0.85, at_least=True),
        f"{statistics.median(ours):.1f} of {CAPACITY:.0f} answers a second",
    )  # fmt: skip


class RunFailed(RuntimeError):
    """A run or its upload was refused, or the run failed."""


def our_rate(scale: Scale, *, answers: int, parallel: int | None = None) -> float:
    with our_page(parallel=parallel) as port:
        return rate(scale, port, answers, grounding)


@contextmanager
def our_page(*, parallel: int | None = None, **settings: str) -> Iterator[int]:
    """Start the page on the scripted backend and yield its port.

    Every visitor has their own address, as behind a proxy: the page's limits are on, and apply per address.
    """
    port = free_port()
    with ScriptedBackend(delay=DELAY, parallel=parallel, keep_images=False) as backend:
        environ = {
            "GRADIO_SERVER_PORT": str(port),
            "FLORENCE_UI_BACKEND": "local",
            "FLORENCE_UI_LOCAL_URL": backend.url,
            "FLORENCE_UI_START_SERVER": "false",
            "FLORENCE_UI_BACKEND_CONCURRENCY": "64",
            "FLORENCE_UI_CACHE_SECONDS": "0",
            "FLORENCE_UI_ADDRESS_HEADER": ADDRESS_HEADER,
            **settings,
        }
        with program([str(ROOT / "app.py")], f"http://127.0.0.1:{port}/", environ):
            yield port


def stock_rate(scale: Scale, *, answers: int) -> float:
    port = free_port()
    with ScriptedBackend(delay=DELAY, keep_images=False) as backend:
        arguments = [str(Path(__file__).with_name("stock_app.py")), backend.url, str(port)]
        with program(arguments, f"http://127.0.0.1:{port}/"):
            return rate(scale, port, answers, lambda file, number: {"image": file})


def grounding(file: FileValue, number: int) -> Parameters:
    """A phrase that no other run asks for, so that no answer is shared; a box is drawn, as in the other app."""
    return {"image": file, "task": "<CAPTION_TO_PHRASE_GROUNDING>", "text": f"a red car number {number}"}


def rate(scale: Scale, port: int, answers: int, values: Values) -> float:
    """Answers a second of the endpoint `analyse` to sixty visitors, over so many answers."""
    with photograph_file(1, scale.seed) as path:
        return asyncio.run(_rate(f"http://127.0.0.1:{port}/gradio_api", path.read_bytes(), answers, values))


async def _rate(api: str, picture: bytes, answers: int, values: Values) -> float:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(600)) as session:
        file = await upload(session, api, picture, address_of(VISITORS))
        numbers = iter(range(answers))
        await run_once(session, api, values(file, -1), address_of(VISITORS))

        async def visitor(address: str) -> None:
            for number in numbers:
                await run_once(session, api, values(file, number), address)

        begun = time.perf_counter()
        await asyncio.gather(*(visitor(address_of(who)) for who in range(VISITORS)))
        return answers / (time.perf_counter() - begun)


def address_of(visitor: int) -> str:
    """An address from the range reserved for benchmarks (RFC 2544)."""
    return f"198.18.0.{visitor + 1}"


async def upload(session: aiohttp.ClientSession, api: str, picture: bytes, address: str) -> FileValue:
    """Upload a JPEG and return its file value.

    Raises:
        RunFailed: If the upload is refused.
    """
    form = aiohttp.FormData()
    form.add_field("files", picture, filename="photograph.jpg", content_type="image/jpeg")
    async with session.post(f"{api}/upload", data=form, headers={ADDRESS_HEADER: address}) as answer:
        if answer.status != 200:
            raise RunFailed(f"an upload was refused: {await answer.text()}")
        return {"path": (await answer.json())[0], "meta": {"_type": "gradio.FileData"}}


async def run_once(session: aiohttp.ClientSession, api: str, parameters: Parameters, address: str) -> None:
    """One run by HTTP, as Gradio documents it: post, then listen until it is complete.

    Raises:
        RunFailed: If the run is refused or fails.
    """
    async with session.post(f"{api}/call/v2/analyse", json=parameters, headers={ADDRESS_HEADER: address}) as answer:
        if answer.status != 200:
            raise RunFailed(f"a run was refused: {await answer.text()}")
        event = (await answer.json())["event_id"]
    async with session.get(f"{api}/call/analyse/{event}", headers={ADDRESS_HEADER: address}) as answer:
        text = await answer.text()
    if "event: complete" not in text:
        raise RunFailed(f"a run failed: {json.dumps(text[-300:])}")
