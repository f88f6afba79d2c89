"""The runtime of the network: the device, its fastest precision, the number of threads."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from florence_ui.server.cores import available_cores
from florence_ui.server.engine import EngineInfo
from florence_ui.server.weights import is_small

TOKENS, WIDTH = 128, 768
"""Size of the layer on which float32 and bfloat16 are compared: base's width, a part of a picture's tokens."""
TURNS, LEAST_TURNS, MOST_SECONDS = 30, 4, 0.5
"""Limits of that comparison: 30 rounds take 50 ms on two cores; where bfloat16 is emulated, the seconds end it."""


@dataclass(frozen=True)
class Runtime:
    """A device and a precision."""

    device: str
    dtype: torch.dtype

    @property
    def info(self) -> EngineInfo:
        """What computes."""
        return EngineInfo("torch", self.device, str(self.dtype).removeprefix("torch."))

    def suited_to(self, directory: Path) -> "Runtime":
        """This runtime, or float32 for a small checkpoint, which costs no time and shifts no box."""
        return replace(self, dtype=torch.float32) if is_small(directory) else self


def choose_runtime() -> Runtime:
    """Choose CUDA or MPS if available, otherwise the CPU in the precision that is faster on it.

    On a card that is float16, in which Microsoft published the weights: its places are finer than bfloat16's.
    """
    if torch.cuda.is_available():
        return Runtime("cuda", torch.float16)
    if torch.backends.mps.is_available():
        return Runtime("mps", torch.float32)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), available_cores()))
    return Runtime("cpu", torch.bfloat16 if bfloat16_is_faster() else torch.float32)


@torch.inference_mode()
def bfloat16_is_faster(times: float = 1.25) -> bool:
    """Measure whether it is that many times faster than float32; on some processors it is a hundred times slower.

    Both take turns and the best of each counts, so that another program that keeps the processor busy for a moment, as
    the page does while it starts, does not affect the outcome.
    """
    tokens, weights = torch.rand(TOKENS, WIDTH), torch.rand(WIDTH, WIDTH)
    best = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    layers = {dtype: (tokens.to(dtype), weights.to(dtype)) for dtype in best}
    deadline = time.perf_counter() + MOST_SECONDS
    for turn in range(TURNS):
        for dtype, layer in layers.items():
            best[dtype] = min(best[dtype], _seconds(*layer))
        if turn >= LEAST_TURNS and time.perf_counter() > deadline:
            break
    return times * best[torch.bfloat16] < best[torch.float32]


def _seconds(tokens: torch.Tensor, weights: torch.Tensor) -> float:
    """Measure one layer in seconds."""
    start = time.perf_counter()
    torch.nn.functional.linear(tokens, weights)
    return time.perf_counter() - start
