"""Rows 12, 13 and 14: start-up time, page weight, and peak memory for a large picture."""

import gzip
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import brotli

from florence_ui.bench.measuring import Measurement, Scale, Target, measure_alternating, ratios, time_call
from florence_ui.bench.photographs import SIZES, photograph
from florence_ui.bench.processes import free_port, program, wait_for
from florence_ui.images.loading import open_picture
from florence_ui.inference.gallery import load_examples

ROOT = Path(__file__).resolve().parents[3]

PEAK = """
import gc, sys
from pathlib import Path
from florence_ui.bench.processes import Memory
from florence_ui.bench.rows.answering import run_once
from florence_ui.bench.scripted_backend import ScriptedBackend

small, *large = map(Path, sys.argv[1:])
with ScriptedBackend() as backend:
    run_once(backend.url, small)
    for path in large:
        gc.collect()
        memory = Memory()
        run_once(backend.url, path)
        print(memory.peak())
"""

KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {"format": "JPEG", "quality": 92},
    "progressive JPEG": {"format": "JPEG", "quality": 92, "progressive": True},
    "PNG": {"format": "PNG", "compress_level": 1},
    "WebP": {"format": "WEBP", "quality": 80, "method": 0},
}
"""Formats of the picture; a progressive JPEG and a WebP cannot be decoded piece by piece."""


def startup_time(scale: Scale) -> Measurement:
    """Row 12: from the command to a page that answers, against importing Gradio."""

    def ours() -> float:
        return time_call(start_and_stop)

    def theirs() -> float:
        return time_call(lambda: subprocess.run([sys.executable, "-c", "import gradio"], check=True))

    taken = measure_alternating(ours, theirs, min(scale.pairs, 4))
    notes = " against ".join(f"{sorted(side)[len(side) // 2]:.1f} s" for side in zip(*taken, strict=True))
    return Measurement(
        12, "from `python app.py` to a page that answers, against `import gradio`", ratios(taken), Target(1.6), notes
    )


def start_and_stop() -> None:
    """Start the page, wait until it answers, and kill it."""
    port = free_port()
    environ = os.environ | {"GRADIO_SERVER_PORT": str(port), "FLORENCE_UI_START_SERVER": "false"}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
    finally:
        process.kill()


def page_weight(scale: Scale) -> Measurement:
    """Row 13: how much more our page, with its styles, scripts and pictures, weighs than the same stock components.

    A first visit also loads the components' own code, which is the same on both sides.
    """
    ours = first_visit(ROOT / "app.py")
    ours += len(open_picture(next(example.path for example in load_examples() if example.path)).jpeg)
    theirs = first_visit(Path(__file__).with_name("stock_page.py"))
    return Measurement(
        13, "the page's weight against the same stock components", [(ours - theirs) / 1000], Target(150, "kB"),
        f"{ours / 1000:,.0f} kB against {theirs / 1000:,.0f} kB",
    )  # fmt: skip


def first_visit(app: Path) -> int:
    """Bytes of an app's page as sent to a browser, and of the files named in it."""
    page = f"http://127.0.0.1:{(port := free_port())}/"
    environ = {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "FLORENCE_UI_START_SERVER": "false",
    }
    with program([str(app)], page, environ):
        text, size = download(page)
        files = set(re.findall(r"/gradio_api/file=[^\"\\]+", text))
        return size + sum(download(page + file[1:])[1] for file in files)


def download(url: str) -> tuple[str, int]:
    """The text at the URL, and its size in bytes as transferred."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip, br"})
    with urllib.request.urlopen(request) as answer:
        data, coding = answer.read(), answer.headers.get("Content-Encoding")
    plain = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding](data)
    return plain.decode("utf-8", "replace"), len(data)


def peak_memory(scale: Scale) -> Measurement:
    """Row 14: the peak memory that a run with 48 megapixels adds, against the decoded picture; the worst format counts.

    WebP is only in the notes: its decoder alone holds three copies of four bytes per pixel.
    """
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / "small.jpg", *(Path(name) / kind for kind in KINDS)]
        photograph(1, scale.seed).save(paths[0])
        large = photograph(48, scale.seed)
        for path, options in zip(paths[1:], KINDS.values(), strict=True):
            large.save(path, **options)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *map(str, paths)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
        )
    width, height = SIZES[48]
    decoded = width * height * 3
    peaks = dict(zip(KINDS, [int(line) / decoded for line in done.stdout.split()], strict=True))
    notes = ", ".join(f"{kind} {peak:.2f}" for kind, peak in peaks.items())
    worst = max(peak for kind, peak in peaks.items() if kind != "WebP")
    return Measurement(
        14, "peak memory of a run with 48 megapixels against the decoded picture", [worst], Target(3),
        f"{notes} times {decoded / 1e6:,.0f} MB",
    )  # fmt: skip
