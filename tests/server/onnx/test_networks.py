"""The networks, written anew as graphs, compute what transformers' modules compute from the same weights."""

import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from server.agreement import NANO, Answers, different_answers, scene_questions
from server.old_layout import write_old_layout
from tiny_checkpoint import build_checkpoint, build_model, build_processor
from transformers import Florence2ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from florence_ui.server.engine import Question
from florence_ui.server.errors import BrokenWeightsError, UnknownModelError
from florence_ui.server.onnx.engine import OnnxEngine
from florence_ui.server.onnx.layers import BLOCK, round_to_8_bits
from florence_ui.server.onnx.network import OnnxNetwork
from florence_ui.server.processing.pixel_values import PixelValues

TOKENS = np.array([0, 5, 9, 17, 5, 2])
CLOSE = {"rtol": 1e-4, "atol": 1e-4}
"""Both compute in float32, in another order."""


@pytest.fixture(scope="module", params=["tiny", "nano"])
def directory(request: pytest.FixtureRequest, checkpoint: Path) -> Path:
    """A checkpoint with GELU and one with ReLU, of different shapes."""
    return {"tiny": checkpoint, "nano": NANO}[request.param]


@pytest.fixture(scope="module")
def network(directory: Path) -> OnnxNetwork:
    return OnnxEngine().load(directory)


@pytest.fixture(scope="module")
def model(directory: Path) -> Florence2ForConditionalGeneration:
    return Florence2ForConditionalGeneration.from_pretrained(directory, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def pixel_values(directory: Path) -> np.ndarray:
    width, height = PixelValues(directory).size
    return np.random.default_rng(0).standard_normal((3, height, width)).astype(np.float32)


@torch.inference_mode()
def test_a_picture_has_the_features_of_transformers(
    network: OnnxNetwork, model: Florence2ForConditionalGeneration, pixel_values: np.ndarray
) -> None:
    (features,) = network.see([pixel_values])
    (expected,) = model.get_image_features(torch.from_numpy(pixel_values)[None]).pooler_output.numpy()
    np.testing.assert_allclose(features, expected, **CLOSE)


@torch.inference_mode()
def test_beams_have_the_logits_of_transformers_however_they_change_places(
    network: OnnxNetwork, model: Florence2ForConditionalGeneration, pixel_values: np.ndarray
) -> None:
    (features,) = network.see([pixel_values])
    step = network.begin(Question(features, TOKENS.tolist(), 10, threading.Event()))
    table = model.model.language_model.shared.weight
    embeddings = torch.cat([torch.from_numpy(features), table[torch.from_numpy(TOKENS)]])[None]
    encoded = BaseModelOutput(model.model.language_model.encoder(inputs_embeds=embeddings)[0])

    generator = np.random.default_rng(1)
    beams, order = [[2], [2], [2]], np.arange(3)
    for _ in range(6):
        found = step(np.array([beam[-1] for beam in beams]), order)
        for beam, logits in zip(beams, found, strict=True):
            expected = model(encoder_outputs=encoded, decoder_input_ids=torch.tensor([beam])).logits[0, -1]
            np.testing.assert_allclose(logits, expected.numpy(), **CLOSE)
        order = generator.integers(0, 3, 3)
        beams = [[*beams[origin], int(generator.integers(0, 100))] for origin in order]


def test_a_separate_output_matrix_is_used(tmp_path: Path, picture: Image.Image) -> None:
    """Where a checkpoint has one, the last layer is not the table of embeddings."""
    directory = build_checkpoint(tmp_path / "checkpoint")
    before = Answers(OnnxEngine().load(directory), directory).ids(picture, "<OD>", 20)
    tensors = load_file(directory / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.language_model.shared.weight"].flip(0).contiguous()
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    assert Answers(OnnxEngine().load(directory), directory).ids(picture, "<OD>", 20) != before


def as_float32(directory: Path) -> Path:
    Florence2ForConditionalGeneration.from_pretrained(NANO, dtype=torch.float32).save_pretrained(directory)
    for file in NANO.iterdir():
        if not (directory / file.name).exists():
            (directory / file.name).write_bytes(file.read_bytes())
    return directory


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(lambda directory: NANO, id="float16"),
        pytest.param(as_float32, id="float32"),
        pytest.param(lambda directory: write_old_layout(NANO, directory), id="old"),
    ],
)
def test_nano_answers_every_task_to_the_token(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    outcomes = list(different_answers(layout(tmp_path / "copy"), NANO, scene_questions(2), 300))
    assert len(outcomes) > 29
    assert outcomes == [None] * len(outcomes)


def test_noise_is_answered_to_the_token(checkpoint: Path) -> None:
    noise = np.random.default_rng(2)
    pictures = [Image.fromarray(noise.integers(0, 255, (90, 70, 3), dtype=np.uint8)) for _ in range(5)]
    questions = ((prompt, picture) for picture in pictures for prompt in ("<OD>", "what?"))
    assert list(different_answers(checkpoint, checkpoint, questions, 20)) == [None] * 10


@pytest.mark.filterwarnings("ignore:Unfeasible length constraints")
def test_a_generation_ends_when_it_is_told_to(picture: Image.Image, tmp_path: Path) -> None:
    directory = build_checkpoint(tmp_path, slow=True)
    network = OnnxEngine().load(directory)
    (features,) = network.see([PixelValues(directory)(picture)])
    question = Question(features, TOKENS.tolist(), 1000, threading.Event())
    threading.Timer(0.3, question.stop.set).start()
    (ids,) = network.answer([question])
    assert len(ids) < 1000


def test_missing_weights_are_named_missing(tmp_path: Path) -> None:
    directory = build_checkpoint(tmp_path / "checkpoint")
    tensors = load_file(directory / "model.safetensors")
    del tensors["model.language_model.decoder.layers.0.fc1.weight"]
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    with pytest.raises(BrokenWeightsError, match="missing"):
        OnnxEngine().load(directory)


def test_tensors_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    directory = build_checkpoint(tmp_path / "checkpoint")
    tensors = load_file(directory / "model.safetensors")
    tensors["model.language_model.decoder.layers.0.fc1.weight"] = torch.zeros(64, 31)
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    with pytest.raises(BrokenWeightsError, match="do not fit together"):
        OnnxEngine().load(directory)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("decoder_start_token_id", 10**12),
        ("forced_bos_token_id", 100_000),
        ("eos_token_id", [2, 10**12]),
        ("suppress_tokens", [10**12]),
        ("bad_words_ids", [[5], [6, 10**12]]),
    ],
)
def test_an_id_of_no_token_is_refused_by_name(option: str, value: object, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(NANO, tmp_path / "copy"))
    options = json.loads((copy / "generation_config.json").read_text()) | {option: value}
    (copy / "generation_config.json").write_text(json.dumps(options))
    with pytest.raises(BrokenWeightsError, match=rf"generation_config\.json sets {option} to 1000000*;"):
        OnnxEngine().load(copy)


def test_pictures_that_do_not_divide_into_windows_are_refused(tmp_path: Path) -> None:
    processor = build_processor()
    processor.image_processor.size = {"height": 72, "width": 64}
    build_model(processor, 0, False).save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    with pytest.raises(UnknownModelError, match="16 by 18 tokens in windows of 4"):
        OnnxEngine().load(tmp_path)


def test_weights_of_8_bits_are_off_by_less_than_half_a_step() -> None:
    weights = np.random.default_rng(0).standard_normal((5, 3 * BLOCK)).astype(np.float32)
    weights[0, :BLOCK] = 0
    values, scales = round_to_8_bits(weights)
    restored = (values.astype(np.float32) - 128) * scales[:, :, None]
    assert np.all(np.abs(restored.reshape(weights.shape) - weights) <= np.repeat(scales, BLOCK, axis=1) / 2 + 1e-6)


def test_fast_answers_move_places_a_little_and_change_no_word() -> None:
    exact, fast = (Answers(OnnxEngine(fast=fast).load(NANO), NANO) for fast in (False, True))
    for prompt, picture in scene_questions(2):
        words, places = zip(*(split(answers, picture, prompt) for answers in (exact, fast)), strict=True)
        assert words[0] == words[1]
        assert np.abs(np.subtract(*places)).max(initial=0) <= 3


def split(answers: Answers, picture: Image.Image, prompt: str) -> tuple[str, list[int]]:
    """An answer's text without its places, and the places."""
    text = answers.processor.tokenizer.decode(answers.ids(picture, prompt, 300))
    return re.sub(r"<loc_\d+>", "<loc>", text), [int(place) for place in re.findall(r"<loc_(\d+)>", text)]
