"""A checkpoint is data: whatever code comes with it stays where it is."""

import threading
from pathlib import Path

import pytest
import torch
from PIL import Image
from server.old_layout import write_old_layout

from florence_ui.assets import ASSETS
from florence_ui.models import NANO
from florence_ui.server.engine import Engine, Question
from florence_ui.server.onnx.engine import OnnxEngine
from florence_ui.server.processing.processor import Processor
from florence_ui.server.torch.engine import TorchEngine
from florence_ui.server.torch.runtime import Runtime

MODULES = ("modeling_florence2", "configuration_florence2", "processing_florence2")


@pytest.mark.server
@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(OnnxEngine(), id="onnx"),
        pytest.param(TorchEngine(Runtime("cpu", torch.float32)), id="torch"),
    ],
)
def test_code_that_comes_with_a_checkpoint_is_never_run(engine: Engine, tmp_path: Path) -> None:
    directory, trace = write_old_layout(ASSETS / NANO, tmp_path / "checkpoint"), tmp_path / "it ran"
    for name in MODULES:
        (directory / f"{name}.py").write_text(f"open({str(trace)!r}, 'w')\n")
    network, processor = engine.load(directory), Processor(directory)
    (features,) = network.see([processor.pixel_values(Image.new("RGB", (64, 48), "red"))])
    (ids,) = network.answer([Question(features, processor.tokenizer.encode("<CAPTION>"), 20, threading.Event())])
    assert processor.read_answer(ids, "<CAPTION>", (64, 48))["<CAPTION>"]
    assert not trace.exists()
