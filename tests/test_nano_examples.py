"""The bundled example pictures are what the generator draws, and nano answers each of them rightly."""

import json
from collections import defaultdict

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, Florence2ForConditionalGeneration

from florence_ui.nano.answers import TASKS, Question, locations
from florence_ui.nano.evaluate import rows
from florence_ui.nano.examples import COMPOSITIONS, FOLDER, SIZE, Composition, compose, entry
from florence_ui.nano.scoring import score
from florence_ui.nano.world import ASSETS, UNSEEN_FROM

TIGHTNESS = {"mean IoU of matched boxes": 0.1}
"""How much looser than wanted on average the boxes of one picture may lie; what is found must be right."""

ENTRIES = json.loads((FOLDER / "examples.json").read_text())


@pytest.fixture(scope="module")
def nano() -> tuple[Florence2ForConditionalGeneration, AutoProcessor]:
    torch.set_num_threads(1)
    folder = ASSETS / "florence-2-nano"
    model = Florence2ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return model, AutoProcessor.from_pretrained(folder, local_files_only=True)


def test_there_are_six_to_ten_with_tasks_of_their_own() -> None:
    assert 6 <= len(ENTRIES) <= 10
    assert len({one["task"] for one in ENTRIES}) == len(ENTRIES)
    assert {one["task"] for one in ENTRIES} <= set(TASKS)
    assert all(composition.seed >= UNSEEN_FROM for composition in COMPOSITIONS)


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda one: one.name)
def test_file_and_truth_are_what_the_composition_draws(composition: Composition) -> None:
    scene = compose(composition)
    file = f"{composition.name}.jpg"
    assert entry(composition, scene, file) == next(one for one in ENTRIES if one["file"] == file)
    assert (FOLDER / file).stat().st_size < 250_000
    stored = np.asarray(Image.open(FOLDER / file).convert("RGB")).astype(int)
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


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda one: one.name)
def test_nano_answers_the_example_rightly(composition: Composition, nano: tuple) -> None:
    model, processor = nano
    scene = compose(composition)
    question = question_of(composition, scene)
    image = Image.open(FOLDER / f"{composition.name}.jpg").convert("RGB")
    inputs = processor(text=question.prompt, images=image, return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=200, num_beams=3, do_sample=False)
    said = processor.batch_decode(ids, skip_special_tokens=False)[0]
    answer = processor.post_process_generation(said, task=question.task, image_size=image.size)[question.task]
    measures = defaultdict(list)
    score(question, scene, answer, measures)
    reached = [row for row in rows(measures) if row.count]
    assert reached
    assert [row for row in reached if row.reached < row.wanted - TIGHTNESS.get(row.measure, 0)] == [], answer
