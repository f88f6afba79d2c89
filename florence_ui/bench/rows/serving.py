"""Rows 6 and 7: the local server against itself and against plain transformers, on a network of base's size."""

import base64
import io
import itertools
import json
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from florence_ui.bench.photographs import photograph
from florence_ui.bench.processes import free_port, program
from florence_ui.images.loading import encode_jpeg

if TYPE_CHECKING:
    from florence_ui.server.torch.engine import TorchEngine

ALIAS = "base-sized"
LOADED = 3
"""Times that both sides of row 7 load the network."""
NEW_TOKENS = 20
"""Tokens of about a brief caption; a network with random weights does not stop by itself."""


def another_task(scale: Scale) -> Measurement:
    """Row 6: the second question about a picture against the first."""
    with base_sized_server() as (url, _):
        pictures = new_pictures(scale)

        taken = []
        for picture in itertools.islice(pictures, 4):
            first = time_call(partial(ask, url, picture, "<CAPTION>"))
            taken.append((time_call(partial(ask, url, picture, "<OD>")), first))
    return Measurement(
        6, "another task on the same picture, local server, against the first task on it", ratios(taken[1:]),
        Target(0.5), format_medians(taken[1:]),
    )  # fmt: skip


def plain_transformers(scale: Scale) -> Measurement:
    """Row 7: one answer of the server against `generate` with the same settings.

    The speed of a process is constant but differs by up to a tenth from one process to the next, so both sides are
    reloaded several times.
    """
    from florence_ui.server.torch.engine import choose

    engine = choose()
    taken = [pair for _ in range(LOADED) for pair in pairs_of_one_load(engine, scale)]
    return Measurement(
        7, "one answer of the local server against plain transformers", ratios(taken), Target(1.05),
        f"{format_medians(taken)}, {engine.info.device} {engine.info.precision}",
    )  # fmt: skip


def pairs_of_one_load(engine: "TorchEngine", scale: Scale) -> list[tuple[float, float]]:
    """Seconds of the server and of plain transformers, each having just loaded the network."""
    from transformers import AutoProcessor

    from florence_ui.server.service import QUANTIZATIONS

    with base_sized_server() as (url, folder):
        network, processor = engine.load(folder), AutoProcessor.from_pretrained(folder)
        pictures = new_pictures(scale)
        precision = ask(url, next(pictures), "<CAPTION>")["resolved_model"]["quantization"]
        if precision != (theirs_in := QUANTIZATIONS[network.info.precision]):
            raise RuntimeError(f"the server runs in {precision}, plain transformers in {theirs_in}")

        def ours() -> float:
            data = next(pictures)
            return time_call(lambda: ask(url, data, "<CAPTION>"))

        def theirs() -> float:
            data = next(pictures)
            return time_call(lambda: generate(network.model, processor, data))

        return measure_alternating(ours, theirs, min(scale.pairs, 3))


def generate(model: Any, processor: Any, data: bytes) -> Any:
    """Process, generate and post-process, as the model's documentation shows."""
    import torch

    image = Image.open(io.BytesIO(data)).convert("RGB")
    with torch.inference_mode():
        inputs = processor(text="<CAPTION>", images=image, return_tensors="pt").to(model.device, model.dtype)
        ids = model.generate(**inputs, max_new_tokens=NEW_TOKENS, num_beams=3, do_sample=False)
        text = processor.batch_decode(ids, skip_special_tokens=False)[0]
    return processor.post_process_generation(text, task="<CAPTION>", image_size=image.size)


@contextmanager
def base_sized_server() -> Iterator[tuple[str, Path]]:
    """The local server with a network of base's size, loaded and warmed up: its URL and the checkpoint."""
    from florence_ui.bench.base_sized import write_checkpoint

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_checkpoint(folder)
        url = f"http://127.0.0.1:{(port := free_port())}"
        arguments = ["-m", "florence_ui.server", "--port", str(port), "--model", f"{ALIAS}={folder}"]
        with program(arguments, f"{url}/healthz"):
            ask(url, encode_jpeg(photograph(1, 0)), "<CAPTION>")
            yield url, folder


def new_pictures(scale: Scale) -> Iterator[bytes]:
    """Pictures new to the server, all of one size, and different even after JPEG compression."""
    base = photograph(1, scale.seed)
    for number in range(256):
        picture = base.copy()
        picture.paste((number % 16 * 16, number // 16 * 16, 90), (0, 0, 200, 200))
        yield encode_jpeg(picture)


def ask(url: str, jpeg: bytes, prompt: str) -> Any:
    """The server's JSON for one call, without the SDK, which would add its own time."""
    body = {
        "model_id": ALIAS,
        "prompt": prompt,
        "max_new_tokens": NEW_TOKENS,
        "image": {"type": "base64", "value": base64.b64encode(jpeg).decode()},
    }
    request = urllib.request.Request(
        f"{url}/infer/lmm", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)
