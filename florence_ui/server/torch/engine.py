"""Loading of checkpoints into PyTorch."""

from pathlib import Path

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.errors import as_broken_weights
from florence_ui.server.processing.generation_config import read_generation_config
from florence_ui.server.torch.batch_network import BatchNetwork
from florence_ui.server.torch.beam_search import can_follow
from florence_ui.server.torch.model import build_model
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
        self.info = runtime.info
        self.records = records

    def load(self, directory: Path) -> TorchNetwork | BatchNetwork:
        """Load a checkpoint in Hugging Face layout.

        Raises:
            UnknownModelError: If it is something else than a Florence-2 of a known shape.
            BrokenWeightsError: If its files cannot be loaded, or weights are missing in them.
            MemoryError: If it does not fit.
        """
        checkpoint, generation = Checkpoint(directory), read_generation_config(directory)
        generation.check_ids(checkpoint.vocabulary)
        runtime = self.runtime.suited_to(directory)
        with as_broken_weights():
            model = build_model(checkpoint, generation, runtime.dtype).to(runtime.device)
        if runtime.device == "cuda" and self.records and can_follow(generation):
            return BatchNetwork(model, runtime, generation)
        return TorchNetwork(model, runtime)


def choose() -> TorchEngine:
    """The engine on this machine's best device."""
    return TorchEngine(choose_runtime())


def choose_if_faster() -> TorchEngine | None:
    """The same, unless that is a processor on which ONNX Runtime answers as soon."""
    runtime = choose_runtime()
    return None if runtime.device == "cpu" and not bfloat16_is_faster(LEAST_GAIN) else TorchEngine(runtime)
