"""Ids and texts equal those of Florence-2's own processor, for whatever a visitor may type."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_checkpoint import build_processor
from tokenizers import Regex, pre_tokenizers

from florence_ui.assets import ASSETS
from florence_ui.models import NANO
from florence_ui.server.errors import BrokenWeightsError, RefusalError
from florence_ui.server.processing.tokenizer import FLORENCE_TOKENS, Tokenizer
from florence_ui.server.prompts import check_prompt
from florence_ui.tasks import CUSTOM, TASKS, InputKind

SCRIPTS = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x2AF), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x58F), (0x591, 0x5F4),
    (0x600, 0x6FF), (0x900, 0x97F), (0xB80, 0xBFF), (0xE00, 0xE7F), (0x1000, 0x109F), (0x10A0, 0x10FF),
    (0x1200, 0x137F), (0x13A0, 0x13FF), (0x1780, 0x17FF), (0x2C00, 0x2C5F), (0x3041, 0x30FF), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3), (0x10330, 0x1034A), (0x12000, 0x12399), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF),
]  # fmt: skip
HOSTILE = [
    "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\xa0", "\xad", "\u0300" * 40, "\u200b", "\u200d", "\u202e", "\u2028",
    "\u2066", "\u3000", "\ufe0f", "\ufeff", "\ufffd", "\uffff", "\U000e0041", "\U0010ffff", "\r\n", "\t\t", " " * 30,
    "<s>", "</s>", "<pad>", "<unk>", "<mask>", " <mask> ", "<loc_0>", "<loc_999>", "<loc_1000>", "<loc_-1>", "<and>",
    "<sep>", "<poly>", "</poly>", "<", ">", "<<s>>", "<s", "{}", "{0}", "{input}", "%s", "\\", "Ġ", "Ċ", "'s", "'LL",
    "I'm", "a" * 300, "12345678901234567890", "👩‍👩‍👧‍👦", "🇨🇭", "ﷺ", "İıſẞ", "e\u0301é", "ｆｕｌｌ",
    "<script>alert(1)</script>",
]  # fmt: skip


def typed_text(draw: random.Random) -> str:
    """Words in a script or two with anything between them."""
    words = []
    for _ in range(draw.randint(1, 8)):
        first, last = draw.choice(SCRIPTS)
        word = "".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 9)))
        words.append(draw.choice(HOSTILE) if draw.random() < 0.3 else word)
    return draw.choice(["", " "]).join(words)


def prompts(count: int, seed: int) -> list[str]:
    """Prompts that the server accepts: every task, and free text of a visitor."""
    draw, accepted = random.Random(seed), [token for token, task in TASKS.items() if task.input_kind is InputKind.NONE]
    taking_input = [token for token, task in TASKS.items() if task.input_kind is not InputKind.NONE and token != CUSTOM]
    while len(accepted) < count:
        prompt = draw.choice([*taking_input, "", ""]) + typed_text(draw)
        try:
            accepted.append(check_prompt(prompt))
        except RefusalError:
            continue
    return accepted


def reference_ids(processor: Any, texts: list[str]) -> list[list[int]]:
    """The processor's ids without those of the picture."""
    ids = []
    for start in range(0, len(texts), 100):
        batch = texts[start : start + 100]
        pictures = [Image.new("RGB", (1, 1))] * len(batch)
        ids += processor(text=batch, images=pictures)["input_ids"]
    assert all(
        row[: processor.num_image_tokens] == [processor.image_token_id] * processor.num_image_tokens for row in ids
    )
    return [row[processor.num_image_tokens :] for row in ids]


@pytest.mark.parametrize(
    "count", [pytest.param(400, id="few"), pytest.param(10_000, id="many", marks=pytest.mark.slow)]
)
def test_ids_of_prompts_in_any_script_are_those_of_transformers(processor: Any, count: int) -> None:
    texts, tokenizer = prompts(count, seed=count), Tokenizer(ASSETS / NANO)
    for text, expected in zip(texts, reference_ids(processor, texts), strict=True):
        assert tokenizer.encode(text) == expected, ascii(text)


def test_answers_are_decoded_as_by_transformers(processor: Any) -> None:
    tokenizer, draw = Tokenizer(ASSETS / NANO), np.random.default_rng(0)
    size = len(processor.tokenizer)
    rows = [
        draw.integers(0, size + 20, draw.integers(0, 60)).tolist() for _ in range(500)
    ]  # some beyond the vocabulary
    assert [tokenizer.decode(row) for row in rows] == processor.batch_decode(rows, skip_special_tokens=False)


def test_truncation_and_padding_in_the_file_are_ignored_as_transformers_ignores_them(
    processor: Any, tmp_path: Path
) -> None:
    content = json.loads((ASSETS / NANO / "tokenizer.json").read_text())
    content["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    content["padding"] = {
        "strategy": {"Fixed": 30}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>",
    }  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert Tokenizer(tmp_path).encode("<OD>") == reference_ids(processor, ["<OD>"])[0]


def write_vocabulary(directory: Path, described: bool) -> None:
    """A tokenizer as older libraries saved it, with the added tokens described in the configuration or in own files."""
    saved = build_processor().tokenizer
    saved.save_pretrained(directory)
    content = json.loads((directory / "tokenizer.json").read_text())
    model, added = content["model"], {token.pop("id"): token for token in content["added_tokens"]}
    (directory / "tokenizer.json").unlink()
    (directory / "vocab.json").write_text(json.dumps(model["vocab"]))
    (directory / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in model["merges"]))
    config = json.loads((directory / "tokenizer_config.json").read_text())
    added[4]["lstrip"] = True  # <mask>, as BART's
    names = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token")
    if described:
        config["added_tokens_decoder"] = {str(index): token for index, token in added.items()}
    else:
        outside = {token["content"]: index for index, token in added.items() if token["content"] not in model["vocab"]}
        (directory / "added_tokens.json").write_text(json.dumps(outside))
        special = {name: config.pop(name) for name in names} | {"mask_token": added[4]}
        (directory / "special_tokens_map.json").write_text(json.dumps(special))
    (directory / "tokenizer_config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("described", [pytest.param(True, id="configuration"), pytest.param(False, id="added_tokens")])
def test_a_checkpoint_without_tokenizer_json_is_read_as_by_transformers(tmp_path: Path, described: bool) -> None:
    from transformers import BartTokenizerFast

    write_vocabulary(tmp_path, described)
    reference, tokenizer = BartTokenizerFast.from_pretrained(tmp_path), Tokenizer(tmp_path)
    for text in prompts(200, seed=1):
        if text not in TASKS and not text.startswith(tuple(TASKS)):
            expected = reference(f"<s>{text}</s>", add_special_tokens=False)["input_ids"]
            assert tokenizer.encode(text) == expected, ascii(text)


def test_a_tokenizer_without_location_tokens_gets_those_of_the_original_code(tmp_path: Path) -> None:
    content = json.loads((ASSETS / NANO / "tokenizer.json").read_text())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["id"] < 985]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    tokenizer = Tokenizer(tmp_path)
    first = len(content["model"]["vocab"])
    ids = tokenizer.encode("<loc_0><loc_999><and>")
    assert ids == [0, first + 4, first + 1003, first + len(FLORENCE_TOKENS) - 1, 2]
    assert len(FLORENCE_TOKENS) == 1024  # 50,265 of BART and these are the 51,289 rows of Microsoft's checkpoints


def test_nothing_is_read_from_other_files(tmp_path: Path) -> None:
    shutil.copy(ASSETS / NANO / "tokenizer.json", tmp_path)
    assert Tokenizer(tmp_path).encode("<OD>") == Tokenizer(ASSETS / NANO).encode("<OD>")


REPLACE = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 50}
SPLIT = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
SEQUENCE = {"Sequence": {"id": "A", "type_id": 0}}
TEMPLATE = {"type": "TemplateProcessing", "single": [SEQUENCE] * 9, "pair": [SEQUENCE], "special_tokens": {}}


@pytest.mark.parametrize(
    ("part", "value", "named"),
    [
        pytest.param("normalizer", {"type": "Sequence", "normalizers": [REPLACE] * 6}, "Sequence", id="text-bomb"),
        pytest.param("normalizer", {"type": "NFC"}, "NFC", id="normalizer"),
        pytest.param("pre_tokenizer", SPLIT, "Split", id="regex-bomb"),
        pytest.param("pre_tokenizer", None, "None", id="no-pre-tokenizer"),
        pytest.param("post_processor", TEMPLATE, "TemplateProcessing", id="template"),
        pytest.param("decoder", REPLACE, "Replace", id="decoder"),
        pytest.param("model", {"type": "WordLevel", "vocab": {}, "unk_token": ""}, "WordLevel", id="model"),
        pytest.param("model", 7, "7", id="no-object"),
    ],
)
def test_only_what_a_florence_has_is_accepted(part: str, value: Any, named: str, tmp_path: Path) -> None:
    content = json.loads((ASSETS / NANO / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(content | {part: value}))
    with pytest.raises(BrokenWeightsError, match=rf"tokenizer\.json .*{part}.*{named}"):
        Tokenizer(tmp_path)


def test_what_was_checked_is_what_is_loaded(tmp_path: Path) -> None:
    content = json.loads((ASSETS / NANO / "tokenizer.json").read_text()) | {"pre_tokenizer": "twice"}
    twice = json.dumps(SPLIT)[:-1] + ', "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}'
    (tmp_path / "tokenizer.json").write_text(json.dumps(content).replace('"twice"', twice))
    assert Tokenizer(tmp_path).encode("<CAPTION>") == Tokenizer(ASSETS / NANO).encode("<CAPTION>")


def test_a_tokenizer_larger_than_any_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b'{"a": [' + b"{}," * 4_000_000 + b"{}]}")
    with pytest.raises(BrokenWeightsError, match=r"tokenizer\.json cannot be read: it has more than 10 MB"):
        Tokenizer(tmp_path)


def test_a_panic_inside_the_library_is_a_refusal() -> None:
    tokenizer = Tokenizer(ASSETS / NANO)
    tokenizer._tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(SPLIT["pattern"]["Regex"]), "isolated")
    with pytest.raises(RefusalError, match="tokenizer failed"):
        tokenizer.encode("<CAPTION_TO_PHRASE_GROUNDING>" + "a" * 28 + "b")
