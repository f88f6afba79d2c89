"""A network of florence-2-base's size with random weights, to measure its speed without its files."""

from pathlib import Path

import torch
from transformers import BartConfig, Florence2Config, Florence2ForConditionalGeneration

from florence_ui.nano.model import build_processor
from florence_ui.nano.tokenizer import build_tokenizer

SIDE = 768
IMAGE_TOKENS = (SIDE // 32) ** 2 + 1
VOCABULARY = 51_289
"""Base's own, larger than the tokenizer's: the last layer's cost depends on it."""


def write_checkpoint(folder: Path) -> None:
    """Write about 0.9 GB in Hugging Face layout, always the same."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = BartConfig(
        vocab_size=VOCABULARY,
        d_model=768,
        encoder_layers=6,
        decoder_layers=6,
        encoder_attention_heads=12,
        decoder_attention_heads=12,
        encoder_ffn_dim=3072,
        decoder_ffn_dim=3072,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
        **special,
    )
    vision = {"projection_dim": 768}  # all else in base has the default value
    config = Florence2Config(
        text_config=text.to_dict(), vision_config=vision, image_token_id=tokenizer.image_token_id, **special
    )
    model = Florence2ForConditionalGeneration(config)
    model.generation_config.decoder_start_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    build_processor(side=SIDE, image_tokens=IMAGE_TOKENS).save_pretrained(folder)
