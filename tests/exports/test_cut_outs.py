"""What is cut out of a picture, in full detail."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florence_ui.errors import ImageError
from florence_ui.exports.cut_outs import PREVIEW_SIZE, cut_out
from florence_ui.images.loading import Picture, open_picture

SIZE = (1600, 400)
"""Larger than what is shown, so that it must be cut out of the original."""
REGION = (0.25, 0.25, 0.75, 0.75)
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", SIZE, RED)
    image.paste(BLUE, (SIZE[0] // 2, 0, *SIZE))
    image.save(tmp_path / "picture.png")
    return open_picture(tmp_path / "picture.png")


def test_a_cut_out_has_the_originals_pixels_and_a_small_one_to_show(picture: Picture) -> None:
    file, preview = cut_out(picture, REGION)
    assert (file.name, preview.name) == ("picture-cut-out.png", "picture-cut-out-small.png")
    with Image.open(file) as image:
        assert (image.size, image.mode, image.format) == ((800, 200), "RGB", "PNG")
        assert [image.getpixel((x, 0)) for x in (0, 399, 400, 799)] == [RED, RED, BLUE, BLUE]
    with Image.open(preview) as image:
        assert (image.size, image.format) == ((PREVIEW_SIZE[0], 100), "PNG")


def test_a_cut_out_is_transparent_outside_of_all_parts_of_its_outline(picture: Picture) -> None:
    """Corners of both parts are at pixels of the picture: 20 and 10 right of and below the region's corner."""
    square = np.array([[420, 110], [460, 110], [460, 150], [420, 150]])
    file, preview = cut_out(picture, REGION, [square, np.add(square, (100, 0))])
    with Image.open(file) as image:
        assert (image.size, image.mode) == ((800, 200), "RGBA")
        alpha = np.asarray(image.getchannel("A"))
        assert image.getpixel((25, 15)) == (*RED, 255)
    expected = np.zeros((200, 800), dtype=np.uint8)
    expected[10:51, 20:61] = expected[10:51, 120:161] = 255
    assert np.array_equal(alpha, expected)
    with Image.open(preview) as image:
        assert image.mode == "RGBA"


def test_what_is_gone_cannot_be_cut_out(picture: Picture) -> None:
    picture.path.unlink()
    with pytest.raises(ImageError):
        cut_out(picture, REGION)
