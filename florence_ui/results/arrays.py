"""Types of arrays, and typed selection of detections."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import supervision as sv

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]


def take_rows(detections: sv.Detections, rows: Sequence[int] | IntArray | BoolArray) -> sv.Detections:
    """Select rows by indices, in the given order, or by a mask; empty detections if nothing is selected."""
    chosen = np.asarray(rows)
    if not len(chosen) or (chosen.dtype == bool and not chosen.any()):
        return sv.Detections.empty()
    taken = detections[chosen]
    assert isinstance(taken, sv.Detections)  # indexed by a name it would be a column
    return taken
