"""The choice of the engine: forced, or by itself; what is missing or cannot be loaded costs a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from florence_ui.server import engine_choice
from florence_ui.server.engine import EngineInfo
from florence_ui.server.engine_choice import choose_engine
from florence_ui.server.errors import EngineUnavailableError
from florence_ui.server.torch import engine as torch_engine
from florence_ui.server.torch import runtime as torch_runtime


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python in which torch is not installed."""
    monkeypatch.setattr(engine_choice, "TORCH_PACKAGES", ("torch", "no_such_package"))
    monkeypatch.setitem(sys.modules, "florence_ui.server.torch.engine", None)


@pytest.fixture
def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python in which ONNX Runtime cannot be loaded."""
    monkeypatch.setitem(sys.modules, "florence_ui.server.onnx.engine", None)


@pytest.mark.usefixtures("without_torch")
def test_the_light_engine_runs_where_torch_is_not_installed() -> None:
    assert choose_engine().info == EngineInfo("onnx", "cpu", "float32")
    with pytest.raises(EngineUnavailableError, match=r"requirements-torch\.txt"):
        choose_engine("torch")


@pytest.mark.parametrize(
    ("info", "words"),
    [
        pytest.param(EngineInfo("onnx", "cpu", "float32"), "ONNX Runtime, CPU, float32", id="onnx"),
        pytest.param(EngineInfo("torch", "cuda", "float16"), "PyTorch, CUDA, float16", id="torch"),
        pytest.param(EngineInfo("scripted", "cpu", "int8"), "scripted, CPU, int8", id="another"),
    ],
)
def test_what_computes_is_named_as_its_makers_do(info: EngineInfo, words: str) -> None:
    assert str(info) == words


@pytest.mark.usefixtures("without_onnx")
def test_an_onnx_runtime_that_cannot_be_loaded_costs_a_sentence() -> None:
    with pytest.raises(EngineUnavailableError, match="cannot be loaded on this processor"):
        choose_engine("onnx")


@pytest.mark.parametrize(
    ("engine", "chosen"), [pytest.param("onnx", "onnx", id="onnx"), pytest.param("torch", "torch", id="torch")]
)
def test_an_engine_can_be_forced(engine: str, chosen: str) -> None:
    assert choose_engine(engine).info.name == chosen


@pytest.mark.parametrize(
    ("gain", "chosen"), [pytest.param(True, "torch", id="faster"), pytest.param(False, "onnx", id="not-faster")]
)
def test_torch_runs_by_itself_where_it_is_faster(gain: bool, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "bfloat16_is_faster", lambda times: gain)
    monkeypatch.setattr(torch_runtime.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch_runtime.torch.backends.mps, "is_available", lambda: False)
    assert choose_engine().info.name == chosen


def test_a_small_checkpoint_does_not_wait_for_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "florence_ui.server.torch.engine", None)
    assert choose_engine(small=True).info == EngineInfo("onnx", "cpu", "float32")
    with pytest.raises(EngineUnavailableError):
        choose_engine("torch", small=True)


def test_fast_is_the_light_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "bfloat16_is_faster", lambda times: True)
    info = choose_engine(precision="fast").info
    assert (info.name, info.precision) == ("onnx", "float32 and int8")


def test_an_answer_of_the_light_engine_needs_no_torch(checkpoint: Path) -> None:
    code = f"""
import sys, threading
from pathlib import Path
import numpy as np
from florence_ui.server.engine import Question
from florence_ui.server.engine_choice import choose_engine
network = choose_engine("onnx").load(Path({str(checkpoint)!r}))
features = network.see([np.zeros((3, 64, 64), np.float32)])
network.answer([Question(features[0], [0, 5, 2], 5, threading.Event())])
print(sorted({{"torch", "transformers", "onnx"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
