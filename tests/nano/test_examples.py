"""The bundled example pictures: they are what the generator draws, and nano answers each of them correctly."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, Florence2ForConditionalGeneration

from florence_ui.assets import ASSETS, EXAMPLES
from florence_ui.nano import captions
from florence_ui.nano.answers import TASKS, Question, locations
from florence_ui.nano.evaluate import summarize
from florence_ui.nano.examples import COMPOSITIONS, SIZE, Composition, compose, entry
from florence_ui.nano.scenes import Scene
from florence_ui.nano.scoring import score_answer
from florence_ui.nano.vocabulary import UNSEEN_FROM

TIGHTNESS = {"mean IoU of matched boxes": 0.1}
"""How much looser than wanted on average the boxes of one picture may lie; what is found must be right."""

ENTRIES = json.loads((EXAMPLES / "examples.json").read_text())


@pytest.fixture(scope="module")
def nano() -> tuple[Florence2ForConditionalGeneration, AutoProcessor]:
    folder = ASSETS / "florence-2-nano"
    model = Florence2ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return model, AutoProcessor.from_pretrained(folder, local_files_only=True)


def test_there_are_six_to_ten_with_tasks_of_their_own() -> None:
    assert 6 <= len(ENTRIES) <= 10
    assert len({one["task"] for one in ENTRIES}) == len(ENTRIES)
    assert {one["task"] for one in ENTRIES} <= set(TASKS)
    assert all(composition.seed >= UNSEEN_FROM for composition in COMPOSITIONS)


@cache
def scene_of(composition: Composition) -> Scene:
    """What a composition draws, drawn once for all tests."""
    return compose(composition)


def classes_of(scene: Scene) -> str:
    """All the kinds that a scene has, as classes are asked for."""
    return "<and>".join(thing.label for thing in scene.things)


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda one: one.name)
def test_file_and_truth_are_what_the_composition_draws(composition: Composition) -> None:
    scene = scene_of(composition)
    file = f"{composition.name}.jpg"
    assert entry(composition, scene, file) == next(one for one in ENTRIES if one["file"] == file)
    assert (EXAMPLES / file).stat().st_size < 250_000
    stored = np.asarray(Image.open(EXAMPLES / file).convert("RGB")).astype(int)
    assert np.abs(stored - np.asarray(scene.image)).mean() < 3


def question_of(composition: Composition, scene) -> Question:
    """The example's question, in the terms of the evaluation."""
    position = {thing.label: index for index, thing in enumerate(scene.things)}
    text = composition.text or "<and>".join(composition.classes)
    if composition.region_of:
        text = locations(scene.things[position[composition.region_of]].box, SIZE)
        asked = [composition.region_of]
    else:
        asked = [name for name in position if name in text]
    return Question(composition.task, text, "", things=tuple(position[name] for name in asked))


def answers_of(nano: tuple, compositions: Sequence[Composition], prompts: list[str], task: str) -> list[object]:
    """What nano says of the bundled files, asked together, as the processor reads it."""
    model, processor = nano
    images = [Image.open(EXAMPLES / f"{composition.name}.jpg").convert("RGB") for composition in compositions]
    inputs = processor(text=prompts, images=images, padding=True, return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=200, num_beams=3, do_sample=False)
    said = processor.batch_decode(ids, skip_special_tokens=False)
    return [
        processor.post_process_generation(text, task=task, image_size=image.size)[task]
        for text, image in zip(said, images, strict=True)
    ]


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda one: one.name)
def test_nano_answers_the_example_rightly(composition: Composition, nano: tuple) -> None:
    scene = scene_of(composition)
    question = question_of(composition, scene)
    (answer,) = answers_of(nano, [composition], [question.prompt], question.task)
    measures = defaultdict(list)
    score_answer(question, scene, answer, measures)
    reached = [row for row in summarize(measures) if row.count]
    assert reached
    assert [row for row in reached if row.value < row.target - TIGHTNESS.get(row.measure, 0)] == [], answer


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        pytest.param("<CAPTION_TO_PHRASE_GROUNDING>", captions.brief, id="brief-caption"),
        pytest.param("<CAPTION_TO_PHRASE_GROUNDING>", captions.more_detailed, id="long-caption"),
        pytest.param("<OPEN_VOCABULARY_DETECTION>", classes_of, id="all-classes"),
    ],
)
def test_nano_finds_all_that_a_question_about_many_objects_mentions(task: str, asked: Callable, nano: tuple) -> None:
    """As a chain asks, which grounds a caption of the whole picture."""
    scenes = [scene_of(composition) for composition in COMPOSITIONS]
    questions = [Question(task, asked(scene), "", things=tuple(range(len(scene.things)))) for scene in scenes]
    answers = answers_of(nano, COMPOSITIONS, [question.prompt for question in questions], task)
    measures = defaultdict(list)
    for question, scene, answer in zip(questions, scenes, answers, strict=True):
        score_answer(question, scene, answer, measures)
    found = measures[f"{task} recall"]
    assert len(found) > 4 * len(COMPOSITIONS)
    assert sum(found) >= 0.9 * len(found)
