"""A checkpoint's configuration: the sizes of its networks, from `config.json` in either layout."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from florence_ui.server.checkpoint_json import read_object
from florence_ui.server.errors import BrokenWeightsError, UnknownModelError

ACTIVATIONS = ("gelu", "relu")
Activation = Annotated[Literal["gelu", "relu"], Field(validation_alias="activation_function")]
POOLING = ["spatial_avg_pool", "temporal_avg_pool"]
"""What every published Florence-2 makes of a picture's features: their mean, then themselves."""

Size = Annotated[int, Field(strict=True, ge=1)]
Count = Annotated[int, Field(strict=True, ge=0)]
Sizes = tuple[Size, Size, Size, Size]
Counts = tuple[Count, Count, Count, Count]


class VisionConfig(BaseModel):
    """The shape of DaViT, the vision tower; the tuples have an item for each stage.

    What a file leaves out is as in base, transformers' default.
    """

    model_config = ConfigDict(frozen=True)

    widths: Sizes = Field((128, 256, 512, 1024), validation_alias=AliasChoices("embed_dim", "dim_embed"))
    depths: Counts = (1, 1, 9, 1)
    heads: Sizes = Field((4, 8, 16, 32), validation_alias="num_heads")
    groups: Sizes = Field((4, 8, 16, 32), validation_alias="num_groups")
    patch_sizes: Sizes = Field((7, 3, 3, 3), validation_alias="patch_size")
    strides: Sizes = Field((4, 2, 2, 2), validation_alias="patch_stride")
    paddings: Counts = Field((3, 1, 1, 1), validation_alias="patch_padding")
    prenorms: tuple[bool, bool, bool, bool] = Field((False, True, True, True), validation_alias="patch_prenorm")
    window: Size = Field(12, validation_alias="window_size")
    activation: Activation = "gelu"


class TextConfig(BaseModel):
    """The shape of BART, the text encoder and decoder."""

    model_config = ConfigDict(frozen=True)

    width: Size = Field(validation_alias="d_model")
    encoder_layers: Size
    decoder_layers: Size
    encoder_heads: Size = Field(validation_alias="encoder_attention_heads")
    decoder_heads: Size = Field(validation_alias="decoder_attention_heads")
    max_positions: Size = Field(validation_alias="max_position_embeddings")
    activation: Activation = "gelu"


class ModelConfig(BaseModel):
    """The shape of a whole Florence-2."""

    model_config = ConfigDict(frozen=True)

    vision: VisionConfig = Field(validation_alias="vision_config")
    text: TextConfig = Field(validation_alias="text_config")


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
    for part in (config.get("vision_config"), config.get("text_config")):
        settings = part if isinstance(part, dict) else {}
        activation = settings.get("activation_function", "gelu")
        if activation not in ACTIVATIONS:
            raise UnknownModelError(f"It is a Florence-2 with the activation {activation!s:.40}, which is unknown.")
        if settings.get("scale_embedding") or settings.get("image_feature_source", POOLING) != POOLING:
            raise UnknownModelError("It is a Florence-2 with scaled embeddings or other picture features than usual.")
    try:
        return ModelConfig.model_validate(config)
    except ValidationError as error:
        problem = error.errors()[0]
        name = [part for part in problem["loc"] if isinstance(part, str)][-1]
        is_missing = problem["type"] == "missing" and problem["loc"][-1] == name  # otherwise a list is too short
        value = "missing" if is_missing else f"{problem['input']!s:.40}"
        raise BrokenWeightsError(f"config.json cannot be used: {name} is {value}. {problem['msg']}.") from None
