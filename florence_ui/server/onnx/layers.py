"""Layers that all three networks are made of."""

from collections.abc import Sequence

import numpy as np

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.onnx.graph import CONTRIB, Graph

EPSILON = 1e-5
"""What torch's LayerNorm adds to the variance."""
ACTIVATIONS = {"gelu": "Gelu", "relu": "Relu"}


class Layers:
    """Writes layers with a checkpoint's weights into a graph; a prefix is the name of one of transformers' modules.

    Values that pass between layers have the shape (tokens, width), without a batch.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.graph = Graph()
        self.checkpoint = checkpoint

    def weight(self, name: str) -> str:
        """A tensor of the checkpoint."""
        return self.graph.tensor(self.checkpoint.read(name))

    def linear(self, tokens: str, prefix: str) -> str:
        """A linear layer."""
        bias = [self.weight(f"{prefix}.bias")] if f"{prefix}.bias" in self.checkpoint else []
        return self.graph.op("Gemm", tokens, self.weight(f"{prefix}.weight"), *bias, transB=1)

    def split_linear(self, tokens: str, prefix: str, parts: int = 3) -> list[str]:
        """A linear layer as several of the same width; what it gives needs no splitting, which would copy it."""
        weights = np.split(self.checkpoint.read(f"{prefix}.weight"), parts)
        biases = np.split(self.checkpoint.read(f"{prefix}.bias"), parts)
        return [
            self.graph.op("Gemm", tokens, self.graph.tensor(weight), self.graph.tensor(bias), transB=1)
            for weight, bias in zip(weights, biases, strict=True)
        ]

    def layer_norm(self, tokens: str, prefix: str) -> str:
        """Normalize the last axis."""
        parameters = self.weight(f"{prefix}.weight"), self.weight(f"{prefix}.bias")
        return self.graph.op("LayerNormalization", tokens, *parameters, epsilon=EPSILON)

    def feed_forward(self, tokens: str, prefix: str, activation: str) -> str:
        """Two linear layers, `fc1` and `fc2` of a module, with an activation between them."""
        hidden = self.graph.op(ACTIVATIONS[activation], self.linear(tokens, f"{prefix}.fc1"))
        return self.linear(hidden, f"{prefix}.fc2")

    def attention(self, projected: Sequence[str], heads: int, *, width: int, tokens: int | None = None) -> str:
        """Multi-head attention of queries, keys and values, among all tokens or within runs of as many."""
        shape = (1, -1, width) if tokens is None else (-1, tokens, width)
        parts = [self.graph.reshape(part, *shape) for part in projected]
        attended = self.graph.op("MultiHeadAttention", *parts, domain=CONTRIB, num_heads=heads)
        return self.graph.reshape(attended, -1, width)
