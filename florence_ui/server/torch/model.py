"""Transformers' model with a checkpoint's weights, of which it reads no file itself: every layout is the same to it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter
from transformers import BartConfig, Florence2Config, Florence2ForConditionalGeneration
from transformers import GenerationConfig as TransformersGenerationConfig
from transformers.models.florence2.configuration_florence2 import Florence2VisionConfig

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.checkpoint.layouts import SHARED, TIED
from florence_ui.server.processing.generation_config import GenerationConfig

TEXT, VISION, PROJECTOR = "model.language_model", "model.vision_tower", "model.multi_modal_projector"


def build_model(checkpoint: Checkpoint, generation: GenerationConfig, dtype: torch.dtype) -> Any:
    """A `Florence2ForConditionalGeneration` on the processor, ready to answer.

    Args:
        checkpoint: The files.
        generation: How its answers are generated.
        dtype: The type of all its parameters and buffers.

    Raises:
        BrokenWeightsError: If weights are missing in the files.
        RuntimeError, ValueError: If they do not fit together.
    """
    with torch.device("meta"):  # without memory, and without random weights that nobody needs
        model: Any = Florence2ForConditionalGeneration(_config(checkpoint))
    tensors: dict[str, Tensor] = {SHARED: Parameter(_read(checkpoint, SHARED, dtype))}
    for name in model.state_dict():
        if name not in tensors:
            tensors[name] = tensors[SHARED] if _is_tied(checkpoint, name) else _read(checkpoint, name, dtype)
    model.load_state_dict(tensors, assign=True)
    model.generation_config = _options(generation)
    return model.eval()


def _config(checkpoint: Checkpoint) -> Florence2Config:
    """The shape in transformers' terms; what `config.json` need not say is the shape of the tensors."""
    vision, text = checkpoint.config.vision, checkpoint.config.text
    stage = next(stage for stage, depth in enumerate(vision.depths) if depth)
    hidden, width = checkpoint.raw(f"{VISION}.blocks.{stage}.0.spatial_block.ffn.fc1.weight").shape
    vision_config = Florence2VisionConfig(
        embed_dim=vision.widths,
        depths=vision.depths,
        num_heads=vision.heads,
        num_groups=vision.groups,
        patch_size=vision.patch_sizes,
        patch_stride=vision.strides,
        patch_padding=vision.paddings,
        patch_prenorm=vision.prenorms,
        window_size=vision.window,
        activation_function=vision.activation,
        mlp_ratio=hidden / width,
        projection_dim=text.width,
        max_position_embeddings=len(checkpoint.raw(f"{PROJECTOR}.image_position_embed.row_embeddings.weight")),
        max_temporal_embeddings=len(checkpoint.raw(f"{PROJECTOR}.visual_temporal_embed.pos_idx_to_embed")),
    )
    text_config = BartConfig(
        vocab_size=len(checkpoint.raw(SHARED)),
        d_model=text.width,
        encoder_layers=text.encoder_layers,
        decoder_layers=text.decoder_layers,
        encoder_attention_heads=text.encoder_heads,
        decoder_attention_heads=text.decoder_heads,
        encoder_ffn_dim=len(checkpoint.raw(f"{TEXT}.encoder.layers.0.fc1.weight")),
        decoder_ffn_dim=len(checkpoint.raw(f"{TEXT}.decoder.layers.0.fc1.weight")),
        max_position_embeddings=text.max_positions,
        activation_function=text.activation,
    )
    return Florence2Config(text_config=text_config.to_dict(), vision_config=vision_config.to_dict())


def _options(generation: GenerationConfig) -> TransformersGenerationConfig:
    """The options in transformers' terms; the padding that it asks for is in no answer."""
    options = generation.model_dump(mode="json", include=set(GenerationConfig.model_fields), exclude_defaults=True)
    return TransformersGenerationConfig(**options, pad_token_id=1)  # type: ignore[no-untyped-call]


def _is_tied(checkpoint: Checkpoint, name: str) -> bool:
    """Whether a weight is the table of embeddings, which some files write out several times."""
    return TIED.match(name) is not None and np.array_equal(checkpoint.raw(name), checkpoint.raw(SHARED))


def _read(checkpoint: Checkpoint, name: str, dtype: torch.dtype) -> Tensor:
    values = np.require(checkpoint.read(name), requirements=["C", "W"])  # copied where it would be a view of the file
    return torch.from_numpy(values).to(dtype)
