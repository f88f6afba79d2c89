"""Rows 6, 7 and 16 to 18: the local server against itself and against plain transformers, on a network of base's size.

The speed of a process is constant but differs by up to a tenth from one process to the next, so both sides are loaded
several times.
"""

import base64
import io
import itertools
import json
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

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
from florence_ui.images.encoding import encode_jpeg

ALIAS = "base-sized"
LOADED = 3
"""Times that both sides load the network."""
SHORT, LONG = 20, 150
"""Tokens of about a brief caption and of a busy picture's objects; random weights do not stop by themselves."""
LIGHT, TORCH = ("--engine", "onnx"), ("--engine", "torch")
FAST = (*LIGHT, "--precision", "fast")


def another_task(scale: Scale) -> Measurement:
    """Row 6: the second question about a picture against the first."""
    with base_sized_server(LIGHT) as (url, _, _):
        taken = []
        for picture in itertools.islice(new_pictures(scale), 4):
            first = time_call(partial(ask, url, picture, "<CAPTION>"))
            taken.append((time_call(partial(ask, url, picture, "<OD>")), first))
    return Measurement(
        6, "another task on the same picture, local server, against the first task on it", ratios(taken[1:]),
        Target(1 / 3), format_medians(taken[1:]),
    )  # fmt: skip


def short_answer(scale: Scale) -> Measurement:
    """Row 7: the server against `generate` with the same settings."""
    return against_transformers(7, LIGHT, SHORT, Target(1 / 1.25), scale)


def long_answer(scale: Scale) -> Measurement:
    """Row 16: the same for a long answer."""
    return against_transformers(16, LIGHT, LONG, Target(1 / 1.7), scale)


def long_fast_answer(scale: Scale) -> Measurement:
    """Row 17: the same with the decoder's output layer in 8 bits."""
    return against_transformers(17, FAST, LONG, Target(1 / 2), scale)


def torch_answer(scale: Scale) -> Measurement:
    """Row 18: the other engine."""
    return against_transformers(18, TORCH, SHORT, Target(1.05), scale)


def against_transformers(number: int, options: Sequence[str], tokens: int, target: Target, scale: Scale) -> Measurement:
    """Seconds of one answer of the server and of plain transformers, in bfloat16 if the server uses it."""
    taken: list[tuple[float, float]] = []
    names = ""
    for _ in range(LOADED):
        with base_sized_server(options) as (url, folder, engine):
            names = ", ".join(engine.values())
            taken += pairs_of_one_load(url, folder, engine["precision"], tokens, scale)
    return Measurement(
        number, f"{tokens} tokens of the local server ({names}) against plain transformers",
        ratios(taken), target, format_medians(taken),
    )  # fmt: skip


def pairs_of_one_load(url: str, folder: Path, precision: str, tokens: int, scale: Scale) -> list[tuple[float, float]]:
    """Seconds of the server and of plain transformers, which has just loaded the network."""
    import torch
    from transformers import AutoProcessor, Florence2ForConditionalGeneration

    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    model = Florence2ForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
    processor, pictures = AutoProcessor.from_pretrained(folder), new_pictures(scale)

    def ours() -> float:
        data = next(pictures)
        return time_call(lambda: ask(url, data, "<CAPTION>", tokens))

    def theirs() -> float:
        data = next(pictures)
        return time_call(lambda: generate(model, processor, data, tokens))

    return measure_alternating(ours, theirs, min(scale.pairs, 3))


def generate(model: Any, processor: Any, data: bytes, tokens: int) -> Any:
    """Process, generate and post-process, as the model's documentation shows."""
    import torch

    image = Image.open(io.BytesIO(data)).convert("RGB")
    with torch.inference_mode():
        inputs = processor(text="<CAPTION>", images=image, return_tensors="pt").to(model.device, model.dtype)
        ids = model.generate(**inputs, max_new_tokens=tokens, num_beams=3, do_sample=False)
        text = processor.batch_decode(ids, skip_special_tokens=False)[0]
    return processor.post_process_generation(text, task="<CAPTION>", image_size=image.size)


@contextmanager
def base_sized_server(options: Sequence[str]) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """The local server with a network of base's size, loaded and warmed up: its URL, the checkpoint, and the engine."""
    from florence_ui.bench.base_sized import write_checkpoint

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_checkpoint(folder)
        with local_server([*options, "--model", f"{ALIAS}={folder}"]) as (url, _):
            ask(url, encode_jpeg(photograph(1, 0)), "<CAPTION>")
            status = get_json(f"{url}/status")
            yield url, folder, {key: status[key] for key in ("engine", "device", "precision")}


@contextmanager
def local_server(options: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The local server: its URL and its process id."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with program(["-m", "florence_ui.server", "--port", str(port), *options], f"{url}/info") as process:
        yield url, process.pid


def new_pictures(scale: Scale) -> Iterator[bytes]:
    """Pictures new to the server, all of one size, and different even after JPEG compression."""
    base = photograph(1, scale.seed)
    for number in range(256):
        picture = base.copy()
        picture.paste((number % 16 * 16, number // 16 * 16, 90), (0, 0, 200, 200))
        yield encode_jpeg(picture)


def ask(url: str, jpeg: bytes, prompt: str, tokens: int = SHORT, model_id: str = ALIAS) -> Any:
    """The server's JSON for one call, without the SDK, which would add its own time."""
    body = {
        "model_id": model_id,
        "prompt": prompt,
        "max_new_tokens": tokens,
        "image": {"type": "base64", "value": base64.b64encode(jpeg).decode()},
    }
    return get_json(
        urllib.request.Request(f"{url}/infer/lmm", json.dumps(body).encode(), {"Content-Type": "application/json"})
    )


def get_json(request: str | urllib.request.Request) -> Any:
    """A server's answer."""
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)
