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
from florence_ui.server.errors import BrokenWeightsError, UnknownModelError

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


def change_config(directory: Path, change: dict) -> Path:
    """Nano with other settings; an object's are added to those of the same part."""
    copy = Path(shutil.copytree(NANO, directory))
    config = json.loads((copy / "config.json").read_text())
    for key, value in change.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    (copy / "config.json").write_text(json.dumps(config))
    return copy


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
    with pytest.raises(UnknownModelError, match=sentence):
        Checkpoint(change_config(tmp_path / "copy", change))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"text_config": {"max_position_embeddings": -5}}, "max_position_embeddings is -5", id="negative"),
        pytest.param({"text_config": {"d_model": 0}}, "d_model is 0", id="zero"),
        pytest.param({"text_config": {"encoder_layers": 1.5}}, "encoder_layers is 1.5", id="fraction"),
        pytest.param({"text_config": {"decoder_layers": None}}, "decoder_layers is None", id="none"),
        pytest.param({"text_config": {"d_model": True}}, "d_model is True", id="truth"),
        pytest.param({"text_config": []}, r"text_config is \[\]", id="no-part"),
        pytest.param({"vision_config": {"window_size": "a"}}, "window_size is a", id="text"),
        pytest.param({"vision_config": {"num_heads": [1, 2, 4, -8]}}, "num_heads is -8", id="negative-in-a-list"),
        pytest.param({"vision_config": {"patch_padding": [3, 1]}}, r"patch_padding is \[3, 1\]", id="too-few"),
        pytest.param({"vision_config": {"depths": 7}}, "depths is 7", id="no-list"),
    ],
)
def test_a_size_that_is_none_is_named(change: dict, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenWeightsError, match=rf"config\.json .*{sentence}"):
        Checkpoint(change_config(tmp_path / "copy", change))


def test_a_size_that_is_missing_is_named(tmp_path: Path) -> None:
    copy = change_config(tmp_path / "copy", {})
    config = json.loads((copy / "config.json").read_text())
    del config["text_config"]["d_model"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(BrokenWeightsError, match=r"config\.json .*d_model is missing"):
        Checkpoint(copy)


DEEP = b"[" * 200_000
BROKEN_JSON = {
    "no-json": b"{nonsens",
    "a-list": b"[]",
    "deep": DEEP,
    "deep-inside": b'{"model_type": "florence2", "x": ' + DEEP + DEEP.replace(b"[", b"]") + b"}",
    "long-number": b'{"model_type": ' + b"9" * 10_000 + b"}",
    "no-text": b"\xff\xfe",
}


@pytest.mark.parametrize("content", BROKEN_JSON.values(), ids=BROKEN_JSON)
def test_a_broken_configuration_is_named(content: bytes, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(NANO, tmp_path / "copy"))
    (copy / "config.json").write_bytes(content)
    with pytest.raises(BrokenWeightsError, match=r"config\.json cannot be read"):
        Checkpoint(copy)


def write_weights(directory: Path, header: bytes, tensors: bytes = b"") -> Path:
    """Nano with another file of weights."""
    copy = Path(shutil.copytree(NANO, directory))
    (copy / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + tensors)
    return copy


@pytest.mark.parametrize("header", BROKEN_JSON.values(), ids=BROKEN_JSON)
def test_a_broken_header_is_named(header: bytes, tmp_path: Path) -> None:
    with pytest.raises(BrokenWeightsError, match=r"header of model\.safetensors cannot be read"):
        Checkpoint(write_weights(tmp_path / "copy", header))


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x4a" + bytes(7) + b"{}", b"\xff" * 64], ids=len)
def test_a_file_that_is_cut_off_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(NANO, tmp_path / "copy"))
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(BrokenWeightsError, match=r"model\.safetensors cannot be read"):
        Checkpoint(copy)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "model.safetensors.index.json"])
def test_json_that_would_fill_the_memory_is_refused_before_it_is_parsed(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b'{"a": [' + b"{}," * 4_000_000 + b"{}]}"
    copy = write_weights(tmp_path / "copy", content)
    if file != "model.safetensors":
        shutil.copy(NANO / "model.safetensors", copy)
        (copy / file).write_bytes(content)
    parsed, loads = [], json.loads
    monkeypatch.setattr("json.loads", lambda text: parsed.append(len(text)) or loads(text))
    with pytest.raises(BrokenWeightsError, match=f"{file} cannot be read: it has more than 10? MB"):
        Checkpoint(copy)
    assert max(parsed, default=0) < 10_000


SHARED = "model.language_model.shared.weight"


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}, id="beyond-the-end"),
        pytest.param({"dtype": "F32", "shape": [2**70], "data_offsets": [0, 16]}, id="huge-shape"),
        pytest.param({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, id="before-the-end"),
        pytest.param({"dtype": "F32", "shape": [8], "data_offsets": [-16, 16]}, id="before-the-beginning"),
        pytest.param({"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]}, id="negative-shape"),
        pytest.param({"dtype": "F32", "shape": [4], "data_offsets": [0, 0]}, id="no-bytes"),
        pytest.param({"dtype": "F32", "shape": [4], "data_offsets": []}, id="empty-place"),
        pytest.param({"dtype": "F32", "shape": [4], "data_offsets": [0.5, 16]}, id="fraction"),
        pytest.param({"dtype": "F32", "shape": "wide", "data_offsets": [0, 16]}, id="no-shape"),
        pytest.param({"dtype": [], "shape": [4], "data_offsets": [0, 16]}, id="no-type"),
        pytest.param({"dtype": "F32"}, id="no-place"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_broken_entry_is_no_tensor(entry: dict | None, tmp_path: Path) -> None:
    with pytest.raises(BrokenWeightsError, match=r"model\.safetensors cannot be read"):
        Checkpoint(write_weights(tmp_path / "copy", json.dumps({SHARED: entry}).encode(), bytes(16)))


@pytest.mark.parametrize("second", [[0, 16], [8, 24], [20, 36]], ids=["the-same", "overlapping", "a-gap"])
def test_tensors_that_do_not_follow_one_another_are_refused(second: list[int], tmp_path: Path) -> None:
    places = {SHARED: [0, 16], "image_projection": second}
    header = {name: {"dtype": "F32", "shape": [4], "data_offsets": place} for name, place in places.items()}
    with pytest.raises(BrokenWeightsError, match=r"begins at \d+ instead of \d+"):
        Checkpoint(write_weights(tmp_path / "copy", json.dumps(header).encode(), bytes(second[1])))


def test_a_type_that_no_florence_has_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    header = json.dumps({SHARED: {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}}).encode()
    checkpoint = Checkpoint(write_weights(tmp_path / "copy", header, bytes(16)))
    with pytest.raises(BrokenWeightsError, match="cannot be read"):
        checkpoint.read("lm_head.weight")
    with pytest.raises(BrokenWeightsError, match="missing"):
        checkpoint.read("model.vision_tower.convs.0.conv.weight")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "..", 7])
def test_an_index_names_files_beside_it_only(name: object, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(NANO, tmp_path / "copy"))
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {SHARED: name}}))
    with pytest.raises(BrokenWeightsError, match="names no files of this checkpoint"):
        Checkpoint(copy)
