"""A checkpoint: its configuration and its tensors under transformers' names."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from florence_ui.server.checkpoint.config import read_config
from florence_ui.server.checkpoint.layouts import SHARED, TIED, TRANSPOSED, canonical_name
from florence_ui.server.checkpoint.safetensors import SafetensorsFile, to_float32
from florence_ui.server.errors import BrokenWeightsError
from florence_ui.server.weights import weight_files


class Checkpoint:
    """The contents of a checkpoint's files; nothing is read before it is asked for.

    Args:
        directory: A checkpoint in Hugging Face layout.

    Attributes:
        config: The sizes of its networks.

    Raises:
        UnknownModelError: If it is something else than a Florence-2 of a known shape.
        BrokenWeightsError: If the files cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        try:
            self.config = read_config(directory)
            self._files = [SafetensorsFile(path) for path in weight_files(directory)]
        except OSError as error:
            raise BrokenWeightsError(f"The files cannot be read ({type(error).__name__}).") from error
        self._places = {canonical_name(name): (file, name) for file in self._files for name in file.names()}

    def __contains__(self, name: str) -> bool:
        return name in self._places or (TIED.match(name) is not None and SHARED in self._places)

    @property
    def vocabulary(self) -> int:
        """Number of tokens that have a place both in the embeddings and in the output."""
        return min(len(self.raw(SHARED)), len(self.raw("lm_head.weight")))

    def read(self, name: str) -> NDArray[np.float32]:
        """A tensor by its canonical name: a view of the file if it holds float32, otherwise a converted copy.

        Raises:
            BrokenWeightsError: If the files lack it, or hold it in a type that no Florence-2 has.
        """
        return to_float32(self.raw(name))

    def raw(self, name: str) -> NDArray[np.generic]:
        """The same as the file has it; bfloat16 as its bits in uint16."""
        if name not in self._places and TIED.match(name):
            name = SHARED
        if name not in self._places:
            raise BrokenWeightsError("Weights are missing from the files.")
        file, own_name = self._places[name]
        try:
            values = file.raw(own_name)
        except ValueError as error:
            raise BrokenWeightsError(f"The files cannot be read ({type(error).__name__}).") from error
        return values.T if own_name in TRANSPOSED else values

    def release(self) -> None:
        """Give the mapped pages back to the system."""
        for file in self._files:
            file.release()
