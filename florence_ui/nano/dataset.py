"""What nano is taught with: lessons of a scene, questions about it and their answers, by number."""

import random

import numpy as np
import torch
from PIL import Image
from transformers import Florence2Processor

from florence_ui.nano.answers import SHARES, ask, tasks_for
from florence_ui.nano.heads import dense_targets
from florence_ui.nano.model import SIDE
from florence_ui.nano.scenes import draw_scene
from florence_ui.nano.vocabulary import UNSEEN_FROM


class Lessons:
    """Lessons by number: a picture, what its tokens should know, questions, answers."""

    def __init__(self, processor: Florence2Processor, questions: int):
        self.processor, self.questions = processor, questions

    def lesson(self, number: int) -> dict:
        """The lesson of that number, always the same."""
        scene = draw_scene(number % UNSEEN_FROM)
        rng = random.Random(f"questions {number}")
        picture = np.asarray(scene.image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).transpose(2, 0, 1).copy()
        tasks = tasks_for(scene)
        asked = [
            ask(task, scene, rng) for task in rng.choices(tasks, [SHARES[task] for task in tasks], k=self.questions)
        ]
        expanded = self.processor._construct_prompts([question.prompt for question in asked])
        return {
            "picture": torch.from_numpy(picture),
            "targets": dense_targets(scene),
            "prompts": [self.ids(text) for text in expanded],
            "answers": [self.ids(question.answer) for question in asked],
        }

    def ids(self, text: str) -> list[int]:
        """Token ids between ``<s>`` and ``</s>``."""
        tokenizer = self.processor.tokenizer
        inner = tokenizer(text, add_special_tokens=False)["input_ids"]
        return [tokenizer.bos_token_id, *inner, tokenizer.eos_token_id]


def collate(lessons: list[dict]) -> dict:
    """A batch: pictures and targets stacked, questions in one list with the picture that each belongs to."""
    return {
        "pictures": torch.stack([lesson["picture"] for lesson in lessons]),
        "targets": {name: torch.stack([x["targets"][name] for x in lessons]) for name in lessons[0]["targets"]},
        "owner": [index for index, lesson in enumerate(lessons) for _ in lesson["prompts"]],
        "prompts": [ids for lesson in lessons for ids in lesson["prompts"]],
        "answers": [ids for lesson in lessons for ids in lesson["answers"]],
    }


def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
    """Rows of ids as one tensor, filled at their ends."""
    longest = max(map(len, rows))
    return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])
