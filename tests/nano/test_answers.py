"""Answers made from ground truth are read back unchanged by the processor, and by nano's tokenizer."""

import random
from collections import defaultdict
from functools import cache

import pytest
from transformers import Florence2Processor

from florence_ui.nano.answers import TASKS, ask, bin_of, tasks_for
from florence_ui.nano.evaluate import summarize
from florence_ui.nano.model import GRID, build_processor
from florence_ui.nano.scenes import Scene, draw_scene
from florence_ui.nano.scoring import kinds_in, score_answer
from florence_ui.nano.tokenizer import build_tokenizer
from florence_ui.nano.vocabulary import NAMES, WORDS


@cache
def scene_of(seed: int) -> Scene:
    """A scene, drawn once for all tasks."""
    return draw_scene(seed)


@pytest.fixture(scope="module")
def processor() -> Florence2Processor:
    return build_processor()


def test_there_are_all_fifteen_tasks(processor: Florence2Processor) -> None:
    assert set(TASKS) == set(processor.tasks_answer_post_processing_type)


@pytest.mark.parametrize("task", TASKS)
def test_true_answers_score_fully(task: str, processor: Florence2Processor) -> None:
    """What training teaches, read by the processor, passes every threshold of the evaluation."""
    measures, rng = defaultdict(list), random.Random(0)
    for seed in range(1_400_000, 1_400_030):
        scene = scene_of(seed)
        if task not in tasks_for(scene):
            continue
        question = ask(task, scene, rng)
        said = f"</s><s>{question.answer}</s>"
        answer = processor.post_process_generation(said, task=task, image_size=scene.image.size)[task]
        score_answer(question, scene, answer, measures)
    reached = [row for row in summarize(measures) if row.count]
    assert reached
    assert [row for row in reached if not row.passed] == []


@pytest.mark.parametrize("task", TASKS)
def test_tokenizer_keeps_prompt_and_answer(task: str, processor: Florence2Processor) -> None:
    tokenizer = processor.tokenizer
    for seed in range(1_400_000, 1_400_010):
        scene = scene_of(seed)
        if task in tasks_for(scene):
            question = ask(task, scene, random.Random(seed))
            for text in (question.text, question.answer):
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
                assert tokenizer.decode(ids) == text


def test_every_word_of_the_world_is_one_token() -> None:
    tokenizer = build_tokenizer()
    for word in (*NAMES, *WORDS):
        for text in (word, f" {word}"):
            assert len(tokenizer(text, add_special_tokens=False)["input_ids"]) == 1, text


def test_unknown_words_survive_the_tokenizer() -> None:
    tokenizer = build_tokenizer()
    text = "Straße, naïve 東京 🦊!"
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_special_tokens_have_their_places() -> None:
    tokenizer = build_tokenizer()
    assert (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1, 2)
    first = tokenizer.convert_tokens_to_ids("<loc_0>")
    assert tokenizer.convert_tokens_to_ids("<loc_999>") == first + 999
    for token in ("<and>", "<sep>", "<poly>", "</poly>", "<image>"):
        assert len(tokenizer(token, add_special_tokens=False)["input_ids"]) == 1


@pytest.mark.parametrize(
    ("value", "side", "expected"),
    [
        pytest.param(0, 384, 0, id="start"),
        pytest.param(192, 384, 500, id="middle"),
        pytest.param(384, 384, 999, id="end"),
    ],
)
def test_bins_are_those_of_the_processor(value: float, side: int, expected: int) -> None:
    assert bin_of(value, side) == expected


def test_processor_asks_as_florence_does(processor: Florence2Processor) -> None:
    scene = draw_scene(1_400_000)
    inputs = processor(text="<OD>", images=scene.image, return_tensors="pt")
    text = processor.tokenizer.decode(inputs["input_ids"][0])
    assert text == "<image>" * (GRID**2 + 1) + "<s>Locate the objects with category name in the image.</s>"
    assert inputs["pixel_values"].shape == (1, 3, 192, 192)


def test_absent_kinds_get_an_empty_answer() -> None:
    scene = draw_scene(1_400_001)
    asked = [ask("<OPEN_VOCABULARY_DETECTION>", scene, random.Random(i)) for i in range(60)]
    assert any(question.absent and not question.answer for question in asked)
    for question in asked:
        assert set(kinds_in(question.answer)).isdisjoint(question.absent)
