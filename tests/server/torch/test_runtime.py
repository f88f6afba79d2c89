"""The measured precision, and a container's CPU limit."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from florence_ui.server.torch import runtime


@pytest.mark.parametrize(
    ("full", "half", "faster"),
    [
        pytest.param([1.0], [0.5], True, id="faster"),
        pytest.param([1.0], [0.9], False, id="hardly"),
        pytest.param([0.01], [1.0], False, id="emulated"),
        pytest.param([1.0], [9.0] * 10 + [0.5], True, id="faster-beside-a-busy-program"),
        pytest.param([9.0] * 10 + [1.0], [2.0], False, id="slower-beside-a-busy-program"),
    ],
)
def test_bfloat16_is_chosen_only_where_it_is_clearly_faster(
    full: list[float], half: list[float], faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of the seconds is how long a layer takes when nobody disturbs."""
    left = {torch.float32: list(full), torch.bfloat16: list(half)}

    def seconds(tokens: torch.Tensor, weights: torch.Tensor) -> float:
        of_this = left[tokens.dtype]
        return of_this.pop(0) if len(of_this) > 1 else of_this[0]

    monkeypatch.setattr(runtime, "_seconds", seconds)
    assert runtime.bfloat16_is_faster() is faster


def test_the_choice_ends_soon_where_bfloat16_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []  # of 0.2 seconds each, by a clock that goes on with them
    monkeypatch.setattr(runtime, "_seconds", lambda *layer: asked.append(0.2) or 0.2)
    monkeypatch.setattr(runtime, "time", SimpleNamespace(perf_counter=lambda: sum(asked)))
    assert runtime.bfloat16_is_faster() is False
    assert len(asked) == 2 * (runtime.LEAST_TURNS + 1)


@pytest.mark.parametrize(
    ("device", "megabytes", "dtype"),
    [
        pytest.param("cpu", 10, torch.float32, id="small-on-the-processor"),
        pytest.param("cpu", 500, torch.bfloat16, id="large-on-the-processor"),
        pytest.param("cuda", 10, torch.float32, id="small-on-a-card"),
        pytest.param("cuda", 500, torch.bfloat16, id="large-on-a-card"),
    ],
)
def test_a_small_network_keeps_its_precision_where_that_costs_nothing(
    device: str, megabytes: int, dtype: torch.dtype, tmp_path: Path
) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(megabytes * 2**20)
    assert runtime.Runtime(device, torch.bfloat16).suited_to(tmp_path) == runtime.Runtime(device, dtype)


def test_the_measurement_takes_a_moment_and_gives_seconds() -> None:
    assert 0 < runtime._seconds(torch.rand(128, 768), torch.rand(768, 768)) < 10
