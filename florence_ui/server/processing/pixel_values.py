"""A picture as the vision tower's input, bit for bit as transformers' CLIP image processor on Pillow prepares it.

https://huggingface.co/docs/transformers/model_doc/clip#transformers.CLIPImageProcessor
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from florence_ui.server.checkpoint_json import read_object
from florence_ui.server.errors import BrokenWeightsError

UNUSED_STEPS = ("do_center_crop", "do_pad")
"""Steps of the image processor that no Florence-2 takes."""
MAX_SIDE = 2048
"""Width and height that a processed picture may have; published checkpoints use 768."""


class PixelValues:
    """The preparation that a checkpoint was trained with.

    Args:
        directory: A checkpoint with a `processor_config.json` or, in the old layout, a `preprocessor_config.json`.

    Attributes:
        size: Width and height that every picture gets, in pixels.
        tokens: Tokens that a picture takes before the prompt's, as the checkpoint says.

    Raises:
        BrokenWeightsError: If it prepares pictures in another way than Florence-2 does.
    """

    def __init__(self, directory: Path) -> None:
        config = _read_config(directory)
        unknown = [step for step in UNUSED_STEPS if config.get(step)]
        size = config["size"]
        if unknown or not config.get("do_resize", True) or set(size) != {"height", "width"}:
            raise BrokenWeightsError("Its processor does not resize pictures to a fixed size, as Florence-2's does.")
        if not all(isinstance(side, int) and 0 < side <= MAX_SIDE for side in size.values()):
            raise BrokenWeightsError(f"Its processor resizes pictures to no size from 1 to {MAX_SIDE:,} pixels.")
        self.tokens: int = config["image_seq_length"]
        self.size = size["width"], size["height"]
        self._resample = Image.Resampling(config.get("resample", Image.Resampling.BICUBIC))
        self._tables = _value_tables(config)

    def __call__(self, image: Image.Image) -> NDArray[np.float32]:
        """The input for an RGB picture of any size, shape (3, height, width)."""
        pixels = np.asarray(self.resize(image))
        values = np.empty((3, *pixels.shape[:2]), np.float32)
        for channel, table in enumerate(self._tables):
            np.take(table, pixels[:, :, channel], out=values[channel], mode="clip")  # unbuffered, three times as fast
        return values

    def resize(self, image: Image.Image) -> Image.Image:
        """The picture in the size that the network sees; one that has it already stays as it is."""
        return image.resize(self.size, self._resample)


def _read_config(directory: Path) -> dict[str, Any]:
    """The image processor's settings: part of the new layout's file, all of the old one's."""
    path = directory / "processor_config.json"
    nested = read_object(path).get("image_processor") if path.is_file() else None
    config: dict[str, Any] = nested or read_object(directory / "preprocessor_config.json")
    return config


def _value_tables(config: dict[str, Any]) -> NDArray[np.float32]:
    """The network's value for each of a byte's 256 values, shape (3, 256), as a channel has its own mean and spread."""
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    scaled = np.tile((np.arange(256) * factor).astype(np.float32), (3, 1))
    if not config.get("do_normalize", True):
        return scaled
    mean, std = (np.array(config[key], np.float32)[:, None] for key in ("image_mean", "image_std"))
    values: NDArray[np.float32] = (scaled - mean) / std
    return values
