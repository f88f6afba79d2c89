"""The processor as a whole: its files, and what it says when they are broken."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from florence_ui.assets import ASSETS
from florence_ui.models import NANO
from florence_ui.server.errors import BrokenWeightsError
from florence_ui.server.processing.processor import Processor

FILES = ["config.json", "generation_config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The files of the checkpoint that ships, without its weights."""
    for name in FILES:
        shutil.copy(ASSETS / NANO / name, tmp_path)
    return tmp_path


def test_a_picture_and_a_prompt_become_the_numbers_of_transformers(processor: Any, files: Path) -> None:
    picture = Image.effect_noise((120, 80), 90).convert("RGB")
    expected = processor(text="<OPEN_VOCABULARY_DETECTION>a dog", images=picture, return_tensors="np")
    ours = Processor(files)
    ids = [processor.image_token_id] * ours.pixel_values.tokens + ours.tokenizer.encode(
        "<OPEN_VOCABULARY_DETECTION>a dog"
    )
    np.testing.assert_array_equal(ids, expected["input_ids"][0])
    np.testing.assert_array_equal(ours.pixel_values(picture), expected["pixel_values"][0])


def test_an_answer_is_read_with_the_checkpoints_settings(processor: Any, files: Path) -> None:
    text = "</s><s>it<loc_1><loc_2><loc_3><loc_4>dog<loc_5><loc_6><loc_7><loc_8></s>"
    ids = processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    task = "<CAPTION_TO_PHRASE_GROUNDING>"
    for banned, labels in (([], ["it", "dog"]), (["dog"], ["it"])):
        path = files / "processor_config.json"
        config = json.loads(path.read_text())
        config["post_processor_config"]["phrase_grounding"]["banned_grounding_tokens"] = banned
        path.write_text(json.dumps(config))
        assert Processor(files).read_answer(ids, task, (640, 480))[task]["labels"] == labels


def test_microsofts_own_layout_is_read(processor: Any, files: Path) -> None:
    config = json.loads((files / "processor_config.json").read_text())
    (files / "processor_config.json").unlink()
    (files / "preprocessor_config.json").write_text(json.dumps(config["image_processor"]))
    (files / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 1024}))
    ours = Processor(files)
    ids = ours.tokenizer.encode("it<loc_1><loc_2><loc_3><loc_4>dog<loc_5><loc_6><loc_7><loc_8>")
    assert ours.read_answer(ids, "<CAPTION_TO_PHRASE_GROUNDING>", (1000, 1000)) == {
        "<CAPTION_TO_PHRASE_GROUNDING>": {"bboxes": [[5, 6, 7, 8]], "labels": ["dog"]}
    }
    assert ours.pixel_values.tokens == processor.num_image_tokens


@pytest.mark.parametrize("name", ["tokenizer.json", "processor_config.json"])
@pytest.mark.parametrize("content", [None, "", "{}", "[]", "{", '{"image_processor": {"size": 3}}', "\xff"], ids=ascii)
def test_broken_files_are_refused_in_a_sentence(files: Path, name: str, content: str | None) -> None:
    (files / name).unlink()
    if content is not None:
        (files / name).write_text(content, encoding="latin-1")
    with pytest.raises(BrokenWeightsError, match=r"\.$"):
        Processor(files)
