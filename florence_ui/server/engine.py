"""The protocol between the server and its engines; nothing above an engine knows which one runs.

An engine only computes: pixel values to a picture's features, features and a prompt's ids to the ids of an answer.
Words, pictures and their preparation are the processor's, and the same for all engines.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_BEAMS = 3
"""Of the beam search, whatever the checkpoint says; the model's own documentation has it so."""
TITLES = {"onnx": "ONNX Runtime", "torch": "PyTorch"}
"""Engines as their makers spell them."""


@dataclass(frozen=True)
class EngineInfo:
    """What computes.

    Attributes:
        name: Such as `torch`.
        device: Such as `cpu` or `cuda`.
        precision: Such as `float32`.
    """

    name: str
    device: str
    precision: str

    def __str__(self) -> str:
        return f"{TITLES.get(self.name, self.name)}, {self.device.upper()}, {self.precision}"


class Features(Protocol):
    """What an engine saw in a picture; opaque to all others, who may keep it and count its bytes."""

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""


@dataclass(frozen=True, eq=False)
class Question:
    """A question about a picture.

    Attributes:
        features: The picture's, from `see` of the same network.
        token_ids: The prompt from `<s>` to `</s>`, without the tokens that stand for the picture.
        max_new_tokens: Maximum length of the answer.
        stop: When set by another thread, the answer ends at its next token, and nobody reads it.
    """

    features: Any
    token_ids: Sequence[int]
    max_new_tokens: int
    stop: threading.Event


class Network(Protocol):
    """A checkpoint in memory; used by one thread at a time. Dropping the last reference to it unloads it."""

    @property
    def info(self) -> EngineInfo:
        """What computes this network."""

    @property
    def max_positions(self) -> int:
        """Maximum length of a prompt with its picture, and of an answer, in tokens."""

    @property
    def max_batch(self) -> int:
        """Maximum number of pictures or questions in one call; 1 where more at once are no faster."""

    def see(self, pictures: "Sequence[NDArray[np.float32]]") -> Sequence[Features]:
        """The features of pictures, from pixel values of shape (3, height, width) each."""

    def answer(self, questions: Sequence[Question]) -> list[list[int]]:
        """The token ids that a beam search gives for each question, with those that start and end an answer.

        They follow the checkpoint's `generation_config`, and are what transformers' `generate` gives for the question
        alone.
        """


class Engine(Protocol):
    """An engine on its device."""

    @property
    def info(self) -> EngineInfo:
        """What computes, in the precision that large networks get; a small one may get another."""

    def load(self, directory: Path) -> Network:
        """Load a checkpoint in Hugging Face layout.

        Raises:
            BrokenWeightsError: If its files cannot be loaded, or weights are missing in them.
            MemoryError, RuntimeError: If it does not fit, or the device fails.
        """
