"""The network of cards gives the ids of plain transformers, one by one and in batches; on a processor, too."""

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from server.plain_transformers import PlainTransformers
from torch.nn.attention import sdpa_kernel

from florence_ui.assets import ASSETS
from florence_ui.models import NANO
from florence_ui.nano.evaluate import draw_questions
from florence_ui.server.engine import Question
from florence_ui.server.processing.generation_config import GenerationConfig, read_generation_config
from florence_ui.server.processing.processor import Processor
from florence_ui.server.torch import batch_network
from florence_ui.server.torch.batch_network import BatchNetwork, next_size
from florence_ui.server.torch.beam_search import can_follow
from florence_ui.server.torch.runtime import Runtime

PROMPTS = ["<OD>", "<CAPTION>", "<OPEN_VOCABULARY_DETECTION>a dog beside a cat", "<OCR>", "a tree"]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no card"))]
OPTIONS = [
    pytest.param({}, id="as-the-official-checkpoints"),
    pytest.param({"early_stopping": False, "no_repeat_ngram_size": 0, "forced_bos_token_id": None}, id="as-nano"),
    pytest.param({"length_penalty": 2.0, "no_repeat_ngram_size": 2, "forced_eos_token_id": 2}, id="forced-end"),
    pytest.param({"eos_token_id": [2, 372, 758]}, id="several-ends"),
]


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    noise = np.random.default_rng(5)
    return [Image.fromarray(noise.integers(0, 255, (90, 120, 3), dtype=np.uint8)) for _ in PROMPTS]


@pytest.fixture(params=DEVICES)
def plain(request: pytest.FixtureRequest, checkpoint: Path) -> Iterator[PlainTransformers]:
    plain = PlainTransformers(checkpoint)
    plain.model.to(request.param)
    with sdpa_kernel(batch_network.KERNELS):
        yield plain


class Asker:
    """A network beside the plain model whose weights it has, with the same options."""

    def __init__(self, plain: PlainTransformers, checkpoint: Path, options: dict | None = None) -> None:
        plain.model.generation_config.update(**options or {})
        config = read_generation_config(checkpoint).model_dump() | (options or {})
        self.plain = plain
        self.processor = Processor(checkpoint)
        runtime = Runtime(plain.model.device.type, torch.float32)
        self.network = BatchNetwork(plain.model, runtime, GenerationConfig(**config))

    def questions(self, pictures: Sequence[Image.Image], lengths: Sequence[int]) -> list[Question]:
        features = self.network.see([self.processor.pixel_values(picture) for picture in pictures])
        return [
            Question(seen, self.processor.tokenizer.encode(prompt), length, threading.Event())
            for seen, prompt, length in zip(features, PROMPTS, lengths, strict=False)
        ]

    def expected(self, pictures: Sequence[Image.Image], lengths: Sequence[int]) -> list[list[int]]:
        return [self.plain.ids(*asked) for asked in zip(pictures, PROMPTS, lengths, strict=False)]


@pytest.mark.parametrize("options", OPTIONS)
def test_answers_are_those_of_plain_transformers(
    options: dict, plain: PlainTransformers, checkpoint: Path, pictures: list[Image.Image]
) -> None:
    asker, lengths = Asker(plain, checkpoint, options), [30] * len(PROMPTS)
    expected = asker.expected(pictures, lengths)
    for _ in range(3 if plain.model.device.type == "cuda" else 1):  # on a card plainly, recorded, and replayed
        questions = asker.questions(pictures, lengths)
        assert [asker.network.answer([question])[0] for question in questions] == expected
        assert asker.network.answer(questions) == expected
    assert len({tuple(ids) for ids in expected}) > 1


def test_places_of_equal_probability_are_chosen_alike() -> None:
    """In half precision neighboring places often are; a turn more than transformers takes would swap such answers."""
    directory = ASSETS / NANO
    plain = PlainTransformers(directory, torch.bfloat16)
    runtime = Runtime("cpu", torch.bfloat16)
    network, processor = BatchNetwork(plain.model, runtime, read_generation_config(directory)), Processor(directory)
    for scene, asked in islice(draw_questions(77_000, scenes=1, tasks_per_scene=10), 4):
        (seen,) = network.see([processor.pixel_values(scene.image)])
        question = Question(seen, processor.tokenizer.encode(asked.prompt), 60, threading.Event())
        assert network.answer([question]) == [plain.ids(scene.image, asked.prompt, 60)]


@pytest.mark.parametrize("length", [1, 2, 64, 65, 150])
def test_an_answer_may_outgrow_its_memory(
    length: int, plain: PlainTransformers, checkpoint: Path, pictures: list[Image.Image]
) -> None:
    asker = Asker(plain, checkpoint)
    questions = asker.questions(pictures[:2], [length] * 2)
    expected = asker.expected(pictures[:2], [length] * 2)
    assert [asker.network.answer([question])[0] for question in questions] == expected
    assert asker.network.answer(questions) == expected
    assert max(len(ids) for ids in expected) == length + 1


def test_answers_of_different_lengths_keep_their_places(
    plain: PlainTransformers, checkpoint: Path, pictures: list[Image.Image]
) -> None:
    asker, lengths = Asker(plain, checkpoint), [9, 20, 5, 20, 9]
    assert asker.network.answer(asker.questions(pictures, lengths)) == asker.expected(pictures, lengths)


def test_a_stopped_question_leaves_the_others_alone(
    plain: PlainTransformers, checkpoint: Path, pictures: list[Image.Image]
) -> None:
    asker, lengths = Asker(plain, checkpoint), [20] * 3
    questions = asker.questions(pictures[:3], lengths)
    questions[1].stop.set()
    answers, expected = asker.network.answer(questions), asker.expected(pictures[:3], lengths)
    assert (answers[0], answers[2]) == (expected[0], expected[2])
    for question in questions:
        question.stop.set()
    assert asker.network.answer(questions) == [[], [], []]


def test_batches_that_are_not_asked_for_any_longer_are_forgotten(
    plain: PlainTransformers, checkpoint: Path, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_network, "MAX_BATCHES", 2)
    asker, lengths = Asker(plain, checkpoint), [5] * len(PROMPTS)
    expected = asker.expected(pictures, lengths)
    for _ in range(2):
        questions = asker.questions(pictures, lengths)
        assert [asker.network.answer([question])[0] for question in questions] == expected
    assert len(asker.network._batches) == 2


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"early_stopping": "never"}, id="never"),
        pytest.param({"repetition_penalty": 1.2}, id="repetition"),
        pytest.param({"min_length": 5}, id="least-length"),
        pytest.param({"suppress_tokens": (5,)}, id="suppressed"),
        pytest.param({"bad_words_ids": ((5,),)}, id="bad-words"),
        pytest.param({"forced_eos_token_id": (2, 5)}, id="two-forced-ends"),
    ],
)
def test_other_options_are_left_to_transformers(options: dict, checkpoint: Path) -> None:
    config = read_generation_config(checkpoint)
    assert can_follow(config)
    assert not can_follow(config.model_copy(update=options))


def test_a_batch_is_filled_up_to_the_next_size() -> None:
    assert [next_size(number) for number in (1, 2, 3, 5, 16)] == [1, 2, 4, 8, 16]
