"""Layers that all three networks are made of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.onnx.graph import CONTRIB, Graph

EPSILON = 1e-5
"""What torch's LayerNorm adds to the variance."""
BLOCK = 32
"""Weights that share a scale; the width of every layer is a multiple of it."""
INT8_PRODUCTS = 4
"""`accuracy_level` of MatMulNBits: the tokens are rounded to 8 bits as well."""
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

    def rounded_linear(self, tokens: str, prefix: str) -> str:
        """A linear layer whose weights have 8 bits, with a scale for every few of them."""
        values, scales = round_to_8_bits(self.checkpoint.read(f"{prefix}.weight"))
        outputs, inputs = len(values), values.shape[1] * BLOCK
        product = self.graph.op(
            "MatMulNBits", tokens, self.graph.tensor(values), self.graph.tensor(scales),
            domain=CONTRIB, K=inputs, N=outputs, bits=8, block_size=BLOCK, accuracy_level=INT8_PRODUCTS,
        )  # fmt: skip
        bias = f"{prefix}.bias"
        return self.graph.op("Add", product, self.weight(bias)) if bias in self.checkpoint else product

    def split_linear(self, tokens: str, prefix: str) -> list[str]:
        """Queries, keys and values by a layer for each; what one layer gives would be copied when it is split."""
        weights = np.split(self.checkpoint.read(f"{prefix}.weight"), 3)
        biases = np.split(self.checkpoint.read(f"{prefix}.bias"), 3)
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


def round_to_8_bits(weights: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Round a matrix (outputs, inputs) block by block, as MatMulNBits takes it.

    Returns:
        Values of shape (outputs, blocks, block), of which 128 is zero, and scales of shape (outputs, blocks).
    """
    blocks = weights.reshape(len(weights), -1, BLOCK)
    scales = np.maximum(np.abs(blocks).max(axis=2), np.finfo(np.float32).tiny) / 127
    values = np.rint(blocks / scales[:, :, np.newaxis]) + 128
    return values.astype(np.uint8), scales.astype(np.float32)
