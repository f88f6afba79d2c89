"""A checkpoint's configuration: the sizes of its networks, from `config.json` in either layout."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from florence_ui.server.checkpoint_json import read_object
from florence_ui.server.errors import BrokenWeightsError, UnknownModelError

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
        BrokenWeightsError: If it is broken, or a size is none.
        OSError: If it cannot be opened.
    """
    config = read_object(directory / "config.json")
    if config.get("model_type") != "florence2":
        raise UnknownModelError(f"It is a model of the type {config.get('model_type')!s:.40}, not a Florence-2.")
    vision, text = (_part(config, name) for name in ("vision_config", "text_config"))
    for activation in (vision.get("activation_function", "gelu"), text.get("activation_function", "gelu")):
        if str(activation) not in ACTIVATIONS:
            raise UnknownModelError(f"It is a Florence-2 with the activation {activation!s:.40}, which is unknown.")
    if text.get("scale_embedding") or vision.get("image_feature_source", POOLING) != POOLING:
        raise UnknownModelError("It is a Florence-2 with scaled embeddings or other picture features than usual.")
    return ModelConfig(_vision(vision), _text(text))


def _part(config: dict[str, Any], name: str) -> dict[str, Any]:
    part = config.get(name)
    if not isinstance(part, dict):
        raise BrokenWeightsError(f"config.json cannot be read: its {name} is no JSON object.")
    return part


def _vision(config: dict[str, Any]) -> VisionConfig:
    """The vision tower's part; what a file leaves out is as in base, transformers' default."""
    widths = "embed_dim" if config.get("embed_dim") else "dim_embed"
    return VisionConfig(
        widths=_stages(config, widths, (128, 256, 512, 1024)),
        depths=_stages(config, "depths", (1, 1, 9, 1), least=0),
        heads=_stages(config, "num_heads", (4, 8, 16, 32)),
        groups=_stages(config, "num_groups", (4, 8, 16, 32)),
        patch_sizes=_stages(config, "patch_size", (7, 3, 3, 3)),
        strides=_stages(config, "patch_stride", (4, 2, 2, 2)),
        paddings=_stages(config, "patch_padding", (3, 1, 1, 1), least=0),
        prenorms=tuple(map(bool, _stages(config, "patch_prenorm", (False, True, True, True), least=0))),
        window=_number("window_size", config.get("window_size", 12)),
        activation=config.get("activation_function", "gelu"),
    )


def _text(config: dict[str, Any]) -> TextConfig:
    def size(name: str) -> int:
        return _number(name, config.get(name))

    return TextConfig(
        width=size("d_model"),
        encoder_layers=size("encoder_layers"),
        decoder_layers=size("decoder_layers"),
        encoder_heads=size("encoder_attention_heads"),
        decoder_heads=size("decoder_attention_heads"),
        max_positions=size("max_position_embeddings"),
        activation=config.get("activation_function", "gelu"),
    )


def _stages(config: dict[str, Any], name: str, usual: tuple[int, ...], least: int = 1) -> tuple[int, ...]:
    """A number for each stage."""
    values = config.get(name, usual)
    if not isinstance(values, (list, tuple)) or len(values) != len(usual):
        raise _refusal(name, values, f"a list of {len(usual)} numbers")
    return tuple(_number(name, value, least) for value in values)


def _number(name: str, value: Any, least: int = 1) -> int:
    if not isinstance(value, int) or value < least:
        raise _refusal(name, value, f"a whole number, {least} or more")
    return value


def _refusal(name: str, value: Any, needed: str) -> BrokenWeightsError:
    return BrokenWeightsError(f"config.json cannot be used: {name} is {value!s:.40}, which should be {needed}.")
