"""Loading of checkpoints into ONNX Runtime."""

from pathlib import Path

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.cores import available_cores
from florence_ui.server.engine import EngineInfo
from florence_ui.server.errors import as_broken_weights
from florence_ui.server.onnx.network import OnnxNetwork
from florence_ui.server.processing.generation_config import read_generation_config
from florence_ui.server.processing.pixel_values import PixelValues
from florence_ui.server.weights import is_small


class OnnxEngine:
    """ONNX Runtime on the processor.

    Args:
        fast: Whether to round the weights of the decoder's output layer to 8 bits.
    """

    def __init__(self, *, fast: bool = False) -> None:
        self.fast = fast
        self.info = EngineInfo("onnx", "cpu", "float32 and int8" if fast else "float32")

    def load(self, directory: Path) -> OnnxNetwork:
        """Load a checkpoint in Hugging Face layout.

        Raises:
            UnknownModelError: If it is something else than a Florence-2 of a known shape.
            BrokenWeightsError: If its files cannot be loaded, or weights are missing in them.
            MemoryError: If it does not fit.
        """
        checkpoint = Checkpoint(directory)
        generation, picture_size = read_generation_config(directory), PixelValues(directory).size
        generation.check_ids(checkpoint.vocabulary)
        threads = 1 if is_small(directory) else available_cores()
        with as_broken_weights():
            return OnnxNetwork(checkpoint, generation, picture_size, threads, self.info, fast=self.fast)
