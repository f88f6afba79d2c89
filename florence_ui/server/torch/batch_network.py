"""A network on a card, which answers several questions about several pictures at once."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.attention import SDPBackend, sdpa_kernel

from florence_ui.server.engine import Question
from florence_ui.server.processing.generation_config import GenerationConfig
from florence_ui.server.torch.batches import Batch
from florence_ui.server.torch.cuda_graphs import Recorded, new_pool
from florence_ui.server.torch.runtime import Runtime

SIZES = (1, 2, 4, 8, 16)
"""Numbers of pictures and questions that are computed together; fewer are filled up."""
PADDING = 64
"""Several prompts with their pictures are filled up to a multiple of this many tokens."""
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""All but cuDNN's, which PyTorch prefers on Hopper cards: they take 50 ms to prepare for every new length, and round
by where their input lies in memory."""
MAX_BATCHES = 12
"""Kinds of batches that stay recorded: one question of one length is a kind."""


class BatchNetwork:
    """A checkpoint in memory; not thread-safe.

    Args:
        model: A `Florence2ForConditionalGeneration` on its device.
        runtime: The device and precision that it is in.
        config: How its answers are generated, which `can_follow` accepts.
    """

    max_batch = SIZES[-1]

    def __init__(self, model: Any, runtime: Runtime, config: GenerationConfig) -> None:
        self.model = model
        self.info = runtime.info
        self.config = config
        self.max_positions: int = model.config.text_config.max_position_embeddings
        self._pool = new_pool(runtime.device)
        self._towers: dict[tuple[int, ...], Tower] = {}
        self._batches: OrderedDict[tuple[int, int, int], Batch] = OrderedDict()

    @sdpa_kernel(KERNELS)
    @torch.inference_mode()
    def see(self, pictures: Sequence[NDArray[np.float32]]) -> Sequence[torch.Tensor]:
        """The features of pictures' pixel values of shape (3, height, width), each of shape (tokens, width)."""
        shape = (next_size(len(pictures)), *pictures[0].shape)
        if shape not in self._towers:
            self._towers[shape] = Tower(self.model, shape, self._pool)
        return self._towers[shape].see(pictures).unbind()

    @sdpa_kernel(KERNELS)
    @torch.inference_mode()
    def answer(self, questions: Sequence[Question]) -> list[list[int]]:
        """The token ids that a beam search gives for each question; those of one maximum length are a batch."""
        answers: dict[int, list[int]] = {}
        limits = sorted(range(len(questions)), key=lambda number: questions[number].max_new_tokens)
        for limit, numbers in groupby(limits, key=lambda number: questions[number].max_new_tokens):
            group = list(numbers)
            batch = self._batch([questions[number] for number in group])
            answers |= zip(group, batch.answer([questions[number] for number in group], limit), strict=True)
        return [answers[number] for number in range(len(questions))]

    def _batch(self, questions: Sequence[Question]) -> Batch:
        """The memory and the recorded turns for questions; those unused for longest are forgotten."""
        image_tokens = len(questions[0].features)
        tokens = image_tokens + max(len(question.token_ids) for question in questions)
        if len(questions) > 1:
            tokens = min(-(-tokens // PADDING) * PADDING, self.max_positions)
        key = next_size(len(questions)), tokens, image_tokens
        if key not in self._batches:
            self._batches[key] = Batch(self.model, self.config, *key, self._pool)
            if len(self._batches) > MAX_BATCHES:
                self._batches.popitem(last=False)
        self._batches.move_to_end(key)
        return self._batches[key]


class Tower:
    """The vision tower for a number of pictures.

    Args:
        model: A `Florence2ForConditionalGeneration` on its device.
        shape: That of the pictures together.
        pool: The memory of recorded functions.
    """

    def __init__(self, model: Any, shape: tuple[int, ...], pool: Any) -> None:
        self.model = model
        self.pixels = torch.zeros(shape, dtype=model.dtype, device=model.device)
        self.staged = torch.zeros(shape, dtype=model.dtype, pin_memory=pool is not None)
        self._see = Recorded(self._see_once, pool)

    def see(self, pictures: Sequence[NDArray[np.float32]]) -> torch.Tensor:
        """The features of as many pictures or fewer, of shape (pictures, tokens, width)."""
        for row, picture in zip(self.staged, pictures, strict=False):
            row.copy_(torch.from_numpy(picture))
        self.pixels.copy_(self.staged)
        return self._see()[: len(pictures)].clone()

    def _see_once(self) -> torch.Tensor:
        features: torch.Tensor = self.model.get_image_features(self.pixels).pooler_output
        return features


def next_size(number: int) -> int:
    """The size of the batch for that many pictures or questions."""
    return next(size for size in SIZES if size >= number)
