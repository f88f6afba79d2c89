"""A Florence-2 checkpoint with random weights, built in seconds, in the layout that the Hub uses.

Everything is real, only small: the network's classes, the processor, a byte-level BPE tokenizer with the thousand
location tokens. Its answers are noise, but the same noise for the same picture and prompt, as end-to-end tests need:
large random weights give varied answers that contain location tokens.

    python tests/tiny_checkpoint.py DIRECTORY
"""

import base64
import io
import sys
from pathlib import Path

WORDS = (
    "the objects with category name in image what does describe detail is shown a paragraph text regions locate "
    "region proposals phrases caption mask polygon of dog cat car tree person red blue circle square"
)
SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LOCATION_TOKENS = [f"<loc_{i}>" for i in range(1000)]
STRUCTURE_TOKENS = ["<od>", "</od>", "<and>", "<sep>", "<poly>", "</poly>"]
POST_PROCESSOR_CONFIG = {
    "ocr": {"AREA_THRESHOLD": 0.0},
    "phrase_grounding": {"banned_grounding_tokens": ["it", "I", "the image", "image"]},
    "pure_text": {},
    "description_with_bboxes": {},
    "description_with_polygons": {},
    "polygons": {},
    "bboxes": {},
    "description_with_bboxes_or_polygons": {},
}
IMAGE_SIDE = 64
PATCH_STRIDE = [4, 2, 2, 1]
WIDTH = 32


def build_checkpoint(directory: Path, *, seed: int = 0, slow: bool = False) -> Path:
    """Write the checkpoint's files.

    Args:
        directory: Where to; made if missing.
        seed: Another seed is another model.
        slow: Whether to answer every prompt at great length, for ten seconds or more.

    Returns:
        The directory.
    """
    processor = build_processor()
    build_model(processor, seed, slow).save_pretrained(directory)
    processor.save_pretrained(directory)
    return directory


def build_processor():
    """A `Florence2Processor` for pictures of 64 pixels."""
    from transformers import CLIPImageProcessor, Florence2Processor

    image_processor = CLIPImageProcessor(
        size={"height": IMAGE_SIDE, "width": IMAGE_SIDE},
        crop_size={"height": IMAGE_SIDE, "width": IMAGE_SIDE},
        do_center_crop=False,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    image_processor.image_seq_length = image_tokens()
    return Florence2Processor(
        image_processor=image_processor,
        tokenizer=build_tokenizer(),
        post_processor_config=POST_PROCESSOR_CONFIG,
    )


def image_tokens() -> int:
    """Tokens that one picture takes: a cell each, and one for their mean."""
    side = IMAGE_SIDE
    for stride in PATCH_STRIDE:
        side //= stride
    return side * side + 1


def build_tokenizer():
    """A byte-level BPE tokenizer with Florence-2's tokens."""
    import json

    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import BartTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([WORDS] * 4, trainer)
    model = json.loads(raw.to_str())["model"]
    tokenizer = BartTokenizerFast(
        vocab=model["vocab"],
        merges=[tuple(pair) for pair in model["merges"]],
        **dict(zip(["bos_token", "pad_token", "eos_token", "unk_token", "mask_token"], SPECIAL_TOKENS, strict=True)),
        sep_token="</s>",
        cls_token="<s>",
        extra_special_tokens={"image_token": "<image>"},
    )
    tokenizer.add_tokens(LOCATION_TOKENS + STRUCTURE_TOKENS)
    return tokenizer


def build_model(processor, seed: int, slow: bool):
    """A `Florence2ForConditionalGeneration` of half a million random weights."""
    import torch
    from transformers import BartConfig, Florence2Config, Florence2ForConditionalGeneration

    tokenizer = processor.tokenizer
    text = BartConfig(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=12 if slow else 1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=2 * WIDTH,
        decoder_ffn_dim=2 * WIDTH,
        max_position_embeddings=1024 if slow else 256,
        dropout=0.0,
        init_std=0.3,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
    )
    vision = {
        "depths": [1, 1, 1, 1],
        "embed_dim": [8, 16, 16, WIDTH],
        "num_heads": [1, 2, 2, 4],
        "num_groups": [1, 2, 2, 4],
        "window_size": 4,
        "patch_stride": PATCH_STRIDE,
        "projection_dim": WIDTH,
        "drop_path_rate": 0.0,
    }
    torch.manual_seed(seed)
    config = Florence2Config(
        text_config=text.to_dict(), vision_config=vision, image_token_id=tokenizer.image_token_id, init_std=0.3
    )
    model = Florence2ForConditionalGeneration(config).eval()
    # as the official checkpoints have it
    model.generation_config.update(
        num_beams=3, no_repeat_ngram_size=3, early_stopping=True, forced_bos_token_id=tokenizer.bos_token_id
    )
    if slow:
        model.generation_config.min_new_tokens = 1000
    return model


def to_base64(image) -> str:
    """A PNG, which keeps every pixel, in base64."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    print(build_checkpoint(Path(sys.argv[1])))
