"""The tokenizer of florence-2-nano: byte-level BPE in which every word of its vocabulary is one token.

Florence-2's own special tokens follow: 1,000 locations, ``<and>``, ``<sep>``, ``<poly>``, ``</poly>``, ``<image>``.
"""

import json

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BartTokenizerFast, PreTrainedTokenizerFast

from florence_ui.nano.vocabulary import NAMES, WORDS

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
LOCATIONS = tuple(f"<loc_{bin_}>" for bin_ in range(1000))
MARKS = ("<and>", "<sep>", "<poly>", "</poly>")

SENTENCES = """
What is the text in the image? What is the text in the image, with regions? What does the image describe?
Describe in detail what is shown in the image. Describe with a paragraph what is shown in the image.
Locate the objects with category name in the image. Locate the objects in the image, with their descriptions.
Locate the region proposals in the image. Locate the phrases in the caption: A dog and an apple, the dog.
Locate the dog in the image with mask What is the polygon mask of region What is the region
What does the region describe? What text is in the region The image shows a small dog on the left, in the middle, on
the right. The image shows one object: no two three four five six objects: a large an apple. The sign says
The signs say OPEN and STOP.
"""


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, always the same."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    words = [*NAMES, *WORDS]
    corpus = [
        SENTENCES,
        "the a an The A An",
        *words,
        *(f" {word}" for word in words),
        *(f"A {word}." for word in words),
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus * 2, trainer)
    model = json.loads(bpe.to_str())["model"]
    tokenizer = BartTokenizerFast(
        vocab=model["vocab"],
        merges=[tuple(pair) for pair in model["merges"]],  # type: ignore[misc]  # it takes pairs
        model_max_length=512,
        extra_special_tokens={"image_token": "<image>"},
    )
    tokenizer.add_tokens([*LOCATIONS, *MARKS])
    return tokenizer
