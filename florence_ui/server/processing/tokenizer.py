"""Prompts to token ids and answers back to text, as transformers' tokenizer of the same files does it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from florence_ui.server.checkpoint_json import read_object
from florence_ui.server.errors import BrokenWeightsError, RefusalError
from florence_ui.server.processing.task_prompts import expand_prompt

MAX_BYTES = 10 * 2**20
"""Of a `tokenizer.json`; BART's has 1.4 to 3.5 MB."""
PARTS: dict[str, set[str | None]] = {
    "normalizer": {None},
    "pre_tokenizer": {"ByteLevel"},
    "model": {"BPE"},
    "post_processor": {None, "ByteLevel", "RobertaProcessing"},
    "decoder": {"ByteLevel"},
}
"""The types of the parts of Florence-2's tokenizers; others multiply a text, or run a regular expression on it."""
NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
FLORENCE_TOKENS = [
    *("<od>", "</od>", "<ocr>", "</ocr>"),
    *(f"<loc_{i}>" for i in range(1000)),
    *("<cap>", "</cap>", "<ncap>", "</ncap>", "<dcap>", "</dcap>", "<grounding>", "</grounding>", "<seg>", "</seg>"),
    *("<sep>", "<region_cap>", "</region_cap>", "<region_to_desciption>", "</region_to_desciption>"),
    *("<proposal>", "</proposal>", "<poly>", "</poly>", "<and>"),
]
"""Microsoft's checkpoints come with BART's tokenizer; their own code adds these, in this order and spelling.

https://huggingface.co/microsoft/Florence-2-large/blob/main/processing_florence2.py
"""


class Tokenizer:
    """A checkpoint's tokenizer.

    Args:
        directory: A checkpoint with a `tokenizer.json`, or with `vocab.json`, `merges.txt` and its added tokens.

    Raises:
        BrokenWeightsError: If it is not of Florence-2's kind.
    """

    def __init__(self, directory: Path) -> None:
        file = directory / "tokenizer.json"
        self._tokenizer = _from_file(file) if file.is_file() else _from_vocabulary(directory)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        if self._tokenizer.token_to_id("<loc_0>") is None:
            self._tokenizer.add_special_tokens(FLORENCE_TOKENS)

    def encode(self, prompt: str) -> list[int]:
        """The ids of a prompt that `check_prompt` accepts, without those that stand for the picture before them.

        Raises:
            RefusalError: 500 if the library fails.
        """
        try:
            return self._tokenizer.encode(f"<s>{expand_prompt(prompt)}</s>", add_special_tokens=False).ids
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # Rust's, which is no Exception and which nobody would catch
                raise
            message = "The model's tokenizer failed on this prompt."
            raise RefusalError(500, message, "Change the prompt, or ask another model.") from error

    def check_ids(self, vocabulary: int) -> None:
        """Refuse to encode for a checkpoint that lacks some of the tokens.

        Args:
            vocabulary: Number of the checkpoint's tokens.

        Raises:
            BrokenWeightsError: If a token has a higher id.
        """
        highest = max(self._tokenizer.get_vocab().values())
        if highest >= vocabulary:
            raise BrokenWeightsError(
                f"Its tokenizer has ids up to {highest:,}, and its weights only {vocabulary:,} tokens; "
                "use the tokenizer that it was trained with, or resize its embeddings."
            )

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, with all special tokens in it."""
        return self._tokenizer.decode(ids, skip_special_tokens=False)


def _from_file(file: Path) -> tokenizers.Tokenizer:
    """The tokenizer in a `tokenizer.json`, written anew so that exactly what was checked is loaded."""
    content = read_object(file, MAX_BYTES)
    for part, known in PARTS.items():
        value = content.get(part)
        kind = value.get("type", "BPE" if part == "model" else "") if isinstance(value, dict) else value
        if not (kind is None or isinstance(kind, str)) or kind not in known:
            raise BrokenWeightsError(f"tokenizer.json cannot be used: Florence-2's has no {part} {kind!s:.40}.")
    return tokenizers.Tokenizer.from_str(json.dumps(content))


def _from_vocabulary(directory: Path) -> tokenizers.Tokenizer:
    """BART's byte-level BPE from the files that were written before `tokenizer.json` existed."""
    config = _read_json(directory / "tokenizer_config.json")
    bpe = models.BPE.from_file(str(directory / "vocab.json"), str(directory / "merges.txt"))
    tokenizer = tokenizers.Tokenizer(bpe)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=config.get("add_prefix_space", False))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(_added_tokens(directory, config))
    return tokenizer


def _added_tokens(directory: Path, config: dict[str, Any]) -> list[AddedToken]:
    """The tokens outside of the vocabulary, in the order of their ids, then the named ones that may be part of it."""
    names = config | _read_json(directory / "special_tokens_map.json")
    named = {name: _special_token(names[name]) for name in NAMED_TOKENS if names.get(name)}
    special = {token.content for token in named.values()}
    if "added_tokens_decoder" in config:
        described = sorted(config["added_tokens_decoder"].items(), key=lambda item: int(item[0]))
        added = [AddedToken(**token) for _, token in described]
    else:
        ids = _read_json(directory / "added_tokens.json")
        added = [
            AddedToken(token, special=token in special, normalized=token not in special)
            for token in sorted(ids, key=ids.__getitem__)
        ]
    contents = {token.content for token in added}
    return added + [token for token in named.values() if token.content not in contents]


def _special_token(value: str | dict[str, Any]) -> AddedToken:
    """A named token from its text alone, or from its description."""
    if isinstance(value, str):
        return AddedToken(value, special=True, normalized=False)
    flags = {key: value[key] for key in ("single_word", "lstrip", "rstrip", "normalized") if key in value}
    return AddedToken(value["content"], special=True, **flags)


def _read_json(path: Path) -> dict[str, Any]:
    """A file's object; empty if there is no such file."""
    return read_object(path) if path.is_file() else {}
