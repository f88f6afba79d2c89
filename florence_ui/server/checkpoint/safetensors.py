"""A safetensors file in mapped memory, read with numpy alone.

Eight bytes give the length of a JSON header, which gives the type, shape and place of every tensor; the rest are their
bytes. The format: https://huggingface.co/docs/safetensors
"""

import json
import mmap
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
"""The types that a checkpoint's weights may have; numpy has none for bfloat16, the upper half of a float32."""


class SafetensorsFile:
    """The tensors of one file.

    Args:
        path: The file.

    Raises:
        OSError, ValueError: If it is not a safetensors file, or a tensor lies outside it.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._start = 8 + int.from_bytes(self._map[:8], "little")
        header = json.loads(self._map[8 : self._start])
        self._entries = {name: entry for name, entry in header.items() if name != "__metadata__"}

    def names(self) -> list[str]:
        """The names of the tensors."""
        return list(self._entries)

    def read(self, name: str) -> NDArray[np.float32]:
        """A tensor as float32: a view of the file if it holds that, otherwise a copy.

        Raises:
            ValueError: If the tensor has another type, or its bytes are not in the file.
        """
        return to_float32(self.raw(name))

    def raw(self, name: str) -> NDArray[np.generic]:
        """A view of a tensor as the file has it; bfloat16 as its bits in uint16."""
        entry = self._entries[name]
        dtype = DTYPES.get(entry["dtype"])
        if dtype is None:
            raise ValueError(f"{name} has the type {entry['dtype']}")
        shape = tuple(entry["shape"])
        offset = self._start + entry["data_offsets"][0]
        return np.frombuffer(self._map, dtype, prod(shape), offset).reshape(shape)

    def release(self) -> None:
        """Give the pages read so far back to the system, where it can be told; a later read fetches them again."""
        if hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)


def to_float32(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Convert what a file holds: float32, float16, or bfloat16 as bits."""
    if values.dtype == DTYPES["BF16"]:
        return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values.astype(np.float32, copy=False)
