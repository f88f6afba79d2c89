"""A stripped picture has the same pixels, and nothing else that was in its file."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from florence_ui.stripping import MalformedError, exif_orientation, strip
from tests import bad_files
from tests.bad_files import chunk, noise, png, rgb_rows, saved

HIDDEN = b"hidden <script>"


def commented_gif() -> bytes:
    return bad_files.gif_with(b"!\xfe" + bytes([len(HIDDEN)]) + HIDDEN + b"\0")


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, HIDDEN.decode()
    return exif


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(noise(), "JPEG", comment=HIDDEN, exif=exif_of(1)), id="JPEG comment and EXIF"),
        pytest.param(saved(noise(), "JPEG") + HIDDEN, id="behind a JPEG"),
        pytest.param(saved(noise(), "JPEG", progressive=True, xmp=HIDDEN), id="JPEG XMP"),
        pytest.param(png(*bad_files.SIZE, rgb_rows(), chunk(b"tEXt", b"a\0" + HIDDEN)), id="PNG text"),
        pytest.param(saved(noise(), "PNG") + HIDDEN, id="behind a PNG"),
        pytest.param(commented_gif(), id="GIF comment"),
        pytest.param(saved(noise(), "GIF") + HIDDEN, id="behind a GIF"),
        pytest.param(saved(noise(), "AVIF", quality=90), id="AVIF"),
        pytest.param(saved(noise(), "WEBP", lossless=True), id="WebP"),
        pytest.param(saved(noise(), "BMP"), id="BMP"),
    ],
)
def test_the_pixels_stay_and_the_rest_goes(data):
    stripped = strip(data).data
    assert HIDDEN not in stripped
    assert np.array_equal(Image.open(io.BytesIO(stripped)), Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}, {"big_tiff": True}, {"description": "words"}],
    ids=str,
)
def test_a_tiffs_directory_leads_to_its_first_page_only(options):
    data = saved(noise(), "TIFF", save_all=True, append_images=[noise((9, 9))], **options)
    original, stripped = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(strip(data).data))
    assert (original.n_frames, stripped.n_frames) == (2, 1)
    assert 270 not in stripped.tag_v2
    assert np.array_equal(stripped, original)


@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_an_animation_keeps_its_first_frame_only(form):
    data = bad_files.frames(form, 4)
    original, stripped = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(strip(data).data))
    assert original.n_frames > 1
    assert getattr(stripped, "n_frames", 1) == 1
    assert np.array_equal(stripped.convert("RGB"), original.convert("RGB"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpegs_exif_is_handed_out_for_its_orientation(orientation):
    data = saved(noise(), "JPEG", exif=exif_of(orientation))
    stripped = strip(data)
    assert exif_orientation(stripped.exif) == orientation
    assert not Image.open(io.BytesIO(stripped.data)).getexif()


@pytest.mark.parametrize("orientation", [3, 6])
def test_an_avif_stays_turned_without_its_exif(orientation):
    data = saved(noise(), "AVIF", exif=exif_of(orientation), quality=90)
    stripped = strip(data).data
    assert HIDDEN in data
    turned = [ImageOps.exif_transpose(Image.open(io.BytesIO(file))) for file in (data, stripped)]
    assert turned[0].size == turned[1].size
    assert np.array_equal(*turned)
    assert HIDDEN not in Image.open(io.BytesIO(stripped)).info.get("exif", b"")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"", 1),
        (b"II*\0", 1),
        (b"II*\0\xff\xff\xff\xff", 1),
        (b"II*\0\x08\0\0\0\xff\xff", 1),
        (b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHLHH", 0x0112, 3, 1, 8, 0), 8),
        (b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHLHH", 0x0112, 3, 1, 6, 0), 6),
        (b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHLL", 0x0112, 4, 1, 3), 3),
        (b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHLL", 0x0112, 3, 1, 99), 1),
        (b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHLL", 0x0112, 5, 1, 8), 1),
        (b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHLHH", 0x0112, 3, 1, 5, 0), 5),
    ],
    ids=str,
)
def test_the_orientation_is_read_or_upright(block, expected):
    assert exif_orientation(block) == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xd8" + b"\xff\xe0\0\2" * 200_000 + b"\xff\xd9", id="JPEG of empty segments"),
        pytest.param(bad_files.scans_bomb(200), id="JPEG of many scans"),
        pytest.param(png(1, 1, b"\0\0\0\0", *[chunk(b"tEXt", b"")] * 200_000), id="PNG of empty chunks"),
        pytest.param(b"GIF89a" + bytes(7) + b"!\xfe\0" * 200_000, id="GIF of empty comments"),
        pytest.param(bad_files.strips_bomb(300_000), id="TIFF of many strips"),
        pytest.param(bad_files.tile_bomb(), id="TIFF of a huge tile"),
        pytest.param(b"\0\0\0\x0cftypavif" + b"\0\0\0\x08free" * 200_000, id="AVIF of empty boxes"),
        pytest.param(b"\0\0\0\x01ftyp" + bytes(7) + b"\4", id="AVIF box without a size"),
    ],
)
def test_files_of_too_many_parts_are_refused(data):
    with pytest.raises(MalformedError):
        strip(data)


def test_what_is_no_picture_passes_as_it_is():
    assert strip(b"words").data == b"words"
    assert strip(zlib.compress(b"")).data == zlib.compress(b"")
