"""A sanitized picture has the same pixels, and nothing else from its file."""

import io
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

import florence_ui
from florence_ui.images.loading import FORMATS
from florence_ui.images.sanitize import MAX_EXIF, MAX_PROFILE, MAX_SCANS, MalformedError, sanitize
from florence_ui.images.tiff import exif_orientation
from tests import bad_files
from tests.bad_files import CASES, chunk, noise, png, rgb_rows, saved, stray

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
    stripped = sanitize(data).data
    assert HIDDEN not in stripped
    assert np.array_equal(Image.open(io.BytesIO(stripped)), Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}, {"big_tiff": True}, {"description": "words"}],
    ids=str,
)
def test_a_tiffs_directory_leads_to_its_first_page_only(options):
    data = saved(noise(), "TIFF", save_all=True, append_images=[noise((9, 9))], **options)
    original, stripped = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(sanitize(data).data))
    assert (original.n_frames, stripped.n_frames) == (2, 1)
    assert 270 not in stripped.tag_v2
    assert np.array_equal(stripped, original)


@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_an_animation_keeps_its_first_frame_only(form):
    data = bad_files.frames(form, 4)
    original, stripped = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(sanitize(data).data))
    assert original.n_frames > 1
    assert getattr(stripped, "n_frames", 1) == 1
    assert np.array_equal(stripped.convert("RGB"), original.convert("RGB"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpegs_exif_is_handed_out_for_its_orientation(orientation):
    data = saved(noise(), "JPEG", exif=exif_of(orientation))
    stripped = sanitize(data)
    assert exif_orientation(stripped.exif) == orientation
    assert not Image.open(io.BytesIO(stripped.data)).getexif()


@pytest.mark.parametrize("orientation", [3, 6])
def test_an_avif_stays_turned_without_its_exif(orientation):
    data = saved(noise(), "AVIF", exif=exif_of(orientation), quality=90)
    stripped = sanitize(data).data
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
        sanitize(data)


MOST_PIXELS = 20_000_000


def decoded(data: bytes) -> tuple[str, tuple[int, int], bytes] | None:
    """Mode, size and pixels of a file as Pillow decodes it; None if it refuses, or would need much memory."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if image.width * image.height > MOST_PIXELS:
            return None
        image.load()
    except Exception:
        return None
    return image.mode, image.size, image.convert("RGBA").tobytes()


def assert_same_pixels(data: bytes) -> None:
    before = decoded(data)
    if before is not None:
        assert decoded(sanitize(data).data) == before


SMALL = [case for case in CASES if case.size is not None and "bomb" not in case.name]
"""Files that open; a decoder that gets a bomb unstripped takes minutes, or all memory."""


@pytest.mark.parametrize("case", SMALL, ids=[case.name for case in SMALL])
def test_what_opens_keeps_its_pixels(case):
    assert_same_pixels(case.build())


PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif")
PACKAGES = ("gradio", "matplotlib", "networkx", "playwright", "scipy", "sympy", "skimage", "sklearn", "PIL")
FOLDERS = [Path(florence_ui.__file__).parents[1] / "assets"]
FOLDERS += [
    Path(folder) for name in PACKAGES if (spec := find_spec(name)) for folder in spec.submodule_search_locations
]


def test_every_picture_at_hand_keeps_its_pixels_and_loses_the_rest():
    paths = [path for folder in FOLDERS for path in folder.rglob("*") if path.suffix.lower() in PICTURES]
    assert len(paths) >= 20
    for path in paths:
        data = path.read_bytes()
        if decoded(data) is None:
            continue
        assert_same_pixels(data)
        stripped = sanitize(data)
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".gif"):
            assert stripped.is_clean, path
            assert not Image.open(io.BytesIO(stripped.data)).info.keys() & {"exif", "xmp", "comment", "photoshop"}


BASES = [
    saved(noise((64, 48)), "JPEG"),
    saved(noise((64, 48)), "JPEG", restart_marker_blocks=3),
    saved(noise((64, 48)), "JPEG", progressive=True, restart_marker_blocks=2),
    saved(noise((64, 48)).convert("CMYK"), "JPEG"),
    saved(noise((64, 48)), "PNG"),
    bad_files.frames("PNG", 3),
    bad_files.frames("GIF", 3),
    saved(noise((64, 48)), "TIFF", compression="jpeg"),
    bad_files.frames("TIFF", 3),
    bad_files.turned("AVIF", 6),
]
JPEGS = BASES[:4]
MARKERS = b"\x00\x01\x02\x9f\xbf\xc0\xc4\xd0\xd3\xd7\xd8\xd9\xda\xdb\xdc\xdd\xe0\xe1\xe2\xee\xf0\xfe\xff"
fuzz = settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def damage(draw, base: bytes) -> bytes:
    """A file with markers, lengths, padding and nonsense put in, or bytes taken out."""
    data = bytearray(base)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(2, len(data) - 1))
        marker = bytes((0xFF, draw(st.sampled_from(MARKERS))))
        length = struct.pack(">H", draw(st.sampled_from([0, 1, 2, 7, 300, 65535])))
        match draw(st.integers(0, 5)):
            case 0:
                data[at:at] = marker
            case 1:
                data[at:at] = marker + length + draw(st.binary(max_size=8))
            case 2:
                data[at:at] = b"\xff" * draw(st.integers(1, 5))
            case 3:
                data[at:at] = draw(st.binary(max_size=8))
            case 4:
                del data[at : at + draw(st.integers(1, 8))]
            case 5:
                data[at] = draw(st.integers(0, 255))
    return bytes(data)


@fuzz
@example(stray(b"\xff\x9f"))
@example(stray(b"\xff\x02"))
@example(stray(b"\xff\xfe\xff\xff"))
@given(st.sampled_from(JPEGS).flatmap(damage))
def test_what_a_decoder_skips_in_a_jpeg_costs_no_pixel(data):
    assert_same_pixels(data)


@fuzz
@given(st.sampled_from(BASES[4:]).flatmap(damage))
def test_a_damaged_picture_that_opens_never_changes(data):
    before, after = decoded(data), None
    try:
        after = decoded(sanitize(data).data)
    except MalformedError:
        return
    assert after is None or before is None or after == before


@pytest.mark.parametrize("base", JPEGS, ids=["baseline", "restarts", "progressive", "cmyk"])
@pytest.mark.parametrize("marker", [0xDC, 0xE0, 0xE1, 0xE2, 0xE5, 0xED, 0xEE, 0xEF, 0xFE], ids=hex)
def test_a_clean_jpeg_holds_nothing_but_its_picture(base, marker):
    """Words in front of each marker of a file: in the header, between the scans, behind the end."""
    segment = struct.pack(">BBH", 0xFF, marker, len(HIDDEN) + 2) + HIDDEN
    places = [at for at in range(2, len(base)) if base[at] == 0xFF and base[at + 1 : at + 2] not in (b"\0", b"\xff")]
    clean = 0
    for at in (*places, len(base)):
        stripped = sanitize(base[:at] + segment + base[at:])
        assert not (stripped.is_clean and HIDDEN in stripped.data)
        clean += stripped.is_clean
    assert clean >= 4


def test_a_thumbnail_goes_with_the_rest():
    data = saved(noise(), "JPEG")
    jfif = data[4:20]
    thumbnail = b"\xff\xe0\0\x1bJFXX\0\x11" + HIDDEN + b"\0\0\0\0"
    inside = struct.pack(">H", 16 + 15) + jfif[2:14] + b"\5\1" + HIDDEN
    for hiding in (data[:20] + thumbnail + data[20:], data[:4] + inside + data[20:]):
        assert HIDDEN in hiding
        stripped = sanitize(hiding)
        assert stripped.is_clean
        assert HIDDEN not in stripped.data
        assert decoded(stripped.data) == decoded(data)


def test_a_pngs_exif_is_handed_out_and_not_left_in():
    stripped = sanitize(saved(noise(), "PNG", exif=exif_of(6)))
    assert exif_orientation(stripped.exif) == 6
    assert stripped.is_clean
    assert HIDDEN not in stripped.data


def test_a_pngs_exif_has_a_bound():
    for length, exif in ((MAX_EXIF, bytes(MAX_EXIF)), (MAX_EXIF + 1, b"")):
        stripped = sanitize(png(*bad_files.SIZE, rgb_rows(), chunk(b"eXIf", bytes(length))))
        assert stripped.exif == exif
        assert b"eXIf" not in stripped.data


def test_a_pngs_profile_has_a_bound_when_decompressed():
    for length, is_kept in ((MAX_PROFILE, True), (MAX_PROFILE + 1, False)):
        profile = chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(length)))
        assert (b"iCCP" in sanitize(png(*bad_files.SIZE, rgb_rows(), profile)).data) == is_kept


def test_only_the_first_of_a_pngs_profiles_is_decompressed():
    first, further = (chunk(b"iCCP", name + b"\0\0" + zlib.compress(bytes(9))) for name in (b"first", b"further"))
    assert sanitize(png(*bad_files.SIZE, rgb_rows(), first + further)).data.count(b"iCCP") == 1
    assert b"first" in sanitize(png(*bad_files.SIZE, rgb_rows(), first + further)).data
    broken = chunk(b"iCCP", b"name\0\0broken")
    assert b"iCCP" not in sanitize(png(*bad_files.SIZE, rgb_rows(), broken + further)).data


def test_a_jpeg_has_a_hundred_scans_at_most():
    data = saved(noise(), "JPEG")
    scans = data[: data.index(b"\xff\xda")] + b"\xff\xda\0\2" * MAX_SCANS
    assert sanitize(scans + b"\xff\xd9").is_clean
    with pytest.raises(MalformedError, match="too many scans"):
        sanitize(scans + b"\xff\xda\0\2\xff\xd9")


@pytest.mark.parametrize("form", ["TIFF", "AVIF", "WEBP", "BMP"])
def test_only_the_decoder_may_have_what_is_not_clean(form):
    assert not sanitize(saved(noise(), form)).is_clean


def test_an_unknown_format_passes_unchanged():
    assert sanitize(b"words").data == b"words"
    assert sanitize(zlib.compress(b"")).data == zlib.compress(b"")
