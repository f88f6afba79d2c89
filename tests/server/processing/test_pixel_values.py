"""Pixel values equal those of Florence-2's own image processor to the bit."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from florence_ui.assets import ASSETS
from florence_ui.images.loading import decode
from florence_ui.models import NANO
from florence_ui.server.errors import BrokenWeightsError
from florence_ui.server.processing.pixel_values import PixelValues

SIZES = [(1, 1), (1, 400), (400, 1), (3, 3), (4, 3), (31, 17), (192, 192), (193, 191), (768, 768), (1500, 1000)]
MODES = {"1": "PNG", "L": "PNG", "LA": "PNG", "P": "PNG", "RGB": "PNG", "RGBA": "PNG", "I;16": "PNG", "CMYK": "JPEG"}
"""The modes of files, and a format that holds each."""


def noise(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """A picture in which every byte is random."""
    draw = np.random.default_rng(size)
    if mode == "I;16":
        return Image.fromarray(draw.integers(0, 65536, size[::-1], dtype=np.uint16))
    picture = Image.fromarray(draw.integers(0, 256, (*size[::-1], 4), dtype=np.uint8), "RGBA")
    return picture if mode == "RGBA" else picture.convert(mode)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures_of_any_size_are_prepared_as_by_transformers(processor: Any, size: tuple[int, int]) -> None:
    picture = noise(size)
    expected = processor.image_processor(picture, return_tensors="np")["pixel_values"][0]
    values = PixelValues(ASSETS / NANO)(picture)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_any_mode_are_prepared_as_by_transformers_once_decoded(processor: Any, mode: str) -> None:
    file = io.BytesIO()
    noise((90, 60), mode).save(file, MODES[mode])
    picture = decode(file.getvalue())
    expected = processor.image_processor(picture, return_tensors="np")["pixel_values"][0]
    np.testing.assert_array_equal(PixelValues(ASSETS / NANO)(picture), expected)


CONFIGURATIONS = {
    "microsoft": {"size": {"height": 768, "width": 768}, "resample": 3, "image_mean": [0.485, 0.456, 0.406]},
    "not square": {"size": {"height": 50, "width": 70}},
    "lanczos": {"resample": 1},
    "not rescaled": {"do_rescale": False},
    "not normalized": {"do_normalize": False},
    "neither": {"do_rescale": False, "do_normalize": False},
    "another factor": {"rescale_factor": 1 / 127.5, "image_mean": [1.0, 1.0, 1.0], "image_std": [1.0, 1.0, 1.0]},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("old_layout", [pytest.param(True, id="old"), pytest.param(False, id="new")])
def test_the_checkpoint_says_how(processor: Any, tmp_path: Path, name: str, old_layout: bool) -> None:
    from transformers import CLIPImageProcessorPil

    config = processor.image_processor.to_dict() | CONFIGURATIONS[name]
    file = "preprocessor_config.json" if old_layout else "processor_config.json"
    (tmp_path / file).write_text(json.dumps(config if old_layout else {"image_processor": config}))
    picture = noise((90, 60))
    expected = CLIPImageProcessorPil(**config)(picture, return_tensors="np")["pixel_values"][0]
    np.testing.assert_array_equal(PixelValues(tmp_path)(picture), expected)
    assert PixelValues(tmp_path).tokens == processor.num_image_tokens


@pytest.mark.parametrize(
    "change",
    [{"do_center_crop": True}, {"do_resize": False}, {"size": {"shortest_edge": 224}}, {"do_pad": True}],
    ids=str,
)
def test_a_preparation_that_is_not_florences_is_refused(processor: Any, tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor.image_processor.to_dict() | change))
    with pytest.raises(BrokenWeightsError, match="fixed size"):
        PixelValues(tmp_path)


@pytest.mark.parametrize("side", [0, -1, 2049, 10**9, 768.0, "768", None], ids=repr)
def test_a_size_that_no_picture_can_have_is_refused_at_once(processor: Any, tmp_path: Path, side: object) -> None:
    settings = processor.image_processor.to_dict() | {"size": {"height": 768, "width": side}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(BrokenWeightsError, match="no size from 1 to 2,048 pixels"):
        PixelValues(tmp_path)
