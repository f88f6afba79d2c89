"""A checkpoint's JSON, perhaps a stranger's: limited in size, and refused in a sentence that names the file."""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from florence_ui.server.errors import BrokenWeightsError

MAX_BYTES = 2**20
"""Of a file; the largest of a published Florence-2, the tokenizer's apart, has a quarter of it."""
MAX_HEADER_BYTES = 10 * 2**20
"""Of a safetensors file's header, which has 150 for each tensor; parsed, JSON takes up to 25 times as much."""


def read_object(path: Path, limit: int = MAX_BYTES) -> dict[str, Any]:
    """A file's JSON object.

    Raises:
        OSError: If there is no such file.
        BrokenWeightsError: If it holds something else, or more bytes than the limit.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    return _parse(content, limit, path.name)


def read_header(file: BinaryIO, name: str) -> dict[str, Any]:
    """The header of an open safetensors file: its length in eight bytes, then JSON; the tensors follow.

    The format: https://huggingface.co/docs/safetensors

    Args:
        file: At its beginning; afterwards, at the first tensor.
        name: The file's, for the sentence.

    Raises:
        BrokenWeightsError: If it is not a header, or too large.
    """
    length = int.from_bytes(file.read(8), "little")
    if length > os.fstat(file.fileno()).st_size - 8:
        raise BrokenWeightsError(f"{name} cannot be read: it is shorter than its header says.")
    return _parse(file.read(min(length, MAX_HEADER_BYTES + 1)), MAX_HEADER_BYTES, f"The header of {name}")


def _parse(content: bytes, limit: int, name: str) -> dict[str, Any]:
    if len(content) > limit:
        raise BrokenWeightsError(f"{name} cannot be read: it has more than {limit >> 20} MB.")
    try:
        parsed = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BrokenWeightsError(f"{name} cannot be read as JSON ({type(error).__name__}).") from error
    if not isinstance(parsed, dict):
        raise BrokenWeightsError(f"{name} cannot be read: it is no JSON object.")
    return parsed
