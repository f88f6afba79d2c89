"""DaViT, the vision tower, and the projector behind it: from pixel values to the features of a picture.

The values of (tokens, width) stay that way: transformers transposes them six to nine times a block, which is a seventh
of the tower's time in ONNX Runtime. Here only the depthwise convolutions need the channels first, and ONNX Runtime
reads and writes those as it goes. The windows of the spatial attention are formed in long runs, and the channel
attention is computed without splitting or moving the channels' groups at all.
"""

from collections.abc import Callable

import numpy as np

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.errors import UnknownModelError
from florence_ui.server.onnx.graph import CONTRIB, Attributes
from florence_ui.server.onnx.layers import Layers

TOWER, PROJECTOR = "model.vision_tower", "model.multi_modal_projector"


class VisionTower(Layers):
    """The network from `pixel_values` of shape (1, 3, height, width) to features of shape (tokens, width of the text).

    Args:
        checkpoint: The weights.
        height: Height of the processed picture in pixels.
        width: Its width.

    Raises:
        UnknownModelError: If its features do not divide into windows.
        BrokenWeightsError: If weights are missing.
    """

    def __init__(self, checkpoint: Checkpoint, height: int, width: int) -> None:
        super().__init__(checkpoint)
        self.config = checkpoint.config.vision
        self.height, self.width = height, width
        tokens = self.graph.input("pixel_values", (1, 3, height, width))
        for stage, depth in enumerate(self.config.depths):
            tokens = self._patch_embedding(tokens, stage)
            for block in range(depth):
                prefix = f"{TOWER}.blocks.{stage}.{block}"
                tokens = self._block(tokens, f"{prefix}.spatial_block", stage, self._window_attention)
                tokens = self._block(tokens, f"{prefix}.channel_block", stage, self._channel_attention)
        self.graph.output(self._project(tokens), (self.height * self.width + 1, checkpoint.config.text.width))

    def _patch_embedding(self, tokens: str, stage: int) -> str:
        """Divide by the stage's stride, and go on with its width; the first one starts from the pixels."""
        config, prefix = self.config, f"{TOWER}.convs.{stage}"
        size, stride, padding = config.patch_sizes[stage], config.strides[stage], config.paddings[stage]
        if stage:
            tokens = self.layer_norm(tokens, f"{prefix}.norm") if config.prenorms[stage] else tokens
            tokens = self._channels_first(tokens, config.widths[stage - 1])
        kernel, bias = self.weight(f"{prefix}.conv.weight"), self.weight(f"{prefix}.conv.bias")
        shape: Attributes = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [padding] * 4}
        tokens = self.graph.op("Conv", tokens, kernel, bias, **shape)
        self.height, self.width = ((side + 2 * padding - size) // stride + 1 for side in (self.height, self.width))
        tokens = self._channels_last(tokens, config.widths[stage])
        return tokens if config.prenorms[stage] else self.layer_norm(tokens, f"{prefix}.norm")

    def _block(self, tokens: str, prefix: str, stage: int, attention: Callable[[str, str, int], str]) -> str:
        tokens = self._convolution(tokens, f"{prefix}.conv1", stage)
        attended = attention(self.layer_norm(tokens, f"{prefix}.norm1"), prefix, stage)
        tokens = self._convolution(self.graph.op("Add", tokens, attended), f"{prefix}.conv2", stage)
        hidden = self.layer_norm(tokens, f"{prefix}.norm2")
        return self.graph.op("Add", tokens, self.feed_forward(hidden, f"{prefix}.ffn", self.config.activation))

    def _convolution(self, tokens: str, prefix: str, stage: int) -> str:
        """A depthwise convolution and the tokens themselves, which are a 1 in the middle of its kernel."""
        width = self.config.widths[stage]
        kernel = self.checkpoint.read(f"{prefix}.weight").copy()
        kernel[:, :, 1, 1] += 1
        parameters = self.graph.tensor(kernel), self.weight(f"{prefix}.bias")
        shape: Attributes = {"kernel_shape": [3, 3], "pads": [1] * 4, "group": width}
        return self._channels_last(
            self.graph.op("Conv", self._channels_first(tokens, width), *parameters, **shape), width
        )

    def _window_attention(self, tokens: str, prefix: str, stage: int) -> str:
        """Attention among the tokens of each window."""
        graph, window, width = self.graph, self.config.window, self.config.widths[stage]
        if self.height % window or self.width % window:
            raise UnknownModelError(
                f"It is a Florence-2 whose pictures do not divide into windows: {self.width} by {self.height} tokens "
                f"in windows of {window}."
            )
        rows, columns = self.height // window, self.width // window
        windows = graph.op("Transpose", graph.reshape(tokens, rows, window, columns, -1), perm=[0, 2, 1, 3])
        projected = self.split_linear(graph.reshape(windows, -1, width), f"{prefix}.window_attn.qkv")
        attended = self.attention(projected, self.config.heads[stage], width=width, tokens=window * window)
        attended = self.linear(attended, f"{prefix}.window_attn.proj")
        windows = graph.op("Transpose", graph.reshape(attended, rows, columns, window, -1), perm=[0, 2, 1, 3])
        return graph.reshape(windows, -1, width)

    def _channel_attention(self, tokens: str, prefix: str, stage: int) -> str:
        """Attention among the channels of each group, over all tokens.

        What it gives is the values times the groups' attention times the projection; the last two are small, so they
        are multiplied first.
        """
        graph, width, groups = self.graph, self.config.widths[stage], self.config.groups[stage]
        count, channels = self.height * self.width, width // groups
        query, key, value = self.split_linear(tokens, f"{prefix}.channel_attn.qkv")
        query, key = (graph.reshape(part, count, groups, channels) for part in (query, key))
        grouped: Attributes = {"transA": 1, "transBatchA": 1, "transBatchB": 1}
        scores = graph.op("FusedMatMul", query, key, domain=CONTRIB, alpha=count**-0.5, **grouped)
        projection = self.checkpoint.read(f"{prefix}.channel_attn.proj.weight")
        projection = projection.reshape(width, groups, channels).transpose(1, 2, 0)
        attention = graph.op("Softmax", scores, axis=-1)
        product = graph.op("FusedMatMul", attention, graph.tensor(projection), domain=CONTRIB, transA=1)
        bias = self.weight(f"{prefix}.channel_attn.proj.bias")
        return graph.op("Gemm", value, graph.reshape(product, width, width), bias)

    def _project(self, tokens: str) -> str:
        """Add each token's place, put the mean of all before them, and go on with the text's width."""
        columns = self.checkpoint.read(f"{PROJECTOR}.image_position_embed.column_embeddings.weight")[: self.width]
        rows = self.checkpoint.read(f"{PROJECTOR}.image_position_embed.row_embeddings.weight")[: self.height]
        places = np.concatenate([np.tile(columns, (self.height, 1)), np.repeat(rows, self.width, axis=0)], axis=1)
        moment = self.checkpoint.read(f"{PROJECTOR}.visual_temporal_embed.pos_idx_to_embed")[0]
        for embedding in (places, moment):
            tokens = self.graph.op("Add", tokens, self.graph.tensor(embedding))
        mean = self.graph.op("ReduceMean", tokens, self.graph.integers(0))
        tokens = self.linear(self.graph.op("Concat", mean, tokens, axis=0), f"{PROJECTOR}.image_projection")
        return self.layer_norm(tokens, f"{PROJECTOR}.image_proj_norm")

    def _channels_first(self, tokens: str, width: int) -> str:
        picture = self.graph.reshape(tokens, 1, self.height, self.width, width)
        return self.graph.op("Transpose", picture, perm=[0, 3, 1, 2])

    def _channels_last(self, picture: str, width: int) -> str:
        return self.graph.reshape(self.graph.op("Transpose", picture, perm=[0, 2, 3, 1]), -1, width)
