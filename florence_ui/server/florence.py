"""A checkpoint that answers a picture and a prompt: the processor around an engine's network."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from florence_ui.models import MAX_NEW_TOKENS
from florence_ui.server.engine import Engine, Features, Network, Question
from florence_ui.server.engine_errors import GenerationStoppedError
from florence_ui.server.feature_cache import FeatureCache, content_key
from florence_ui.server.processing.processor import Processor
from florence_ui.server.prompts import answer_key
from florence_ui.server.refusals import RefusalError


class Florence2:
    """A checkpoint in memory; not thread-safe.

    Args:
        network: The network in an engine.
        processor: The checkpoint's processor.
    """

    def __init__(self, network: Network, processor: Processor) -> None:
        self.network = network
        self.processor = processor
        self.features = FeatureCache()

    def answer(
        self, image: Image.Image, prompt: str, *, max_new_tokens: int | None, stop: threading.Event
    ) -> dict[str, Any]:
        """Ask the model; the answer is in pixels of the image.

        Args:
            image: Upright RGB.
            prompt: A prompt that `check_prompt` accepts.
            max_new_tokens: Maximum length of the answer; `MAX_NEW_TOKENS` if None, never more than the model's limit.
            stop: Ends the generation when set.

        Returns:
            One key, the prompt up to its first `>`, and the processor's reading of the answer.

        Raises:
            RefusalError: 400 if the prompt is longer than the model can read.
            GenerationStoppedError: If `stop` was set.
        """
        token_ids = self.processor.token_ids(prompt)
        self._check_length(token_ids)
        features = self._see(self.processor.pixel_values(image))
        length = min(max_new_tokens or MAX_NEW_TOKENS, self.network.max_positions)
        (ids,) = self.network.answer([Question(features, token_ids, length, stop)])
        if stop.is_set():
            raise GenerationStoppedError
        return self.processor.read_answer(ids, answer_key(prompt), image.size)

    def _see(self, pixel_values: NDArray[np.float32]) -> Features:
        """The picture's features, from the cache or computed."""
        key = content_key(pixel_values)
        features = self.features.get(key)
        if features is None:
            (features,) = self.network.see(pixel_values[np.newaxis])
            self.features.put(key, features)
        return features

    def _check_length(self, token_ids: list[int]) -> None:
        tokens, most = self.processor.image_tokens + len(token_ids), self.network.max_positions
        if tokens > most:
            raise RefusalError(
                400,
                f"The prompt is too long: {tokens:,} tokens with the picture; the model reads {most:,}.",
                "Shorten it.",
            )


def load(directory: Path, engine: Engine) -> Florence2:
    """Load a checkpoint in Hugging Face layout into an engine.

    Raises:
        BrokenWeightsError: If its files cannot be loaded, or weights are missing in them.
    """
    return Florence2(engine.load(directory), Processor(directory))
