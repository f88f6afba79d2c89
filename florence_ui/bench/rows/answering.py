"""Rows 1, 2, 3 and 5: one run through the pipeline against the plain SDK call."""

import asyncio
import base64
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from PIL import Image

from florence_ui.bench.measuring import (
    Measurement,
    Scale,
    Target,
    format_medians,
    measure_alternating,
    ratios,
    time_call,
)
from florence_ui.bench.photographs import SIZES, photograph_jpeg
from florence_ui.bench.processes import free_port, program
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.images.loading import ImageLimits, Picture, open_picture
from florence_ui.inference.drawing import draw
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.request import Analysis, Request
from florence_ui.settings import Settings
from florence_ui.tasks import TASKS

NANO = "florence-2-nano"
SCENES = 200
UNUSED_NUMBERS = count()
LIMITS = ImageLimits(max_bytes=100 * 2**20)
"""Limits for a generated photograph of 48 megapixels, which exceeds the page's own."""


class PipelineRunner:
    """A pipeline with its own event loop, as in the page's process."""

    def __init__(self, url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.pipeline = Pipeline(Settings(backend="local", local_url=url, start_server=False))
        self.loop.run_until_complete(self.pipeline.warm_up())

    def run(
        self, source: Path | Picture, *, text: str = "", task: str = "<OD>", model_id: str = "florence-2-base"
    ) -> Analysis:
        """Everything from the picture, or its file, to the browser: open, ask, parse, draw, encode."""

        async def work() -> Analysis:
            picture = source if isinstance(source, Picture) else await asyncio.to_thread(open_picture, source, LIMITS)
            request = Request(TASKS[task], picture=picture, text=text, model_id=model_id, backend="local")
            analysis = await self.pipeline.analyze(request)
            await draw(analysis)
            return analysis

        return self.loop.run_until_complete(work())

    def new_question(self, source: Path | Picture) -> Analysis:
        """A run whose answer cannot be cached."""
        return self.run(source, task="<CAPTION_TO_PHRASE_GROUNDING>", text=f"a red car number {next(UNUSED_NUMBERS)}")

    def close(self) -> None:
        self.pipeline.stop()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


@contextmanager
def open_pipeline_runner(url: str) -> Iterator[PipelineRunner]:
    opened = PipelineRunner(url)
    try:
        yield opened
    finally:
        opened.close()


def run_once(url: str, path: Path) -> None:
    """One run, to measure its memory."""
    with open_pipeline_runner(url) as opened:
        opened.new_question(path)


def sdk_call(url: str, path: Path, prompt: str = "<OD>") -> dict[str, Any]:
    """The call as Roboflow's documentation shows it, with the original picture."""
    from inference_sdk import InferenceHTTPClient

    client = InferenceHTTPClient(api_url=url, api_key="none")
    return client.infer_lmm(str(path), model_id="florence-2-base", prompt=prompt)


@contextmanager
def photograph_file(megapixels: int, seed: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "photograph.jpg"
        path.write_bytes(photograph_jpeg(megapixels, seed))
        yield path


def overhead(scale: Scale) -> Measurement:
    """Row 1: what the pipeline adds to the plain SDK call; the picture was opened at upload, before the run."""
    with (
        ScriptedBackend(delay=0.5) as backend,
        photograph_file(1, scale.seed) as path,
        open_pipeline_runner(backend.url) as ours,
    ):
        picture = open_picture(path)
        taken = measure_alternating(
            lambda: time_call(lambda: ours.new_question(picture)),
            lambda: time_call(lambda: sdk_call(backend.url, path)),
            2 * scale.pairs + 1,
        )
    added = [(mine - other) * 1000 for mine, other in taken]
    return Measurement(
        1, "one run, 1 megapixel, backend of 0.5 s, more than the bare SDK call", added, Target(30, "ms"),
        format_medians(taken),
    )  # fmt: skip


def slow_upload(scale: Scale) -> Measurement:
    """Row 2: 12 megapixels over 20 Mbit/s."""
    with (
        ScriptedBackend(megabits=20) as backend,
        photograph_file(12, scale.seed) as path,
        open_pipeline_runner(backend.url) as ours,
    ):
        taken = measure_alternating(
            lambda: time_call(lambda: ours.new_question(path)),
            lambda: time_call(lambda: sdk_call(backend.url, path)),
            min(scale.pairs, 5),
        )
    return Measurement(
        2, "one run, 12 megapixels, backend that reads 20 Mbit/s, against the bare SDK call", ratios(taken),
        Target(0.5), format_medians(taken),
    )  # fmt: skip


def cached_answer(scale: Scale) -> Measurement:
    """Row 5: the same call again, against the first."""
    taken = []
    with (
        ScriptedBackend(delay=0.5) as backend,
        photograph_file(1, scale.seed) as path,
        open_pipeline_runner(backend.url) as ours,
    ):
        picture = open_picture(path)
        for number in range(scale.pairs + 1):
            request = Request(TASKS["custom"], picture=picture, text=f"question {number}", model_id="m")

            def ask(request: Request = request) -> None:
                ours.loop.run_until_complete(ours.pipeline.analyze(request))

            first = time_call(ask)
            taken.append((time_call(ask), first))
        calls = backend.count
    return Measurement(
        5, "the same call again, against the first", ratios(taken[1:]), Target(1 / 20),
        f"{format_medians(taken[1:])}; {calls} calls for {2 * len(taken)} runs",
    )  # fmt: skip


def bytes_sent(scale: Scale) -> Measurement:
    """Row 3: bytes sent for a 12-megapixel photograph, and whether the answer stays the same."""
    with (
        ScriptedBackend() as backend,
        photograph_file(12, scale.seed) as path,
        open_pipeline_runner(backend.url) as ours,
    ):
        ours.new_question(path)
        sdk_call(backend.url, path)
        small, large = (call.body_bytes for call in backend.calls[-2:])
    notes = f"{small / 1e3:,.0f} kB against {large / 1e3:,.0f} kB"
    if scale.short:
        notes += "; boxes not compared in the short form"
    else:
        agreement = box_agreement(SCENES, scale.seed)
        notes += f"; boxes on {SCENES} enlarged scenes agree at IoU {agreement:.3f} in the median"
        if agreement < 0.98:
            notes += " (0.98 MISSED)"
    return Measurement(
        3, "bytes sent for 12 megapixels, against what the SDK sends by itself", [small / large], Target(0.1), notes
    )


def box_agreement(scenes: int, seed: int) -> float:
    """Median IoU of nano's boxes for scenes enlarged to 12 megapixels, sent in full and by the pipeline."""
    from florence_ui.nano.scenes import draw_scene

    url = f"http://127.0.0.1:{(port := free_port())}"
    overlaps: list[float] = []
    with (
        tempfile.TemporaryDirectory() as name,
        program(["-m", "florence_ui.server", "--port", str(port)], f"{url}/healthz"),
        open_pipeline_runner(url) as ours,
    ):
        path = Path(name) / "scene.jpg"
        for number in range(scenes):
            scene = draw_scene(seed + number)
            scene.image.resize(SIZES[12], Image.Resampling.LANCZOS).save(path, quality=92)
            mine = ours.run(path, model_id=NANO).result.detections.xyxy
            other = boxes_for_original(url, path)
            if len(mine) and len(other):
                overlaps += sv.box_iou_batch(other, mine).max(axis=1).tolist()
            else:
                overlaps.append(float(len(mine) == len(other)))
    return statistics.median(overlaps)


def boxes_for_original(url: str, path: Path) -> np.ndarray:
    """The boxes (n, 4) for the whole file, by the SDK's call."""
    from inference_sdk import InferenceHTTPClient

    image = base64.b64encode(path.read_bytes()).decode()
    answer = InferenceHTTPClient(api_url=url, api_key="none").infer_lmm(
        image, model_id=NANO, prompt="<OD>", max_new_tokens=1024
    )
    return np.array(answer["response"]["<OD>"]["bboxes"], dtype=float).reshape(-1, 4)
