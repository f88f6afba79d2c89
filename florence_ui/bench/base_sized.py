"""Networks of the published checkpoints' sizes with random weights, to measure their speed without their files."""

from pathlib import Path

import torch
from transformers import BartConfig, Florence2Config, Florence2ForConditionalGeneration

from florence_ui.nano.model import build_processor
from florence_ui.nano.tokenizer import build_tokenizer

SIDE = 768
IMAGE_TOKENS = (SIDE // 32) ** 2 + 1
VOCABULARY = 51_289
"""The published ones', larger than the tokenizer's: the last layer's cost depends on it."""
WIDTHS = {"base": 768, "large": 1024}
LAYERS = {"base": 6, "large": 12}
VISION = {
    "base": {},
    "large": {
        "embed_dim": [256, 512, 1024, 2048],
        "num_heads": [8, 16, 32, 64],
        "num_groups": [8, 16, 32, 64],
    },
}
"""The vision tower's settings that are not transformers' defaults, which are base's."""


def write_checkpoint(folder: Path, size: str = "base", *, init_std: float = 0.02) -> None:
    """Write 0.9 GB (base) or 3.1 GB (large) in Hugging Face layout, always the same.

    Args:
        folder: Where to.
        size: `base` or `large`.
        init_std: Spread of the language model's weights. With the usual one it says the same to everything, with 0.05
            something else to every picture and prompt. With 0.2 rounding decides: transformers' own answers in
            float32 and in float64 differ.
    """
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    width, layers = WIDTHS[size], LAYERS[size]
    text = BartConfig(
        vocab_size=VOCABULARY,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        init_std=init_std,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
        **special,
    )
    config = Florence2Config(
        text_config=text.to_dict(),
        vision_config={"projection_dim": width, **VISION[size]},
        image_token_id=tokenizer.image_token_id,
        **special,
    )
    model = Florence2ForConditionalGeneration(config)
    model.generation_config.update(  # as the published ones have it
        decoder_start_token_id=tokenizer.eos_token_id,
        num_beams=3,
        no_repeat_ngram_size=3,
        early_stopping=True,
        forced_bos_token_id=tokenizer.bos_token_id,
    )
    model.save_pretrained(folder)
    build_processor(side=SIDE, image_tokens=IMAGE_TOKENS).save_pretrained(folder)
