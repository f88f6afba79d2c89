"""A checkpoint's processor: words and pictures to numbers, and the numbers of an answer back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from florence_ui.server.checkpoint_json import read_object
from florence_ui.server.errors import BrokenWeightsError
from florence_ui.server.processing.pixel_values import PixelValues
from florence_ui.server.processing.post_process import PostProcessor
from florence_ui.server.processing.tokenizer import Tokenizer


class Processor:
    """What transformers' `Florence2Processor` does, from the same files and with the same results.

    Args:
        directory: A checkpoint in Hugging Face layout, or in that of Microsoft's own.

    Attributes:
        tokenizer: Prompts to ids.
        pixel_values: Pictures to the network's input.

    Raises:
        BrokenWeightsError: If its files cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        try:
            self.tokenizer = Tokenizer(directory)
            self.pixel_values = PixelValues(directory)
            self._post_process = PostProcessor(_post_processor_config(directory))
        except BrokenWeightsError:
            raise
        except Exception as error:  # tokenizers raises nothing more specific
            raise BrokenWeightsError(f"The processor's files cannot be read ({type(error).__name__}).") from error

    def read_answer(self, ids: Sequence[int], task: str, image_size: tuple[int, int]) -> dict[str, Any]:
        """The answer under its task's name, in pixels of an image of that width and height."""
        return self._post_process(self.tokenizer.decode(ids), task, image_size)


def _post_processor_config(directory: Path) -> dict[str, Any] | None:
    """The settings in the new layout's file; None in the old one."""
    path = directory / "processor_config.json"
    return read_object(path).get("post_processor_config") if path.is_file() else None
