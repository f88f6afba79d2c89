"""A checkpoint's contents: every layout and type gives the tensors that transformers loads, under its names."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from server.old_layout import write_old_layout
from transformers import Florence2ForConditionalGeneration

from florence_ui.assets import ASSETS
from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.engine_errors import BrokenWeightsError, UnknownModelError

NANO = ASSETS / "florence-2-nano"
TIED = [
    "lm_head.weight",
    "model.language_model.encoder.embed_tokens.weight",
    "model.language_model.decoder.embed_tokens.weight",
]


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    """Nano's tensors as transformers loads them."""
    model = Florence2ForConditionalGeneration.from_pretrained(NANO, dtype=torch.float32)
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def save(directory: Path, dtype: torch.dtype) -> Path:
    """Nano with weights of another type."""
    shutil.copytree(NANO, directory)
    tensors = {name: tensor.to(dtype) for name, tensor in load_file(NANO / "model.safetensors").items()}
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    return directory


def shard(directory: Path) -> Path:
    """Nano in two files and an index."""
    shutil.copytree(NANO, directory)
    tensors = load_file(NANO / "model.safetensors")
    (directory / "model.safetensors").unlink()
    halves = {"one.safetensors": sorted(tensors)[::2], "two.safetensors": sorted(tensors)[1::2]}
    for file, names in halves.items():
        save_file({name: tensors[name] for name in names}, directory / file)
    index = {"weight_map": {name: file for file, names in halves.items() for name in names}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    return directory


LAYOUTS = {
    "float16": lambda directory: NANO,
    "float32": lambda directory: save(directory, torch.float32),
    "bfloat16": lambda directory: save(directory, torch.bfloat16),
    "shards": shard,
    "old": lambda directory: write_old_layout(NANO, directory),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_tensors_that_transformers_loads(
    layout: str, state: dict[str, np.ndarray], tmp_path: Path
) -> None:
    checkpoint = Checkpoint(LAYOUTS[layout](tmp_path / "copy"))
    assert set(state) - set(checkpoint.names()) <= set(TIED)
    for name, expected in state.items():
        if layout == "bfloat16":
            expected = torch.from_numpy(expected).bfloat16().float().numpy()
        np.testing.assert_array_equal(checkpoint.read(name), expected, name)


def test_the_old_layout_describes_the_same_networks(tmp_path: Path) -> None:
    assert Checkpoint(write_old_layout(NANO, tmp_path / "old")).config == Checkpoint(NANO).config


def test_weights_stay_after_their_pages_are_given_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(save(tmp_path / "copy", torch.float32))
    before = checkpoint.read("model.language_model.shared.weight")
    kept = before.copy()
    checkpoint.release()
    np.testing.assert_array_equal(before, kept)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"model_type": "llava"}, "a model of the type llava, not a Florence-2", id="another-model"),
        pytest.param({"text_config": {"activation_function": "silu"}}, "activation silu", id="activation"),
        pytest.param({"text_config": {"scale_embedding": True}}, "scaled embeddings", id="scaled"),
        pytest.param({"vision_config": {"image_feature_source": ["last_frame"]}}, "picture features", id="features"),
    ],
)
def test_what_is_no_known_florence_is_refused_in_a_sentence(change: dict, sentence: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(NANO, tmp_path / "copy"))
    config = json.loads((copy / "config.json").read_text())
    for key, value in change.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnknownModelError, match=sentence):
        Checkpoint(copy)


BROKEN_HEADERS = {
    "no-json": b"\x08" + bytes(7) + b"{nonsens",
    "no-bytes": b'\x4a\0\0\0\0\0\0\0{"model.language_model.shared.weight":{"dtype":"F16","shape":[9],"data_off',
    "a-list": b"\x02" + bytes(7) + b"[]",
    "empty": b"",
}


@pytest.mark.parametrize("content", BROKEN_HEADERS.values(), ids=BROKEN_HEADERS)
def test_a_broken_file_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(NANO, tmp_path / "copy"))
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(BrokenWeightsError, match="cannot be read"):
        Checkpoint(copy)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}, id="another-type"),
        pytest.param({"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}, id="beyond-the-end"),
        pytest.param({"dtype": "F32", "shape": "wide", "data_offsets": [0, 16]}, id="no-shape"),
        pytest.param({"dtype": "F32"}, id="no-place"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_broken_entry_is_no_tensor(entry: dict | None, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(NANO, tmp_path / "copy"))
    header = json.dumps({"model.language_model.shared.weight": entry}).encode()
    (copy / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    checkpoint = Checkpoint(copy)
    with pytest.raises(BrokenWeightsError, match="cannot be read"):
        checkpoint.read("lm_head.weight")
    with pytest.raises(BrokenWeightsError, match="missing"):
        checkpoint.read("model.vision_tower.convs.0.conv.weight")
