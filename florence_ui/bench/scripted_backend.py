"""A server that follows Florence-2's contract with scripted answers, to measure and test without a model.

    with ScriptedBackend(delay=0.5, parallel=15) as backend:
        ...  # talk to backend.url
        print(backend.count, backend.peak)

It is a real HTTP server on a free port of 127.0.0.1, in its own thread. Its answers have the shape and the scale of the
genuine server's (whole pixels of the picture that was sent); how long an answer takes, how fast it reads, and how many
it works on at once can be set.
"""

import argparse
import asyncio
import base64
import io
import json
import re
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from PIL import Image

MAX_BODY = 256 * 2**20
READ_CHUNK = 2**14
INFO = {"name": "Roboflow Inference Server", "version": "1.8.3", "uuid": "scripted"}

CAR, PERSON, WHEEL = (0.05, 0.10, 0.40, 0.60), (0.50, 0.20, 0.70, 0.90), (0.72, 0.21, 0.90, 0.91)
STOP_SIGN = (0.10, 0.10, 0.30, 0.11, 0.298, 0.20, 0.099, 0.19)
STREET_NAME = (0.40, 0.50, 0.70, 0.50, 0.70, 0.60, 0.40, 0.60)
SQUARE = (0.10, 0.10, 0.30, 0.10, 0.30, 0.30, 0.10, 0.30)


def plausible_answer(prompt: str, size: tuple[int, int]) -> dict[str, Any]:
    """A plausible answer of Florence-2: one key, the prompt up to its first `>`, and whole pixels.

    Args:
        prompt: The prompt as sent.
        size: (width, height) of the picture that was sent, in pixels.
    """
    token, rest = prompt[: prompt.find(">") + 1], prompt[prompt.find(">") + 1 :]

    def scaled(parts: tuple[float, ...]) -> list[int]:
        return [round(part * size[i % 2]) for i, part in enumerate(parts)]

    boxes = [scaled(box) for box in (CAR, PERSON, WHEEL)]
    match token:
        case "<CAPTION>":
            value: Any = "A red car next to a person."
        case "<DETAILED_CAPTION>":
            value = "The image shows a red car and a person next to a street sign."
        case "<MORE_DETAILED_CAPTION>":
            value = "The image shows a red car on the left. A person stands on the right. A sign says STOP."
        case "<OCR>":
            value = "STOP MAIN ST"
        case "<OCR_WITH_REGION>":
            value = {"quad_boxes": [scaled(STOP_SIGN), scaled(STREET_NAME)], "labels": ["STOP", "MAIN ST"]}
        case "<OD>":
            value = {"bboxes": boxes, "labels": ["car", "person", "wheel"]}
        case "<DENSE_REGION_CAPTION>":
            value = {"bboxes": boxes, "labels": ["a red car", "a person standing", "a wheel"]}
        case "<REGION_PROPOSAL>":
            value = {"bboxes": boxes, "labels": ["", "", ""]}
        case "<CAPTION_TO_PHRASE_GROUNDING>":
            value = {"bboxes": boxes[:1], "labels": [rest.strip(" .") or "car"]}
        case "<REFERRING_EXPRESSION_SEGMENTATION>" | "<REGION_TO_SEGMENTATION>":
            value = {"polygons": [[scaled(SQUARE)]], "labels": [""]}
        case "<OPEN_VOCABULARY_DETECTION>":
            names = rest.split("<and>")[: len(boxes)]
            value = {"bboxes": boxes[: len(names)], "bboxes_labels": names, "polygons": [], "polygons_labels": []}
        case "<REGION_TO_CATEGORY>" | "<REGION_TO_DESCRIPTION>" | "<REGION_TO_OCR>":
            words = {"<REGION_TO_CATEGORY>": "car", "<REGION_TO_DESCRIPTION>": "a red car", "<REGION_TO_OCR>": "STOP"}
            value = words[token] + "".join(re.findall(r"<loc_\d+>", rest))
        case _:
            value = "free answer: a red car"
    return {token or f"{prompt}>": value}


@dataclass(frozen=True)
class Call:
    """One request for an answer, as it arrived."""

    model_id: str
    prompt: str
    image_size: tuple[int, int]
    image: bytes
    body_bytes: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


Respond = Callable[["ScriptedBackend", web.Request, Call], Awaitable[web.StreamResponse]]
"""A function that sends the answer to a call."""


@dataclass
class ScriptedBackend:
    """A server with scripted answers; a context manager.

    Attributes:
        delay: Seconds that an answer takes.
        megabits: Speed at which it reads requests, in 10^6 bits a second; None for no limit.
        parallel: How many answers it works on at once, while others wait; None for no limit.
        answer: Prompt and sent size -> the answer's `response`.
        info: The body of `/info`.
        models: The models of `/status`; None answers 404 there, as the genuine server does.
        port: Port to listen on; 0 picks a free one.
        keep_images: Whether `calls` keep the pictures; off for long measurements.
        fault: Called in place of the script, to test failures; it may be set and reset at any time.
        calls: All calls so far.
        prepared: The models that it was asked to prepare.
        peak: The most calls in progress at the same time.
        abandoned: Calls whose client disconnected before the answer.
    """

    delay: float = 0.0
    megabits: float | None = None
    parallel: int | None = None
    answer: Callable[[str, tuple[int, int]], Any] = plausible_answer
    info: dict[str, Any] = field(default_factory=lambda: dict(INFO))
    models: dict[str, dict[str, Any]] | None = None
    port: int = 0
    keep_images: bool = True
    fault: Respond | None = None
    calls: list[Call] = field(default_factory=list, init=False)
    prepared: list[str] = field(default_factory=list, init=False)
    peak: int = field(default=0, init=False)
    abandoned: int = field(default=0, init=False)
    running: int = field(default=0, init=False)

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def count(self) -> int:
        """How many calls arrived."""
        return len(self.calls)

    def __enter__(self) -> Self:
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), name="scripted-backend", daemon=True)
        self._thread.start()
        if not started.wait(30):
            raise TimeoutError("The scripted server did not start.")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    def wait_for(self, condition: Callable[[Self], bool], timeout: float = 30.0) -> None:
        """Block until a condition holds, such as `lambda b: b.running == 2`; checked whenever a call comes or goes.

        Raises:
            TimeoutError: If the condition does not hold in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                raise TimeoutError(f"Waited in vain: {self.count} calls, {self.running} running.")

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._slots = asyncio.Semaphore(self.parallel) if self.parallel else None
        runner = web.AppRunner(self._application(), handler_cancellation=True, access_log=None, shutdown_timeout=0)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", self.port, backlog=1024)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/infer/lmm", self._infer)
        app.router.add_post("/infer/lmm/{model_id:.+}", self._infer)
        app.router.add_get("/info", self._info)
        app.router.add_get("/status", self._status)
        app.router.add_get("/model/registry", self._registry)
        app.router.add_post("/model/prepare", self._prepare)
        return app

    async def _info(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.info)

    async def _status(self, _: web.Request) -> web.StreamResponse:
        if self.models is None:
            return web.json_response({"detail": "Not Found"}, status=404)
        return web.json_response({"models": self.models, "waiting": 0})

    async def _registry(self, _: web.Request) -> web.StreamResponse:
        names = sorted({call.model_id for call in self.calls})
        return web.json_response({"models": [{"model_id": name, "task_type": "lmm"} for name in names]})

    async def _prepare(self, request: web.Request) -> web.StreamResponse:
        model_id = (await request.json())["model_id"]
        if self.models is None or model_id not in self.models:
            return web.json_response({"detail": "Not Found"}, status=404)
        with self._changed:
            self.prepared.append(model_id)
            self._changed.notify_all()
        return web.json_response(self.models[model_id], status=202)

    async def _infer(self, request: web.Request) -> web.StreamResponse:
        raw = await self._read(request)
        call = self._record(request, raw)
        try:
            if self._slots is None:
                return await self.respond(request, call)
            async with self._slots:
                return await self.respond(request, call)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        finally:
            with self._changed:
                self.running -= 1
                self._changed.notify_all()

    async def _read(self, request: web.Request) -> bytes:
        if self.megabits is None:
            return await request.read()
        parts, total, begun = [], 0, time.perf_counter()
        async for part in request.content.iter_chunked(READ_CHUNK):
            parts.append(part)
            total += len(part)
            ahead = total * 8 / (self.megabits * 1e6) - (time.perf_counter() - begun)
            if ahead > 0:
                await asyncio.sleep(ahead)
        return b"".join(parts)

    def _record(self, request: web.Request, raw: bytes) -> Call:
        body = json.loads(raw)
        image = base64.b64decode(body["image"]["value"])
        with Image.open(io.BytesIO(image)) as opened:
            size = opened.size
        kept = image if self.keep_images else b""
        rest = {name: value for name, value in body.items() if name != "image"}
        call = Call(body["model_id"], body.get("prompt", ""), size, kept, len(raw), dict(request.headers), rest)
        with self._changed:
            self.calls.append(call)
            self.running += 1
            self.peak = max(self.peak, self.running)
            self._changed.notify_all()
        return call

    async def respond(self, request: web.Request, call: Call) -> web.StreamResponse:
        """Answer one call."""
        fault = self.fault
        await asyncio.sleep(self.delay)
        if fault is not None:
            return await fault(self, request, call)
        return web.json_response(self.body(call), headers={"x-model-id": call.model_id, "x-model-cold-start": "false"})

    def body(self, call: Call) -> dict[str, Any]:
        """The JSON body of a good answer."""
        return {
            "inference_id": str(uuid.uuid4()),
            "time": self.delay,
            "image": {"width": call.image_size[0], "height": call.image_size[1]},
            "response": self.answer(call.prompt, call.image_size),
        }


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m florence_ui.bench.scripted_backend", description="A server with scripted answers."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--delay", type=float, default=0.5, help="seconds an answer takes (default %(default)s)")
    parser.add_argument("--megabits", type=float, help="read requests at this speed in Mbit/s (default: no limit)")
    parser.add_argument("--parallel", type=int, help="answers to work on at once (default: no limit)")
    options = vars(parser.parse_args())
    with ScriptedBackend(**options, keep_images=False) as backend:
        print(backend.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
