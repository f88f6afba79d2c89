"""The network of florence-2-nano, and its Hugging Face folder."""

import math
from pathlib import Path

import torch
from transformers import (
    BartConfig,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    GenerationConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from florence_ui.nano.tokenizer import build_tokenizer

INPUT_SIZE = 192
"""Width and height in pixels of what the network sees."""

GRID = 12
"""Image tokens in each row and column; one more, their mean, comes first."""

DIM = 192

POST_PROCESSOR = {
    "ocr": {"PATTERN": "(.+?)" + r"<loc_(\d+)>" * 8, "AREA_THRESHOLD": 0.0},
    "phrase_grounding": {"FILTER_BY_BLACK_LIST": False},
    "pure_text": {},
    "description_with_bboxes": {},
    "description_with_polygons": {},
    "polygons": {},
    "bboxes": {},
    "description_with_bboxes_or_polygons": {},
}


def build_processor(*, side: int = INPUT_SIZE, image_tokens: int = GRID * GRID + 1) -> Florence2Processor:
    """The processor: the same class as for base and large, with nano's input size by default."""
    images = CLIPImageProcessorPil(
        size={"height": side, "width": side},
        resample=3,
        do_center_crop=False,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
        image_seq_length=image_tokens,
    )
    setattr(images, "image_seq_length", image_tokens)  # noqa: B010  # the processor reads it; the class declares none
    return Florence2Processor(images, build_tokenizer(), post_processor_config=POST_PROCESSOR)


def nano_config(
    tokenizer: PreTrainedTokenizerFast, *, dim: int = DIM, layers: tuple[int, int] = (2, 3)
) -> Florence2Config:
    """The configuration for that tokenizer; ``layers`` are those of the encoder and of the decoder."""
    text = BartConfig(
        vocab_size=len(tokenizer),
        d_model=dim,
        encoder_layers=layers[0],
        decoder_layers=layers[1],
        encoder_attention_heads=dim // 32,
        decoder_attention_heads=dim // 32,
        encoder_ffn_dim=2 * dim,
        decoder_ffn_dim=4 * dim,
        max_position_embeddings=512,
        activation_function="relu",
        dropout=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
    )
    widths = [dim // 6, dim // 3, 2 * dim // 3, dim]
    vision = {
        "depths": [0, 1, 3, 1],
        "embed_dim": widths,
        "num_heads": [max(1, width // 32) for width in widths],
        "num_groups": [max(1, width // 32) for width in widths],
        "patch_stride": [4, 2, 2, 1],
        "window_size": GRID,
        "mlp_ratio": 2.0,
        "drop_path_rate": 0.0,
        "activation_function": "relu",
        "projection_dim": dim,
    }
    special = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("image", "bos", "eos", "pad")}
    return Florence2Config(text_config=text.to_dict(), vision_config=vision, **special)


def token_embeddings(model: Florence2ForConditionalGeneration) -> torch.Tensor:
    """The input embeddings, shape (tokens, dim)."""
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor)
    return weight


def build_model(config: Florence2Config, first_location: int) -> Florence2ForConditionalGeneration:
    """The network with fresh weights; neighboring locations start with neighboring embeddings."""
    model = Florence2ForConditionalGeneration(config)
    table = token_embeddings(model)
    projector = model.model.multi_modal_projector.image_position_embed
    with torch.no_grad():
        table[first_location : first_location + 1000] = (
            _sinusoids(torch.arange(1000) / 1000, table.shape[1], octaves=7) * 0.028
        )
        for side in (projector.row_embeddings.weight, projector.column_embeddings.weight):
            side.copy_(_sinusoids(torch.arange(len(side)) / GRID, side.shape[1], octaves=4) * 0.5)
    return model


def _sinusoids(position: torch.Tensor, dim: int, octaves: int) -> torch.Tensor:
    """Sinusoidal embeddings of positions (n,), the longest wave being two units; shape (n, dim)."""
    half = dim // 2
    angle = position[:, None] * math.pi * 2 ** (torch.arange(half)[None] / half * octaves)
    return torch.cat([angle.sin(), angle.cos()], 1)


def export_model(model: Florence2ForConditionalGeneration, processor: Florence2Processor, folder: Path) -> None:
    """Write the network in half precision as a Hugging Face folder, with its processor."""
    state = {name: tensor.detach().half() for name, tensor in model.state_dict().items()}
    half = Florence2ForConditionalGeneration(model.config).half()
    half.load_state_dict(state)
    tokenizer = processor.tokenizer
    half.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        max_new_tokens=511,
        num_beams=3,
    )
    half.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    processor.save_pretrained(folder)
