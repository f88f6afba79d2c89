"""Training examples: a scene, questions about it and their answers, by number."""

import random
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from PIL import Image
from transformers import Florence2Processor

from florence_ui.nano.answers import SHARES, ask, tasks_for
from florence_ui.nano.heads import dense_targets
from florence_ui.nano.model import INPUT_SIZE
from florence_ui.nano.scenes import draw_scene
from florence_ui.nano.vocabulary import UNSEEN_FROM


class Example(TypedDict):
    """One picture, uint8 of shape (3, size, size), its dense targets, and token ids of questions and answers."""

    picture: torch.Tensor
    targets: dict[str, torch.Tensor]
    prompts: list[list[int]]
    answers: list[list[int]]


class Batch(TypedDict):
    """Pictures and targets stacked; questions in one list, `owner` being the index of each one's picture."""

    pictures: torch.Tensor
    targets: dict[str, torch.Tensor]
    owner: list[int]
    prompts: list[list[int]]
    answers: list[list[int]]


class SceneDataset(torch.utils.data.Dataset[Example]):
    """An endless dataset: every number is an example, always the same."""

    def __init__(self, processor: Florence2Processor, questions: int):
        self.processor, self.questions = processor, questions

    def __getitem__(self, number: int) -> Example:
        scene = draw_scene(number % UNSEEN_FROM)
        rng = random.Random(f"questions {number}")
        resized = scene.image.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC)
        tasks = tasks_for(scene)
        questions = [
            ask(task, scene, rng) for task in rng.choices(tasks, [SHARES[task] for task in tasks], k=self.questions)
        ]
        prompts = self.processor._construct_prompts([question.prompt for question in questions])
        return {
            "picture": torch.from_numpy(np.asarray(resized).transpose(2, 0, 1).copy()),
            "targets": dense_targets(scene),
            "prompts": [self.encode(text) for text in prompts],
            "answers": [self.encode(question.answer) for question in questions],
        }

    def encode(self, text: str) -> list[int]:
        """Token ids between ``<s>`` and ``</s>``."""
        tokenizer = self.processor.tokenizer
        inner = tokenizer(text, add_special_tokens=False)["input_ids"]
        return [tokenizer.bos_token_id, *inner, tokenizer.eos_token_id]


def collate(examples: Sequence[Example]) -> Batch:
    """One batch of these examples."""
    return {
        "pictures": torch.stack([example["picture"] for example in examples]),
        "targets": {name: torch.stack([x["targets"][name] for x in examples]) for name in examples[0]["targets"]},
        "owner": [index for index, example in enumerate(examples) for _ in example["prompts"]],
        "prompts": [ids for example in examples for ids in example["prompts"]],
        "answers": [ids for example in examples for ids in example["answers"]],
    }


def pad_rows(rows: Sequence[list[int]], fill: int) -> torch.Tensor:
    """Rows of ids as one tensor, padded on the right."""
    longest = max(map(len, rows))
    return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])
