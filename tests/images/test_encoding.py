"""Pictures become files without metadata."""

import io
import os
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from florence_ui.images.encoding import encode_image, encode_jpeg
from tests.bad_files import quarters, saved


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
@pytest.mark.parametrize(
    "encode",
    [pytest.param(encode_jpeg, id="shown"), pytest.param(partial(encode_image, image_format="JPEG"), id="kept")],
)
def test_other_threads_go_on_while_a_picture_is_encoded(encode, monkeypatch):
    """Pillow lets go of Python's lock only where it writes into a real file."""
    calls, save = [], Image.Image.save
    monkeypatch.setattr(Image.Image, "save", lambda *a, **k: (calls.append(a[1].fileno()), save(*a, **k)))
    assert encode(quarters()).startswith(b"\xff\xd8")
    assert calls


def test_pictures_are_encoded_where_there_are_no_files_in_memory(monkeypatch):
    expected = encode_jpeg(quarters())
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert encode_jpeg(quarters()) == expected
    assert encode_jpeg(quarters(), 30) != expected


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list open files")
def test_encoding_leaves_no_file_open():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        encode_jpeg(quarters())
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_a_picture_is_encoded_at_its_size_without_metadata(image_format: str) -> None:
    image = quarters()
    image.info["comment"] = b"secret"
    image.info["exif"] = b"secret"
    image.info["icc_profile"] = b"secret"
    file = encode_image(image, image_format)
    again = Image.open(io.BytesIO(file))
    assert (again.size, again.format) == (quarters().size, image_format)
    assert b"secret" not in file
    assert not again.info.keys() & {"comment", "exif", "icc_profile"}


def test_a_jpeg_that_is_kept_has_nearly_no_loss():
    kept, usual = (
        Image.open(io.BytesIO(data)) for data in (encode_image(quarters(), "JPEG"), saved(quarters(), "JPEG"))
    )
    expected = Image.open(io.BytesIO(saved(quarters(), "JPEG", quality=95, subsampling=0)))
    assert (kept.quantization, kept.layer) == (expected.quantization, expected.layer)
    assert (kept.quantization, kept.layer) != (usual.quantization, usual.layer)
