"""A quick estimate of how well a network answers, during training."""

import random

import torch
from transformers import Florence2ForConditionalGeneration, Florence2Processor

from florence_ui.nano.answers import ask
from florence_ui.nano.scenes import draw_scene

TASKS = ("<OD>", "<CAPTION>", "<OCR>", "<OPEN_VOCABULARY_DETECTION>")
FIRST_SEED = 900_000


@torch.no_grad()
def quick_score(
    model: Florence2ForConditionalGeneration, processor: Florence2Processor, count: int = 24
) -> dict[str, float]:
    """Fraction of scenes with every word right, in order, for a few tasks (greedy decoding, training seeds)."""
    model.eval()
    scenes = [draw_scene(seed) for seed in range(FIRST_SEED, FIRST_SEED + count)]
    scores = {}
    for task in TASKS:
        questions = [ask(task, scene, random.Random(0)) for scene in scenes]
        inputs = processor(
            text=[question.prompt for question in questions],
            images=[scene.image for scene in scenes],
            return_tensors="pt",
            padding=True,
        )
        ids = model.generate(**inputs, max_new_tokens=60, num_beams=1, do_sample=False)  # type: ignore[misc]  # self is typed as a protocol
        said = processor.batch_decode(ids, skip_special_tokens=False)
        scores[task] = sum(_words(a) == _words(q.answer) for a, q in zip(said, questions, strict=True)) / count
        scores[f"{task} places"] = (
            sum(_locations_match(a, q.answer) for a, q in zip(said, questions, strict=True)) / count
        )
    model.train()
    return {name: round(score, 2) for name, score in scores.items()}


def _words(answer: str) -> list[str]:
    for token in ("</s>", "<s>", "<pad>"):
        answer = answer.replace(token, "")
    return [part for part in answer.replace("<", " <").replace(">", "> ").split() if not part.startswith("<loc_")]


def _locations_match(answer: str, truth: str, reach: int = 25) -> bool:
    """Whether there are as many locations as expected and none is off by more than ``reach`` bins."""
    said, right = ([int(part.split(">")[0]) for part in text.split("<loc_")[1:]] for text in (answer, truth))
    return len(said) == len(right) and all(abs(a - b) <= reach for a, b in zip(said, right, strict=True))
