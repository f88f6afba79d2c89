"""Weights that the checkpoint's own reader finds make the very model that transformers loads."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from server.agreement import NANO, Answers, scene_questions
from server.old_layout import write_old_layout
from server.plain_transformers import PlainTransformers
from tiny_checkpoint import build_checkpoint
from transformers import Florence2ForConditionalGeneration

from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.engine import Engine
from florence_ui.server.errors import BrokenWeightsError
from florence_ui.server.onnx.engine import OnnxEngine
from florence_ui.server.processing.generation_config import GenerationConfig, read_generation_config
from florence_ui.server.torch.engine import TorchEngine
from florence_ui.server.torch.model import build_model
from florence_ui.server.torch.runtime import Runtime

ENGINES = [
    pytest.param(OnnxEngine(), id="onnx"),
    pytest.param(TorchEngine(Runtime("cpu", torch.float32)), id="torch"),
]
FC1 = "model.language_model.decoder.layers.0.fc1.weight"


def built(directory: Path, dtype: torch.dtype = torch.float32) -> Florence2ForConditionalGeneration:
    return build_model(Checkpoint(directory), read_generation_config(directory), dtype)


@pytest.fixture(params=["tiny", "nano"])
def directory(request: pytest.FixtureRequest, checkpoint: Path) -> Path:
    """A checkpoint in float32 and one in float16, of different shapes."""
    return {"tiny": checkpoint, "nano": NANO}[request.param]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(lambda directory, copy: directory, id="own-layout"),
        pytest.param(write_old_layout, id="old-layout"),
    ],
)
def test_parameters_and_buffers_are_those_of_transformers(
    layout: Callable[[Path, Path], Path], dtype: torch.dtype, directory: Path, tmp_path: Path
) -> None:
    expected = Florence2ForConditionalGeneration.from_pretrained(directory, dtype=dtype)
    model = built(layout(directory, tmp_path / "copy"), dtype)
    for kind in ("named_parameters", "named_buffers"):  # a tied weight counts once
        found = dict(getattr(model, kind)())
        assert found.keys() == dict(getattr(expected, kind)()).keys()
        for name, tensor in getattr(expected, kind)():
            assert found[name].dtype == dtype
            assert torch.equal(found[name], tensor), name


def test_options_are_those_of_transformers(directory: Path) -> None:
    expected = Florence2ForConditionalGeneration.from_pretrained(directory).generation_config
    found = built(directory).generation_config
    assert found.eos_token_id == [expected.eos_token_id]
    for name in GenerationConfig.model_fields.keys() - {"num_beams", "eos_token_id"}:
        assert getattr(found, name) == getattr(expected, name), name


def test_a_separate_output_matrix_is_used(tmp_path: Path) -> None:
    directory = build_checkpoint(tmp_path / "checkpoint")
    tensors = load_file(directory / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.language_model.shared.weight"].flip(0).contiguous()
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    model = built(directory)
    assert torch.equal(model.lm_head.weight, tensors["lm_head.weight"])
    assert model.get_input_embeddings().weight is model.model.language_model.decoder.embed_tokens.weight


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(lambda directory: NANO, id="float16"),
        pytest.param(lambda directory: write_old_layout(NANO, directory), id="old"),
    ],
)
def test_nano_answers_every_task_to_the_token(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    copy = layout(tmp_path / "copy")
    plain, own = PlainTransformers(NANO), Answers(TorchEngine(Runtime("cpu", torch.float32)).load(copy), copy)
    for prompt, picture in scene_questions(1):
        assert own.ids(picture, prompt, 300) == plain.ids(picture, prompt, 300), prompt


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda tensors: tensors.pop(FC1), "Weights are missing from the files.", id="missing"),
        pytest.param(lambda tensors: tensors.update({FC1: torch.zeros(64, 31)}), "do not fit together", id="shape"),
        pytest.param(
            lambda tensors: tensors.update({FC1: torch.zeros(64, 32, dtype=torch.int64)}), "cannot be read", id="type"
        ),
    ],
)
def test_engines_refuse_broken_weights_in_the_same_words(
    change: Callable[[dict[str, torch.Tensor]], object], sentence: str, engine: Engine, tmp_path: Path
) -> None:
    directory = build_checkpoint(tmp_path / "checkpoint")
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    with pytest.raises(BrokenWeightsError, match=sentence):
        engine.load(directory)


def test_an_answer_of_the_old_layout_is_that_of_the_own(picture: Image.Image, checkpoint: Path, tmp_path: Path) -> None:
    copy = write_old_layout(checkpoint, tmp_path / "copy")
    engine = TorchEngine(Runtime("cpu", torch.float32))
    found, expected = (Answers(engine.load(path), path).ids(picture, "<OD>", 30) for path in (copy, checkpoint))
    assert found == expected
