"""Transformers' own processor."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoProcessor

from florence_ui.server.engine_errors import BrokenWeightsError


class TransformersProcessor:
    """The processor of a checkpoint in Hugging Face layout.

    Raises:
        BrokenWeightsError: If its files cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        try:
            self.processor = AutoProcessor.from_pretrained(directory, local_files_only=True)  # type: ignore[no-untyped-call]  # transformers' own
        except Exception as error:  # every library involved has its own for a broken file
            raise BrokenWeightsError(f"The files cannot be read ({type(error).__name__}).") from error
        self.image_tokens: int = self.processor.num_image_tokens

    def pixel_values(self, image: Image.Image) -> NDArray[np.float32]:
        """The network's input of shape (3, height, width)."""
        pixels: NDArray[np.float32] = self.processor.image_processor(image, return_tensors="np")["pixel_values"][0]
        return pixels

    def token_ids(self, prompt: str) -> list[int]:
        """The prompt with its task spelled out, from `<s>` to `</s>`."""
        tokenizer = self.processor.tokenizer
        (text,) = self.processor._construct_prompts(prompt)
        ids: list[int] = tokenizer(f"{tokenizer.bos_token}{text}{tokenizer.eos_token}", add_special_tokens=False)[
            "input_ids"
        ]
        return ids

    def read_answer(self, ids: list[int], task: str, image_size: tuple[int, int]) -> dict[str, Any]:
        """The answer under its task's name, in pixels of an image of that width and height."""
        text = self.processor.tokenizer.decode(ids, skip_special_tokens=False)
        answer: dict[str, Any] = self.processor.post_process_generation(text, task=task, image_size=image_size)
        return answer
