"""BART, the text encoder and decoder.

The encoder's own result is read only by the decoder's cross-attention, so its graph ends with those keys and values:
they are computed once for a prompt. The decoder's graph is one token, for any number of beams.
"""

import numpy as np

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.checkpoint.config import TextConfig
from florence_ui.server.onnx.graph import CONTRIB
from florence_ui.server.onnx.layers import Layers

ENCODER, DECODER = "model.language_model.encoder", "model.language_model.decoder"
SHORTLIST = 256
"""Best tokens of a rounded output layer whose logits are computed anew: nearly all that is probable. With 64, the sum
of all probabilities was off by up to 0.25 % on nano, and one of 160 answers had another place; with 256 by 0.01 %."""


def cache_names(config: TextConfig) -> list[str]:
    """The names of the decoder's keys and values, layer by layer, as both graphs order them."""
    return [f"{part}{layer}" for layer in range(config.decoder_layers) for part in "kv"]


class TextEncoder(Layers):
    """The network from `embeddings` of shape (tokens, width) to keys and values of shape (heads, tokens, head).

    Raises:
        BrokenWeightsError: If weights are missing.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self.config = checkpoint.config.text
        tokens = self.graph.input("embeddings", ("tokens", self.config.width))
        tokens = self.layer_norm(tokens, f"{ENCODER}.layernorm_embedding")
        for layer in range(self.config.encoder_layers):
            tokens = self._layer(tokens, f"{ENCODER}.layers.{layer}")
        heads, head = self.config.decoder_heads, self.config.width // self.config.decoder_heads
        for layer in range(self.config.decoder_layers):
            for part in "kv":
                projected = self.linear(tokens, f"{DECODER}.layers.{layer}.encoder_attn.{part}_proj")
                split = self.graph.op("Transpose", self.graph.reshape(projected, -1, heads, head), perm=[1, 0, 2])
                self.graph.output(split, (heads, "tokens", head))

    def _layer(self, tokens: str, prefix: str) -> str:
        projected = [self.linear(tokens, f"{prefix}.self_attn.{part}_proj") for part in "qkv"]
        attended = self.attention(projected, self.config.encoder_heads, width=self.config.width)
        attended = self.linear(attended, f"{prefix}.self_attn.out_proj")
        tokens = self.layer_norm(self.graph.op("Add", tokens, attended), f"{prefix}.self_attn_layer_norm")
        hidden = self.feed_forward(tokens, prefix, self.config.activation)
        return self.layer_norm(self.graph.op("Add", tokens, hidden), f"{prefix}.final_layer_norm")


class Decoder(Layers):
    """The network from the last token of every beam to the logits of the next one.

    Its inputs are `embeddings` (beams, width), `origins` (beams,), the place that each beam had before, the keys and
    values of the tokens before (earlier beams, heads, length, head), and under `cross_` those of the encoder; its
    outputs the logits (beams, vocabulary) and the keys and values with those of this token.

    Args:
        checkpoint: The weights.
        fast: Whether to round those of the output layer to 8 bits. A step reads all weights for a few numbers of each
            beam, so its time is that of reading, and two fifths of base's decoder are the output layer.

    Raises:
        BrokenWeightsError: If weights are missing.
    """

    def __init__(self, checkpoint: Checkpoint, *, fast: bool = False) -> None:
        super().__init__(checkpoint)
        self.config = checkpoint.config.text
        self.heads, self.head = self.config.decoder_heads, self.config.width // self.config.decoder_heads
        self._cache: list[str] = []
        tokens = self.graph.input("embeddings", ("beams", self.config.width))
        self._origins = self.graph.input("origins", ("beams",), np.int64)
        tokens = self.layer_norm(tokens, f"{DECODER}.layernorm_embedding")
        for layer in range(self.config.decoder_layers):
            tokens = self._layer(tokens, layer)
        logits = self._rounded_logits(tokens) if fast else self.linear(tokens, "lm_head")
        self.graph.output(logits, ("beams", len(self.checkpoint.raw("lm_head.weight"))))
        for kept in self._cache:
            self.graph.output(kept, ("beams", self.heads, "length", self.head))

    def _rounded_logits(self, tokens: str) -> str:
        """Logits from rounded weights, except the highest: neighboring places are often almost equally probable.

        Rounded weights in the layers before would go on to save time, but move the corners of outlines by up to 25
        thousandths of a picture's side: each corner follows from the last.
        """
        graph = self.graph
        logits = self.rounded_linear(tokens, "lm_head")
        best = graph.ops("TopK", logits, graph.integers(SHORTLIST), results=2)[1]
        rows = graph.op("Gather", self.weight("lm_head.weight"), best)
        exact = graph.op("MatMul", rows, graph.reshape(tokens, -1, self.config.width, 1))
        return graph.op("ScatterElements", logits, best, graph.reshape(exact, -1, SHORTLIST), axis=1)

    def _layer(self, tokens: str, layer: int) -> str:
        add, prefix = "Add", f"{DECODER}.layers.{layer}"
        attended = self._self_attention(tokens, f"{prefix}.self_attn", layer)
        tokens = self.layer_norm(self.graph.op(add, tokens, attended), f"{prefix}.self_attn_layer_norm")
        attended = self._cross_attention(tokens, f"{prefix}.encoder_attn", layer)
        tokens = self.layer_norm(self.graph.op(add, tokens, attended), f"{prefix}.encoder_attn_layer_norm")
        hidden = self.feed_forward(tokens, prefix, self.config.activation)
        return self.layer_norm(self.graph.op(add, tokens, hidden), f"{prefix}.final_layer_norm")

    def _self_attention(self, tokens: str, prefix: str, layer: int) -> str:
        query, *new = (
            self.graph.reshape(self.linear(tokens, f"{prefix}.{part}_proj"), -1, self.heads, 1, self.head)
            for part in "qkv"
        )
        kept = []
        for part, current in zip("kv", new, strict=True):
            past = self.graph.input(f"{part}{layer}", ("earlier beams", self.heads, "past", self.head))
            past = self.graph.op("Gather", past, self._origins, axis=0)
            kept.append(self.graph.op("Concat", past, current, axis=2))
        self._cache += kept
        attended = self._attend(query, *kept)
        return self.linear(self.graph.reshape(attended, -1, self.config.width), f"{prefix}.out_proj")

    def _cross_attention(self, tokens: str, prefix: str, layer: int) -> str:
        """All beams read the same picture and prompt, so they are the rows of one product for each head."""
        query = self.graph.reshape(self.linear(tokens, f"{prefix}.q_proj"), -1, self.heads, self.head)
        kept = [self.graph.input(f"cross_{part}{layer}", (self.heads, "tokens", self.head)) for part in "kv"]
        attended = self._attend(self.graph.op("Transpose", query, perm=[1, 0, 2]), *kept)
        attended = self.graph.op("Transpose", attended, perm=[1, 0, 2])
        return self.linear(self.graph.reshape(attended, -1, self.config.width), f"{prefix}.out_proj")

    def _attend(self, query: str, key: str, value: str) -> str:
        scores = self.graph.op("FusedMatMul", query, key, domain=CONTRIB, transB=1, alpha=self.head**-0.5)
        return self.graph.op("MatMul", self.graph.op("Softmax", scores, axis=-1), value)
