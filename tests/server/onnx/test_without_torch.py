"""The light engine needs none of the libraries that it takes the place of."""

import subprocess
import sys
from pathlib import Path

import pytest

from florence_ui.assets import ASSETS
from florence_ui.models import NANO

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys, threading
sys.modules |= dict.fromkeys(["torch", "transformers", "onnx", "safetensors", "torchvision"])  # each import fails

from pathlib import Path
from PIL import Image
from florence_ui.server.engine import Question
from florence_ui.server.onnx.engine import OnnxEngine
from florence_ui.server.processing.processor import Processor

directory = Path(sys.argv[1])
network, processor = OnnxEngine().load(directory), Processor(directory)
(features,) = network.see([processor.pixel_values(Image.new("RGB", (64, 48), "red"))])
question = Question(features, processor.tokenizer.encode("<CAPTION>"), 20, threading.Event())
(ids,) = network.answer([question])
print(processor.read_answer(ids, "<CAPTION>", (64, 48)))
"""


@pytest.mark.server
def test_nano_answers_where_neither_torch_nor_transformers_can_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ASSETS / NANO)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{'<CAPTION>': '")
