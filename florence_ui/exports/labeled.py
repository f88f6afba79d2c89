"""Pictures with their objects, as passed to the dataset layouts."""

import random
from dataclasses import dataclass, field
from typing import Any

from florence_ui.exports.instances import Instance

TRAIN, VAL = "train", "val"
SEED = 0


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """One picture of a dataset.

    Attributes:
        file: Its file's name, without a folder.
        stem: The same without its suffix; no other picture has it.
        size: (width, height) in pixels.
        channels: 1 if the file is gray, else 3.
        subset: `TRAIN` or `VAL`.
        instances: Its objects.
    """

    file: str
    stem: str
    size: tuple[int, int]
    channels: int
    subset: str
    instances: tuple[Instance, ...]


@dataclass(frozen=True, eq=False)
class LabeledDataset:
    """A dataset.

    Attributes:
        pictures: In the order given.
        classes: By their ids, from 0.
        about: Prompts, models, warnings and what was left out, as JSON types.
    """

    pictures: tuple[LabeledImage, ...]
    classes: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def subsets(self) -> tuple[str, ...]:
        """`TRAIN`, and `VAL` if some pictures are held back."""
        return (TRAIN, VAL) if any(picture.subset == VAL for picture in self.pictures) else (TRAIN,)


def assign_subsets(count: int, share: float) -> list[str]:
    """Assign each of `count` pictures to a subset, the same way every time.

    Args:
        count: How many pictures there are.
        share: The fraction for validation, 0 to 1; of two or more pictures each subset gets at least one.
    """
    held = min(max(round(count * share), 1), count - 1) if share > 0 and count > 1 else 0
    chosen = set(random.Random(SEED).sample(range(count), held))
    return [VAL if index in chosen else TRAIN for index in range(count)]
