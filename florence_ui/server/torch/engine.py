"""Loading of checkpoints into PyTorch."""

from pathlib import Path
from typing import Any

import torch
from transformers import Florence2ForConditionalGeneration

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.engine import EngineInfo
from florence_ui.server.engine_errors import BrokenWeightsError, UnknownModelError
from florence_ui.server.processing.generation_config import read_generation_config
from florence_ui.server.torch.batch_network import BatchNetwork
from florence_ui.server.torch.beam_search import can_follow
from florence_ui.server.torch.network import TorchNetwork
from florence_ui.server.torch.runtime import Runtime, bfloat16_is_faster, choose_runtime

LEAST_GAIN = 2.0
"""How many times faster than float32 bfloat16 has to be for PyTorch to answer sooner than ONNX Runtime in float32."""


class TorchEngine:
    """PyTorch on one device.

    Args:
        runtime: The device, and the precision for large networks.
        records: Whether to record CUDA graphs, for which the card must be there when a checkpoint is loaded.
    """

    def __init__(self, runtime: Runtime, *, records: bool = True) -> None:
        self.runtime = runtime
        self.records = records

    @property
    def info(self) -> EngineInfo:
        """What computes, in the precision that large networks get."""
        return self.runtime.info

    def load(self, directory: Path) -> TorchNetwork | BatchNetwork:
        """Load a checkpoint in Hugging Face layout.

        Raises:
            UnknownModelError: If it has the older layout, or is something else than a Florence-2 of a known shape.
            BrokenWeightsError: If its files cannot be loaded, or weights are missing in them.
        """
        if Checkpoint(directory).is_old_layout:
            raise UnknownModelError(
                "It has the layout of Microsoft's own code, which PyTorch's engine does not read; set "
                "FLORENCE_UI_ENGINE=onnx."
            )
        runtime = self.runtime.suited_to(directory)
        try:
            loaded: Any = Florence2ForConditionalGeneration.from_pretrained(
                directory, dtype=runtime.dtype, local_files_only=True, output_loading_info=True
            )  # a pair because of the last argument, which the types do not express
            model, loading = loaded
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # every library involved has its own for a broken file
            if "can't allocate memory" in str(error):
                raise MemoryError from error
            raise BrokenWeightsError(f"The files cannot be read ({type(error).__name__}).") from error
        if loading["missing_keys"] or loading["mismatched_keys"]:
            raise BrokenWeightsError("Weights are missing from the files.")
        model = model.to(runtime.device).eval()
        config = read_generation_config(directory)
        if runtime.device == "cuda" and self.records and can_follow(config):
            return BatchNetwork(model, runtime, config)
        return TorchNetwork(model, runtime)


def choose() -> TorchEngine:
    """The engine on this machine's best device."""
    return TorchEngine(choose_runtime())


def choose_if_faster() -> TorchEngine | None:
    """The same, unless that is a processor on which ONNX Runtime answers as soon."""
    runtime = choose_runtime()
    return None if runtime.device == "cpu" and not bfloat16_is_faster(LEAST_GAIN) else TorchEngine(runtime)
