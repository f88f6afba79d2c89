"""Rows 12, 13 and 14: starting the page, its weight, and the memory that a large picture takes."""

import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from florence_ui.bench.measuring import Measurement, Scale, Target, in_turns, ratios, seconds
from florence_ui.bench.photographs import SIZES, photograph_jpeg
from florence_ui.bench.processes import free_port, program, wait_for

ROOT = Path(__file__).resolve().parents[3]

STOCK_PAGE = """
import sys, gradio as gr
with gr.Blocks() as demo:
    gr.Image(); gr.Textbox(); gr.Dropdown(["a"]); gr.Radio(["a"]); gr.Button(); gr.DataFrame(); gr.JSON(); gr.Code()
    gr.HTML(); gr.Markdown(); gr.Slider(); gr.Checkbox(); gr.CheckboxGroup(["a"]); gr.Gallery(); gr.File()
    gr.ImageSlider(); gr.DownloadButton()
demo.launch(server_port=int(sys.argv[1]), quiet=True)
"""

PEAK = """
import asyncio, resource, sys
from pathlib import Path
from florence_ui.bench.rows.answering import run_once
from florence_ui.scripted import ScriptedBackend

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

with ScriptedBackend() as backend:
    run_once(backend.url, Path(sys.argv[2]))
    before = peak()
    run_once(backend.url, Path(sys.argv[1]))
    print(peak() - before)
"""


def start(scale: Scale) -> Measurement:
    """Row 12: from the command to a page that answers, against importing gradio."""

    def ours() -> float:
        return seconds(start_and_stop)

    def theirs() -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", "import gradio"], check=True))

    taken = in_turns(ours, theirs, min(scale.pairs, 4))
    notes = " against ".join(f"{sorted(side)[len(side) // 2]:.1f} s" for side in zip(*taken, strict=True))
    return Measurement(
        12, "from `python app.py` to a page that answers, against `import gradio`", ratios(taken), Target(1.6), notes
    )


def start_and_stop() -> None:
    """Returns when the page answered; the program is ended afterwards, in the background."""
    port = free_port()
    environ = os.environ | {"GRADIO_SERVER_PORT": str(port), "FLORENCE_UI_START_SERVER": "false"}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
    finally:
        process.kill()


def weight(scale: Scale) -> Measurement:
    """Row 13: what our page and its styles and scripts weigh more than the same stock components."""
    ours = first_visit(["app.py"], {"FLORENCE_UI_START_SERVER": "false"}, own_port=False)
    with tempfile.TemporaryDirectory() as name:
        stock = Path(name) / "stock.py"
        stock.write_text(STOCK_PAGE)
        theirs = first_visit([str(stock)], {}, own_port=True)
    notes = f"{ours / 1000:,.0f} kB against {theirs / 1000:,.0f} kB, the page itself"
    return Measurement(
        13, "the page's weight against the same stock components", [(ours - theirs) / 1000], Target(150, "kB"), notes
    )


def first_visit(arguments: list[str], environ: dict[str, str], *, own_port: bool) -> int:
    """Bytes of the page that the server sends, the components' configuration, styles and scripts in it.

    The components' own code is the same on both sides, so it does not count.
    """
    port = free_port()
    environ = environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    page = f"http://127.0.0.1:{port}/"
    with program([*arguments, *([str(port)] if own_port else [])], page, environ):
        request = urllib.request.Request(page, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            return len(answer.read())


def memory(scale: Scale) -> Measurement:
    """Row 14: the most memory that a run with 48 megapixels adds, against the decoded picture."""
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name) / "large.jpg", Path(name) / "small.jpg"
        large.write_bytes(photograph_jpeg(48, scale.seed))
        small.write_bytes(photograph_jpeg(1, scale.seed))
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(large), str(small)], cwd=ROOT, capture_output=True, text=True, check=True
        )
    width, height = SIZES[48]
    decoded = width * height * 3
    peak = int(done.stdout)
    return Measurement(
        14, "peak memory of a run with 48 megapixels against the decoded picture", [peak / decoded], Target(3),
        f"{peak / 1e6:,.0f} MB against {decoded / 1e6:,.0f} MB",
    )  # fmt: skip
