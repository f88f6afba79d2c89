"""A safetensors file in mapped memory, read with numpy alone.

Eight bytes give the length of a JSON header, which gives the type, shape and place of every tensor; the rest are their
bytes. The format: https://huggingface.co/docs/safetensors
"""

import mmap
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from florence_ui.server.checkpoint_json import read_header
from florence_ui.server.errors import BrokenWeightsError

DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
"""The types that a checkpoint's weights may have; numpy has none for bfloat16, the upper half of a float32."""

BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
"""Of a value of each type that a file may hold."""


@dataclass(frozen=True)
class Entry:
    """A tensor's line in the header; `begin` and `end` are bytes after it."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @classmethod
    def of(cls, line: Any) -> Self:
        """Read what the header says.

        Raises:
            ValueError, KeyError, TypeError: If it does not describe a tensor.
        """
        begin, end = line["data_offsets"]
        entry = cls(line["dtype"], tuple(line["shape"]), begin, end)
        if any(type(number) is not int or number < 0 for number in (*entry.shape, begin, end)):
            raise ValueError("a number is no length")
        if prod(entry.shape) * BYTES[entry.dtype] != end - begin:
            raise ValueError("the place has another size than the shape")
        return entry


class SafetensorsFile:
    """The tensors of one file.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be opened.
        BrokenWeightsError: If it is not a safetensors file, or its tensors do not fill it one after the other: several
            that share their bytes would make much of a small file.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            header = read_header(file, path.name)
            self._start = file.tell()
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._entries: dict[str, Entry] = {}
        for name, line in header.items():
            if name != "__metadata__":
                try:
                    self._entries[name] = Entry.of(line)
                except (ValueError, KeyError, TypeError) as error:
                    raise _refusal(path, name, "has a broken entry in the header") from error
        self._check_places(path)

    def names(self) -> list[str]:
        """The names of the tensors."""
        return list(self._entries)

    def raw(self, name: str) -> NDArray[np.generic]:
        """A view of a tensor as the file has it; bfloat16 as its bits in uint16.

        Raises:
            ValueError: If no Florence-2 has tensors of its type.
        """
        entry = self._entries[name]
        dtype = DTYPES.get(entry.dtype)
        if dtype is None:
            raise ValueError(f"{name} has the type {entry.dtype}")
        return np.frombuffer(self._map, dtype, prod(entry.shape), self._start + entry.begin).reshape(entry.shape)

    def release(self) -> None:
        """Give the pages read so far back to the system, where it can be told; a later read fetches them again."""
        if hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _check_places(self, path: Path) -> None:
        """Refuse tensors that overlap, leave a gap or end elsewhere than the file, as the format's own reader does."""
        filled = 0
        for name, entry in sorted(self._entries.items(), key=lambda item: (item[1].begin, item[1].end)):
            if entry.begin != filled:
                raise _refusal(path, name, f"begins at {entry.begin:,} instead of {filled:,}")
            filled = entry.end
        if filled != len(self._map) - self._start:
            raise BrokenWeightsError(f"{path.name} cannot be read: its tensors do not end where the file does.")


def to_float32(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Convert what a file holds: float32, float16, or bfloat16 as bits."""
    if values.dtype == DTYPES["BF16"]:
        return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values.astype(np.float32, copy=False)


def _refusal(path: Path, name: str, reason: str) -> BrokenWeightsError:
    return BrokenWeightsError(f"{path.name} cannot be read: the tensor {name:.100} {reason}.")
