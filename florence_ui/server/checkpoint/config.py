"""A checkpoint's configuration: the sizes of its networks, from `config.json` in either layout."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from florence_ui.server.engine_errors import UnknownModelError

ACTIVATIONS = {"gelu", "relu"}
POOLING = ["spatial_avg_pool", "temporal_avg_pool"]
"""What every published Florence-2 makes of a picture's features: their mean, then themselves."""


@dataclass(frozen=True)
class VisionConfig:
    """The shape of DaViT, the vision tower; the tuples have an item for each stage."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    groups: tuple[int, ...]
    patch_sizes: tuple[int, ...]
    strides: tuple[int, ...]
    paddings: tuple[int, ...]
    prenorms: tuple[bool, ...]
    window: int
    activation: str


@dataclass(frozen=True)
class TextConfig:
    """The shape of BART, the text encoder and decoder."""

    width: int
    encoder_layers: int
    decoder_layers: int
    encoder_heads: int
    decoder_heads: int
    max_positions: int
    activation: str


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a whole Florence-2."""

    vision: VisionConfig
    text: TextConfig


def read_config(directory: Path) -> ModelConfig:
    """Read `config.json`.

    Raises:
        UnknownModelError: If it does not describe a Florence-2, or one of an unknown shape.
        OSError, ValueError, KeyError, TypeError: If it is broken.
    """
    config: dict[str, Any] = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "florence2":
        raise UnknownModelError(f"It is a model of the type {config.get('model_type')!s:.40}, not a Florence-2.")
    vision, text = config["vision_config"], config["text_config"]
    for activation in (vision.get("activation_function", "gelu"), text.get("activation_function", "gelu")):
        if activation not in ACTIVATIONS:
            raise UnknownModelError(f"It is a Florence-2 with the activation {activation!s:.40}, which is unknown.")
    if text.get("scale_embedding") or vision.get("image_feature_source", POOLING) != POOLING:
        raise UnknownModelError("It is a Florence-2 with scaled embeddings or other picture features than usual.")
    return ModelConfig(_vision(vision), _text(text))


def _vision(config: dict[str, Any]) -> VisionConfig:
    """The vision tower's part; what a file leaves out is as in base, transformers' default."""
    return VisionConfig(
        widths=tuple(config.get("embed_dim") or config.get("dim_embed") or (128, 256, 512, 1024)),
        depths=tuple(config.get("depths", (1, 1, 9, 1))),
        heads=tuple(config.get("num_heads", (4, 8, 16, 32))),
        groups=tuple(config.get("num_groups", (4, 8, 16, 32))),
        patch_sizes=tuple(config.get("patch_size", (7, 3, 3, 3))),
        strides=tuple(config.get("patch_stride", (4, 2, 2, 2))),
        paddings=tuple(config.get("patch_padding", (3, 1, 1, 1))),
        prenorms=tuple(config.get("patch_prenorm", (False, True, True, True))),
        window=config.get("window_size", 12),
        activation=config.get("activation_function", "gelu"),
    )


def _text(config: dict[str, Any]) -> TextConfig:
    return TextConfig(
        width=config["d_model"],
        encoder_layers=config["encoder_layers"],
        decoder_layers=config["decoder_layers"],
        encoder_heads=config["encoder_attention_heads"],
        decoder_heads=config["decoder_attention_heads"],
        max_positions=config["max_position_embeddings"],
        activation=config.get("activation_function", "gelu"),
    )
