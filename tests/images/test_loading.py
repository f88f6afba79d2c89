"""A file of unknown origin becomes one upright RGB picture, or an error message."""

import hashlib
import io
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from sentences import reads_as_sentences

from florence_ui import storage
from florence_ui.errors import ImageError
from florence_ui.images import loading
from florence_ui.images.encoding import JPEG_QUALITY
from florence_ui.images.loading import DISPLAY_SIDE, ImageLimits, crop, decode, fit_size, open_bytes, open_picture
from tests import bad_files
from tests.bad_files import CASES, FileCase, noise, quarters, saved

ids = [case.name for case in CASES]


@pytest.fixture(autouse=True)
def files_in(tmp_path, monkeypatch):
    """Files that the app keeps go into the test's own folder."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


def close(image: Image.Image, at: tuple[int, int], color: tuple[int, int, int], tolerance: int) -> bool:
    return bool(np.abs(np.subtract(image.getpixel(at), color)).max() <= tolerance)


def test_the_list_is_long_and_its_names_differ():
    assert len(CASES) >= 60
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_every_file_opens_upright_or_gets_its_sentence(case: FileCase, tmp_path):
    path = tmp_path / case.name
    path.write_bytes(case.build())
    started = time.monotonic()
    check(case, path)
    assert time.monotonic() - started < 15


def check(case: FileCase, path: Path) -> None:
    if case.size is None:
        with pytest.raises(ImageError, match=case.says) as caught:
            open_picture(path)
        assert caught.value.hint
        assert str(path.parent) not in str(caught.value)
        return
    picture = open_picture(path)
    assert picture.size == case.size
    full = picture.full()
    assert (full.mode, full.size, full.info) == ("RGB", case.size, {})
    assert np.array_equal(full, decode(path.read_bytes()))
    for at, color in case.pixels.items():
        assert close(full, at, color, case.tolerance), (at, full.getpixel(at), color)
    assert picture.display.mode == "RGB"
    assert max(picture.display.size) == min(max(case.size), DISPLAY_SIDE)
    assert min(picture.display.size) >= 1


def test_a_picture_that_fits_is_shown_as_it_is():
    picture = open_bytes(saved(quarters(), "PNG"))
    assert np.array_equal(picture.display, quarters())
    assert picture.path.read_bytes() == saved(quarters(), "PNG")
    assert picture.digest == hashlib.sha256(saved(quarters(), "PNG")).hexdigest()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_is_shown_smaller_with_everything_in_place(form):
    large = quarters().resize((3000, 2000), Image.Resampling.NEAREST)
    picture = open_bytes(saved(large, form))
    assert picture.size == (3000, 2000)
    assert picture.display.size == (1536, 1024)
    for (x, y), color in bad_files.CORNERS.items():
        assert close(picture.display, (x * 32, y * 32), color, 24)
    assert picture.full().size == (3000, 2000)


def test_a_picture_that_is_shown_whole_is_not_decoded_again(monkeypatch):
    picture = open_bytes(saved(quarters(), "PNG"))
    monkeypatch.setattr(loading, "decode", None)
    full = picture.full()
    full.paste("black", (0, 0, 48, 32))
    assert np.array_equal(picture.full(), quarters()), "a copy was changed, not the picture"


def test_the_shown_jpeg_is_the_display_without_metadata():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    picture = open_bytes(saved(noise((300, 200)), "JPEG", exif=exif))
    sent = Image.open(io.BytesIO(picture.jpeg))
    assert sent.size == picture.display.size == (200, 300)
    assert not sent.getexif()
    assert b"where I live" not in picture.jpeg
    difference = np.abs(np.asarray(sent, dtype=int) - np.asarray(picture.display, dtype=int))
    assert difference.mean() < 40


def test_limits_are_the_callers():
    data = saved(noise(), "PNG")
    with pytest.raises(ImageError, match="larger than"):
        decode(data, ImageLimits(max_bytes=len(data) - 1))
    with pytest.raises(ImageError, match="too large: 200 x 150"):
        decode(data, ImageLimits(max_pixels=200 * 150 - 1))
    assert decode(data, ImageLimits(len(data), 200 * 150)).size == (200, 150)


def test_the_size_is_refused_before_a_pixel_is_decoded(monkeypatch):
    data, decoded = saved(Image.new("L", (7100, 7100)), "PNG"), []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: decoded.append(self))
    with pytest.raises(ImageError, match="too large"):
        decode(data)
    assert decoded == []


def test_only_listed_formats_are_ever_tried(monkeypatch):
    tried = []
    monkeypatch.setattr(loading.Image, "open", lambda file, formats: tried.append(formats) or Image.new("RGB", (1, 1)))
    decode(b"%!PS-Adobe-3.0 EPSF-3.0")
    assert tried == [loading.FORMATS]
    assert not {"EPS", "PSD", "PDF", "WMF"} & set(loading.FORMATS)


def test_a_file_that_is_gone_gets_a_sentence(tmp_path):
    picture = open_bytes(saved(quarters().resize((1600, 1000)), "PNG"))
    picture.path.unlink()
    with pytest.raises(ImageError, match="no longer available") as caught:
        picture.full()
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("opened_by", ["path", "bytes"])
def test_a_picture_knows_its_file_and_what_it_was_checked_against(opened_by, tmp_path):
    data, limits = saved(quarters().resize((1600, 1000)), "PNG"), ImageLimits(max_pixels=1_600_000)
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    picture = open_picture(path, limits) if opened_by == "path" else open_bytes(data, limits)
    assert picture.path.read_bytes() == data
    assert picture.path == path or opened_by == "bytes"
    assert (picture.size, picture.display.size) == ((1600, 1000), (1536, 960))
    assert (picture.limits, picture.digest) == (limits, hashlib.sha256(data).hexdigest())
    shown = saved(picture.display, "JPEG", quality=JPEG_QUALITY)
    assert np.array_equal(Image.open(io.BytesIO(picture.jpeg)), Image.open(io.BytesIO(shown)))


def test_a_large_picture_is_decoded_again_only_as_large_as_needed():
    picture = open_bytes(saved(quarters().resize((3000, 2000)), "PNG"))
    assert picture.full(600).size == (600, 400)
    assert picture.full(9000).size == picture.full().size == (3000, 2000)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        pytest.param(ImageLimits(max_bytes=30_000), "larger than", id="bytes"),
        pytest.param(ImageLimits(max_pixels=1_600_000), "too large", id="pixels"),
    ],
)
def test_a_file_that_grew_since_is_held_to_the_same_limits(limits, says):
    picture = open_bytes(saved(quarters().resize((1600, 1000)), "PNG"), limits)
    picture.path.write_bytes(saved(noise((1601, 1000)), "PNG"))
    with pytest.raises(ImageError, match=says):
        picture.full()


def test_a_file_is_read_up_to_its_limit(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1" * 1000)
    assert loading.read_file(path, ImageLimits(max_bytes=1000)) == b"1" * 1000


def test_limits_may_be_wider_than_usual(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(saved(quarters(), "PNG") + bytes(ImageLimits().max_bytes))
    with pytest.raises(ImageError, match="larger than 20 MB"):
        open_picture(path)
    assert open_picture(path, ImageLimits(max_bytes=2 * ImageLimits().max_bytes)).size == quarters().size


def test_a_file_that_is_read_counts_as_used(monkeypatch, tmp_path):
    used = []
    monkeypatch.setattr(storage, "touch", used.append)
    (tmp_path / "a").write_bytes(b"1")
    loading.read_file(tmp_path / "a")
    assert used == [tmp_path / "a"]


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((3000, 2000), 1536, (1536, 1024)),
        ((2000, 3000), 1536, (1024, 1536)),
        ((1536, 7), 1536, (1536, 7)),
        ((10, 10), 1536, (10, 10)),
        ((20_000, 1), 1536, (1536, 1)),
        ((1, 20_000), 1536, (1, 1536)),
        ((300, 100), 200, (200, 67)),
        ((3, 1), 1, (1, 1)),
    ],
    ids=str,
)
def test_a_size_is_scaled_down_to_its_long_side_and_never_up(size, longest, expected):
    assert fit_size(size, longest) == expected


def test_a_picture_too_large_for_its_name_is_still_called_what_it_is():
    data = bad_files.avif_claiming(17_000)
    with pytest.raises(ImageError, match="too large"):
        decode(data)
    with pytest.raises(ImageError, match="HEIC"):
        decode(data.replace(b"avif", b"heic"))


@pytest.mark.parametrize("stage", ["sanitize", "decode_pixels"])
def test_whatever_a_decoder_raises_becomes_a_sentence(stage, monkeypatch):
    def fail(*_):
        raise RuntimeError("in /home/someone")

    monkeypatch.setattr(loading, stage, fail)
    monkeypatch.setattr(loading, "LARGE", 100)
    for _ in range(3):  # a slot for large pictures is given back
        with pytest.raises(ImageError, match=r"^The picture is corrupt or incomplete\. Export it again"):
            decode(saved(quarters(), "PNG"))


def test_every_refusal_says_what_to_do_next():
    def refusal(data: bytes, **limits: int) -> tuple[str, str]:
        with pytest.raises(ImageError) as caught:
            decode(data, ImageLimits(**limits))
        return caught.value.message, caught.value.hint

    data = saved(quarters(), "PNG")
    assert refusal(b"") == ("The file is empty.", "Choose another one.")
    assert refusal(bytes(3 * 2**19 + 1), max_bytes=3 * 2**19) == (
        "The file is larger than 1.5 MB.",
        "Save a smaller version, then try again.",
    )
    assert refusal(bad_files.png(7100, 8000, b"")) == (
        "The picture is too large: 7,100 x 8,000 pixels.",
        "Scale it down to at most 50 megapixels and 65,500 pixels on a side.",
    )
    with pytest.raises(ImageError) as caught:
        loading.read_file(Path("/nowhere"))
    assert caught.value.hint == "Choose it again."
    with pytest.raises(ImageError) as caught:
        crop(open_bytes(data), (60, 0, 48, 9))
    assert caught.value.hint == "Choose one inside it."


def test_a_part_is_a_picture_of_its_own():
    part = crop(open_bytes(saved(quarters(), "PNG")), (24, 0, 48, 16))
    assert part.size == (24, 16)
    assert close(part.display, (12, 8), bad_files.GREEN, 16)
    assert part.full().size == (24, 16)


def test_a_part_is_encoded_nearly_without_loss():
    part = crop(open_bytes(saved(quarters(), "PNG")), (8, 4, 30, 20))
    expected = Image.open(io.BytesIO(saved(quarters().crop((8, 4, 30, 20)), "JPEG", quality=95)))
    assert Image.open(part.path).quantization == expected.quantization


def test_a_part_is_held_to_the_limits_of_the_whole():
    limits = ImageLimits(max_pixels=quarters().width * quarters().height)
    assert crop(open_bytes(saved(quarters(), "PNG"), limits), (0, 0, 9, 9)).limits == limits


def test_limits_are_exact():
    data = saved(Image.new("RGB", (40, 30)), "PNG")
    assert decode(data, ImageLimits(max_bytes=len(data), max_pixels=1200)).size == (40, 30)
    with pytest.raises(ImageError, match="larger than"):
        decode(data, ImageLimits(max_bytes=len(data) - 1))
    with pytest.raises(ImageError, match="too large"):
        decode(data, ImageLimits(max_pixels=1199))


@pytest.mark.parametrize("size", [(loading.MAX_SIDE, 1), (1, loading.MAX_SIDE)], ids=str)
def test_a_side_may_be_as_long_as_a_jpegs_and_no_longer(size):
    loading.check_size(size, ImageLimits())
    with pytest.raises(ImageError, match="too large"):
        loading.check_size((size[0] + (size[0] > 1), size[1] + (size[1] > 1)), ImageLimits())


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((60, 0, 48, 9), id="on-the-right"),
        pytest.param((0, 40, 9, 32), id="below"),
        pytest.param((48, 0, 48, 9), id="at-the-right-edge"),
        pytest.param((0, 0, -9, 9), id="on-the-left"),
        pytest.param((5, 5, 5, 9), id="no-width"),
        pytest.param((5, 5, 9, 5), id="no-height"),
    ],
)
def test_a_part_without_pixels_is_refused(box):
    with pytest.raises(ImageError) as caught:
        crop(open_bytes(saved(quarters(), "PNG")), box)
    assert reads_as_sentences(caught.value)


def test_pictures_may_be_opened_in_many_threads_at_once():
    files = {name: saved(Image.new("RGB", (900 + n, 700), (n * 20, 0, 0)), "PNG") for n, name in enumerate("abcdefgh")}
    opened, failed = {}, []

    def work(name: str) -> None:
        try:
            opened[name] = [open_bytes(files[name]) for _ in range(3)]
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for n, name in enumerate("abcdefgh"):
        assert {picture.size for picture in opened[name]} == {(900 + n, 700)}
        assert {picture.display.getpixel((5, 5)) for picture in opened[name]} == {(n * 20, 0, 0)}


def test_few_large_pictures_are_decoded_at_once(monkeypatch):
    monkeypatch.setattr(loading, "LARGE", 100)
    running, most, real = [], [], loading.decode_pixels

    def slow(*args):
        running.append(1)
        most.append(len(running))
        time.sleep(0.05)
        running.pop()
        return real(*args)

    monkeypatch.setattr(loading, "decode_pixels", slow)
    data = saved(quarters(), "PNG")
    threads = [threading.Thread(target=decode, args=(data,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 6
    assert max(most) == 2


MEASURE = """
import resource, sys
from pathlib import Path
from PIL import Image, ImageCms
from florence_ui.images.loading import open_picture
Image.init()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
picture = open_picture(Path(sys.argv[1]))
print(picture.size[0] * picture.size[1], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
@pytest.mark.parametrize("options", [{}, {"progressive": True, "subsampling": 0}], ids=["baseline", "progressive"])
def test_48_megapixels_need_at_most_three_times_the_decoded_picture(options, tmp_path):
    path = tmp_path / "large.jpg"
    Image.linear_gradient("L").convert("RGB").resize((8000, 6000)).save(path, quality=85, **options)
    root = Path(loading.__file__).parents[2]
    shown = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], cwd=root, capture_output=True, text=True, check=True, timeout=300
    )
    pixels, kilobytes = map(int, shown.stdout.split())
    assert pixels == 48_000_000
    assert kilobytes * 1024 <= 3 * pixels * 3


BASES = [saved(quarters(), form) for form in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")]
BASES += [
    saved(quarters(), "JPEG", progressive=True),
    bad_files.half_clear("PNG"),
    bad_files.frames("WEBP", 3),
    bad_files.frames("GIF", 3),
    saved(quarters(), "TIFF", compression="tiff_lzw"),
    bad_files.turned("JPEG", 6),
]
fuzz = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def opens_or_refuses(data: bytes) -> None:
    try:
        outcome = decode(data).mode == "RGB"
    except ImageError as error:
        outcome = error.message and error.hint
    assert outcome


@fuzz
@given(st.binary(max_size=2000), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"BM"]))
def test_random_bytes_raise_nothing_but_an_image_error(data, signature):
    opens_or_refuses(signature + data)


@fuzz
@given(st.data(), st.sampled_from(BASES))
def test_damaged_pictures_raise_nothing_but_an_image_error(data, base):
    damaged = bytearray(base)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                damaged[at] = data.draw(st.integers(0, 255))
            case 1:
                del damaged[at + 1 : at + 1 + data.draw(st.integers(0, 40))]
            case 2:
                damaged[at:at] = data.draw(st.binary(max_size=40))
    opens_or_refuses(bytes(damaged))
