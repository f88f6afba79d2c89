"""Pictures with their objects, as the writers of data sets get them."""

import random
from dataclasses import dataclass, field
from typing import Any

from florence_ui.exports.instances import Instance

TRAIN, VAL = "train", "val"
SEED = 0


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """One picture of a data set.

    Attributes:
        file: Its file's name, without a folder.
        stem: The same without its suffix; no other picture has it.
        size: (width, height) in pixels.
        subset: `TRAIN` or `VAL`.
        instances: What is in it.
    """

    file: str
    stem: str
    size: tuple[int, int]
    subset: str
    instances: tuple[Instance, ...]


@dataclass(frozen=True, eq=False)
class LabeledDataset:
    """A data set.

    Attributes:
        pictures: In the order given.
        classes: By their ids, from 0.
        about: What it is about, as JSON types: question, models, warnings.
    """

    pictures: tuple[LabeledImage, ...]
    classes: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def subsets(self) -> tuple[str, ...]:
        """`TRAIN`, and `VAL` where some pictures are held back."""
        return (TRAIN, VAL) if any(picture.subset == VAL for picture in self.pictures) else (TRAIN,)


def assign_subsets(count: int, share: float) -> list[str]:
    """Which subset each of so many pictures belongs to; the same every time.

    Args:
        count: How many pictures there are.
        share: The part for validation, 0 to 1; of two or more pictures each subset gets at least one.
    """
    held = min(max(round(count * share), 1), count - 1) if share > 0 and count > 1 else 0
    chosen = set(random.Random(SEED).sample(range(count), held))
    return [VAL if index in chosen else TRAIN for index in range(count)]
