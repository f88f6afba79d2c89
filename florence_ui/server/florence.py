"""A checkpoint that answers pictures and prompts: the processor around an engine's network."""

import contextlib
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from PIL import Image

from florence_ui.models import MAX_NEW_TOKENS
from florence_ui.server.checkpoint.checkpoint import Checkpoint
from florence_ui.server.engine import Engine, Features, Network, Question
from florence_ui.server.errors import RefusalError
from florence_ui.server.processing.processor import Processor
from florence_ui.server.prompts import answer_key

MAX_FEATURES = 64 * 2**20
"""Bytes of the features of recent pictures. They do not depend on the prompt and take most of the time of a short
answer, so a second task on the same picture reuses them."""


@dataclass(frozen=True, eq=False)
class Inquiry:
    """A picture and a prompt in the network's numbers.

    Attributes:
        pixel_values: Of shape (3, height, width).
        key: The digest of the picture that they are of.
        token_ids: The prompt's.
        max_new_tokens: Maximum length of the answer.
        stop: Ends the generation when set.
        task: The key of its answer.
        image_size: The picture's own width and height.
    """

    pixel_values: NDArray[np.float32]
    key: bytes
    token_ids: list[int]
    max_new_tokens: int
    stop: threading.Event
    task: str
    image_size: tuple[int, int]


class Florence2:
    """A checkpoint in memory.

    Args:
        network: The network in an engine.
        processor: The checkpoint's processor.
    """

    def __init__(self, network: Network, processor: Processor) -> None:
        self.network = network
        self.processor = processor
        self.features: LRUCache[bytes, Features] = LRUCache(MAX_FEATURES, getsizeof=lambda features: features.nbytes)

    @property
    def max_batch(self) -> int:
        """Inquiries that `generate` may be given at once."""
        return self.network.max_batch

    def inquire(self, image: Image.Image, prompt: str, max_new_tokens: int | None, stop: threading.Event) -> Inquiry:
        """Prepare a question; may run in any thread.

        Args:
            image: Upright RGB.
            prompt: A prompt that `check_prompt` accepts.
            max_new_tokens: Maximum length of the answer; `MAX_NEW_TOKENS` if None, never more than the model's limit.
            stop: Ends the generation when set.

        Raises:
            RefusalError: 400 if the prompt is longer than the model can read.
        """
        pixel_values, token_ids = self.processor.pixel_values, self.processor.tokenizer.encode(prompt)
        tokens, most = pixel_values.tokens + len(token_ids), self.network.max_positions
        if tokens > most:
            raise RefusalError(
                400,
                f"The prompt is too long: {tokens:,} tokens with the picture; the model reads {most:,}.",
                "Shorten it.",
            )
        picture = pixel_values.resize(image)
        length = min(max_new_tokens or MAX_NEW_TOKENS, most)
        key, task = content_key(picture), answer_key(prompt)
        return Inquiry(pixel_values(picture), key, token_ids, length, stop, task, image.size)

    def generate(self, inquiries: Sequence[Inquiry]) -> list[list[int]]:
        """The answers' token ids; used by one thread at a time. One that was stopped is cut off."""
        waited_for = [inquiry for inquiry in inquiries if not inquiry.stop.is_set()]
        seen = self._see({inquiry.key: inquiry.pixel_values for inquiry in waited_for})
        questions = [Question(seen[i.key], i.token_ids, i.max_new_tokens, i.stop) for i in waited_for]
        answers = dict(zip(waited_for, self.network.answer(questions) if questions else [], strict=True))
        return [answers.get(inquiry, []) for inquiry in inquiries]

    def read(self, inquiry: Inquiry, ids: list[int]) -> dict[str, Any]:
        """Read an answer; may run in any thread.

        Returns:
            One key, the prompt up to its first `>`, and the processor's reading, in pixels of the picture.
        """
        return self.processor.read_answer(ids, inquiry.task, inquiry.image_size)

    def _see(self, pictures: dict[bytes, NDArray[np.float32]]) -> dict[bytes, Any]:
        """The pictures' features, from the cache or computed."""
        seen = {key: self.features.get(key) for key in pictures}
        new = [key for key, features in seen.items() if features is None]
        if new:
            for key, features in zip(new, self.network.see([pictures[key] for key in new]), strict=True):
                seen[key] = features
                with contextlib.suppress(ValueError):  # larger than the whole cache
                    self.features[key] = features
        return seen


def content_key(picture: Image.Image) -> bytes:
    """A digest of a picture in the size that the network sees; four times as fast as one of its pixel values."""
    return hashlib.blake2b(picture.tobytes(), digest_size=16).digest()


def load(directory: Path, engine: Engine) -> Florence2:
    """Load a checkpoint in Hugging Face layout into an engine.

    Raises:
        UnknownModelError: If it is something else than a Florence-2 of a known shape.
        BrokenWeightsError: If its files cannot be loaded or do not fit together, or weights are missing in them.
    """
    processor = Processor(directory)
    processor.tokenizer.check_ids(Checkpoint(directory).vocabulary)
    return Florence2(engine.load(directory), processor)
