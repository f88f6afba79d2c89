"""The beam search finds the ids that transformers' `generate` finds, whatever the checkpoint's options are."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_checkpoint import build_model, build_processor
from transformers import DynamicCache, EncoderDecoderCache, GenerationConfig

from florence_ui.server.errors import BrokenWeightsError
from florence_ui.server.onnx.beam_search import Beams, Step, beam_search
from florence_ui.server.processing.generation_config import read_generation_config

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:transformers.*")

TOKENS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
MICROSOFT = TOKENS | {
    "num_beams": 3, "early_stopping": True, "no_repeat_ngram_size": 3,
    "forced_bos_token_id": 0, "forced_eos_token_id": 2,
}  # fmt: skip
"""The options of Microsoft's checkpoints."""


class TinyModel:
    """A network with random weights that has seen a picture and a prompt."""

    def __init__(self, seed: int) -> None:
        processor = build_processor()
        self.model = build_model(processor, seed, slow=False)
        picture = np.random.default_rng(seed).integers(0, 255, (100, 140, 3), dtype=np.uint8)
        self.inputs = processor(text="<OD>", images=Image.fromarray(picture), return_tensors="pt")
        with torch.inference_mode():
            start = torch.tensor([[2]])
            self.hidden = self.model(**self.inputs, decoder_input_ids=start).encoder_last_hidden_state
        self.common = sorted(set(self.reference(TOKENS, 60)))
        """Tokens that it likes to answer."""

    def reference(self, options: dict[str, Any], max_new_tokens: int) -> list[int]:
        """What `generate` answers."""
        self.model.generation_config = GenerationConfig(**options)
        with torch.inference_mode():
            ids = self.model.generate(**self.inputs, num_beams=3, do_sample=False, max_new_tokens=max_new_tokens)
        return ids[0].tolist()

    def step(self) -> Step:
        """A decoder that has answered nothing yet."""
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        language = self.model.model.language_model

        def logits(ids: Any, order: Any) -> Any:
            if cache.get_seq_length():
                cache.reorder_cache(torch.from_numpy(order))
            hidden = self.hidden.expand(len(ids), -1, -1)
            with torch.inference_mode():
                output = language.decoder(
                    torch.from_numpy(ids)[:, None], encoder_hidden_states=hidden, past_key_values=cache, use_cache=True
                )
                return self.model.lm_head(output.last_hidden_state[:, -1]).numpy()

        return logits


@pytest.fixture(scope="module")
def models() -> list[TinyModel]:
    """Three of them."""
    return [TinyModel(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint's directory with the tiny model's settings."""
    path = tmp_path_factory.mktemp("options")
    (path / "config.json").write_text(json.dumps({"text_config": {"vocab_size": 1412}}))
    return path


def search(directory: Path, model: TinyModel, options: dict[str, Any], max_new_tokens: int) -> list[int]:
    """What the beam search answers."""
    (directory / "generation_config.json").write_text(json.dumps(options))
    beams = Beams(read_generation_config(directory), max_new_tokens)
    return beam_search(model.step(), beams, threading.Event())


@st.composite
def questions(draw: Callable[..., Any]) -> tuple[int, dict[str, Any], int]:
    """A model's number, generation options, and the maximum length; tokens are indices into the model's common ones."""
    token = st.integers(0, 30)
    options = draw(
        st.fixed_dictionaries(
            {"early_stopping": st.sampled_from([True, False, "never"])},
            optional={
                "eos_token_id": st.lists(token, min_size=1, max_size=4, unique=True) | token,
                "encoder_repetition_penalty": st.just(1.0),
                "top_k": st.just(5),
                "length_penalty": st.sampled_from([0.0, 0.5, 1.0, 2.0, -1.0]),
                "repetition_penalty": st.sampled_from([1.0, 1.3, 2.5, 0.7]),
                "no_repeat_ngram_size": st.integers(0, 5),
                "min_length": st.integers(0, 12),
                "min_new_tokens": st.integers(0, 12),
                "forced_bos_token_id": token,
                "forced_eos_token_id": token,  # of several, which are tied, transformers takes any
                "suppress_tokens": st.lists(token, max_size=4),
                "begin_suppress_tokens": st.lists(token, max_size=4),
                "bad_words_ids": st.lists(st.lists(token, min_size=1, max_size=3), min_size=1, max_size=5),
                "temperature": st.just(0.3),
                "num_beams": st.just(5),
            },
        )
    )
    return draw(st.integers(0, 2)), options, draw(st.integers(1, 25))


def with_tokens(model: TinyModel, options: dict[str, Any]) -> dict[str, Any]:
    """The options with indices replaced by the model's common tokens."""

    def replace(value: Any) -> Any:
        return [replace(item) for item in value] if isinstance(value, list) else model.common[value % len(model.common)]

    of_tokens = {name for name in options if name.endswith(("token_id", "tokens", "words_ids")) and "min" not in name}
    return TOKENS | {name: replace(value) if name in of_tokens else value for name, value in options.items()}


def check(models: list[TinyModel], directory: Path, question: tuple[int, dict[str, Any], int]) -> None:
    """Compare one answer, or the refusal of the options."""
    number, options, max_new_tokens = question
    model = models[number]
    options = with_tokens(model, options)
    try:
        expected = model.reference(options, max_new_tokens)
    except ValueError:
        with pytest.raises(BrokenWeightsError):
            search(directory, model, options, max_new_tokens)
    else:
        assert search(directory, model, options, max_new_tokens) == expected


COMMON = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # to shrink an example would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(COMMON, max_examples=40, derandomize=True)
@example(question=(0, {"forced_bos_token_id": 3, "forced_eos_token_id": 4}, 1))
@example(question=(1, {"eos_token_id": [1, 2, 3], "early_stopping": "never", "length_penalty": 2.0}, 25))
@given(question=questions())
def test_ids_are_those_of_transformers(
    models: list[TinyModel], directory: Path, question: tuple[int, dict[str, Any], int]
) -> None:
    check(models, directory, question)


@pytest.mark.slow
@settings(COMMON, max_examples=2000)
@given(question=questions())
def test_ids_are_those_of_transformers_for_2000_sets_of_options(
    models: list[TinyModel], directory: Path, question: tuple[int, dict[str, Any], int]
) -> None:
    check(models, directory, question)


@pytest.mark.parametrize("number", range(3))
def test_microsofts_options_give_what_transformers_gives(models: list[TinyModel], directory: Path, number: int) -> None:
    assert search(directory, models[number], MICROSOFT, 100) == models[number].reference(MICROSOFT, 100)


def test_an_answer_ends_at_its_next_token_when_stopped(models: list[TinyModel], directory: Path) -> None:
    stop, steps = threading.Event(), 0
    step = models[0].step()

    def stopping(ids: Any, order: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 3:
            stop.set()
        return step(ids, order)

    (directory / "generation_config.json").write_text(json.dumps(TOKENS))
    beam_search(stopping, Beams(read_generation_config(directory), 100), stop)
    assert steps == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_time", 3.0),
        ("stop_strings", ["cat"]),
        ("num_beam_groups", 3),
        ("guidance_scale", 1.5),
        ("sequence_bias", [[[5], 1.0]]),
        ("renormalize_logits", True),
        ("low_memory", True),
        ("made_up", "anything"),
        ("early_stopping", "sometimes"),
        ("length_penalty", "long"),
        ("length_penalty", 1e308),
        ("length_penalty", float("nan")),
        ("repetition_penalty", float("inf")),
        ("repetition_penalty", 0.0),
        ("no_repeat_ngram_size", -1),
        ("suppress_tokens", [-3]),
        ("bad_words_ids", [3]),
        ("eos_token_id", "</s>"),
    ],
)
def test_options_that_are_not_supported_are_refused_by_name(directory: Path, option: str, value: Any) -> None:
    (directory / "generation_config.json").write_text(json.dumps(TOKENS | {option: value}))
    with pytest.raises(BrokenWeightsError, match=option):
        read_generation_config(directory)


@pytest.mark.parametrize("content", [b"[]", b"{nonsense", b"[" * 200_000], ids=["a-list", "no-json", "deep"])
def test_a_broken_file_of_options_is_named(directory: Path, content: bytes) -> None:
    (directory / "generation_config.json").write_bytes(content)
    with pytest.raises(BrokenWeightsError, match=r"generation_config\.json cannot be read"):
        read_generation_config(directory)


def test_a_checkpoint_that_does_not_say_how_to_begin_is_refused(directory: Path) -> None:
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": 2}))
    with pytest.raises(BrokenWeightsError, match="decoder_start_token_id"):
        read_generation_config(directory)


def test_options_among_the_models_settings_are_read_as_by_transformers(tmp_path: Path) -> None:
    text = {"vocab_size": 1412, "no_repeat_ngram_size": 3, "early_stopping": True, "bos_token_id": 7} | TOKENS
    model = {"model_type": "florence2", "bos_token_id": 0, "forced_bos_token_id": None, "text_config": text}
    (tmp_path / "config.json").write_text(json.dumps(model))
    expected = GenerationConfig.from_model_config(model)
    options = read_generation_config(tmp_path)
    names = ("no_repeat_ngram_size", "early_stopping", "bos_token_id", "decoder_start_token_id", "forced_bos_token_id")
    assert {name: getattr(options, name) for name in names} == {name: getattr(expected, name) for name in names}
    assert options.eos_token_id == (expected.eos_token_id,)
