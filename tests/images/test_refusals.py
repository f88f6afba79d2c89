"""A valid file of a rare variant is told apart from a corrupt one, format by format."""

import struct

import pytest

from florence_ui.errors import ImageError
from florence_ui.images.loading import decode
from florence_ui.images.refusals import CORRUPT, SUPPORTED_FORMATS, explain_unreadable, explain_unsupported, is_rle4
from tests.bad_files import bmp_of, ftyp, sample, tiff, tiff_tags

DECODED = {"decoding": True}


def is_rare(form: str, data: bytes, **when) -> bool:
    """Whether a file is called a rare variant rather than corrupt."""
    outcome = explain_unreadable(data, **when)
    assert outcome in (CORRUPT, explain_unsupported(form))
    return outcome != CORRUPT


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(ftyp(b"heic"), ("HEIC", "JPEG"), id="heic"),
        pytest.param(b"words", ("not a supported picture", SUPPORTED_FORMATS), id="words"),
        pytest.param(sample("PNG")[:30], ("corrupt", "another"), id="corrupt"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI", ("variant of PNG", "ordinary PNG or JPEG"), id="rare"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do(data, words):
    for sentence, part in zip(explain_unreadable(data), words, strict=True):
        assert part in sentence
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def bmp(depth: int, compression: int = 0, header: int = 40) -> bytes:
    data = bytearray(bmp_of(depth, compression))
    data[14:18] = struct.pack("<L", header)
    return bytes(data)


def core_bmp(depth: int) -> bytes:
    """A BMP with the oldest header, whose palette begins where others have their depth and compression."""
    head = struct.pack("<LHHHH", 12, 48, 32, 1, depth)
    return b"BM" + struct.pack("<LLL", 2000, 0, 26) + head + b"\x99" * 2000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *(pytest.param(bmp(depth), False, id=f"ordinary-{depth}") for depth in (1, 4, 8, 24)),
        *(pytest.param(bmp(depth), True, id=f"rare-{depth}") for depth in (0, 2, 16, 32)),
        *(pytest.param(bmp(depth), False, id=f"impossible-{depth}") for depth in (3, 5, 25, 40_000)),
        pytest.param(bmp(8, 1), False, id="ordinary-runs"),
        *(pytest.param(bmp(24, code), True, id=f"rare-compression-{code}") for code in (2, 3, 6, 13)),
        *(pytest.param(bmp(24, code), False, id=f"impossible-compression-{code}") for code in (7, 14, 2**31)),
        pytest.param(bmp(24, header=16), True, id="rare-header"),
        *(pytest.param(bmp(24, header=size), False, id=f"header-{size}") for size in (52, 56, 64, 108, 124)),
        *(pytest.param(bmp(16, header=size), False, id=f"impossible-header-{size}") for size in (13, 17, 41, 2**31)),
        pytest.param(core_bmp(16), True, id="oldest-header-rare-depth"),
        pytest.param(core_bmp(8), False, id="oldest-header-ordinary-depth"),
        pytest.param(bmp(16)[:20], False, id="cut-off"),
    ],
)
def test_a_bmp_of_a_rare_variant_is_told_by_its_header(data, expected):
    assert is_rare("BMP", data) == expected
    assert not is_rare("BMP", data, **DECODED), "its header was read, so its pixels are at fault"


def test_a_bmp_with_a_palette_that_is_not_read_is_a_rare_variant():
    data = bytearray(bmp_of(8, 0))
    data[46:50] = struct.pack("<L", 70_000)
    with pytest.raises(ImageError, match="variant of BMP"):
        decode(bytes(data))


def test_run_lengths_of_four_bits_are_told_as_soon_as_the_header_says_so():
    data = bmp(4, 2)
    assert is_rle4(data[:34])
    assert not is_rle4(data[:33])


def jpeg(depth: int = 8, parts: int = 3, marker: int = 0xC0, before: bytes = b"") -> bytes:
    frame = struct.pack(">BBHBHHB", 0xFF, marker, 8 + 3 * parts, depth, 32, 48, parts)
    return b"\xff\xd8" + before + frame + bytes(3 * parts)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *(pytest.param(jpeg(depth), True, id=f"rare-depth-{depth}") for depth in (2, 3, 12, 16)),
        *(pytest.param(jpeg(depth), False, id=f"depth-{depth}") for depth in (0, 1, 8, 17)),
        *(pytest.param(jpeg(parts=parts), True, id=f"rare-number-of-colors-{parts}") for parts in (2, 5, 8)),
        *(pytest.param(jpeg(parts=parts), False, id=f"number-of-colors-{parts}") for parts in (0, 1, 3, 4, 9)),
        *(pytest.param(jpeg(marker=code), False, id=f"coding-{code:x}") for code in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)),
        *(pytest.param(jpeg(marker=code), True, id=f"rare-coding-{code:x}") for code in (0xC3, 0xC5, 0xCB, 0xCF, 0xF7)),
        *(pytest.param(jpeg(12, marker=code), False, id=f"no-frame-{code:x}") for code in (0xC4, 0xC8, 0xCC)),
        pytest.param(jpeg(12, before=b"\xff\xd8\xff\x01"), True, id="behind-markers-alone"),
        pytest.param(jpeg(12, before=b"\xff\xe0\0\x06\xff\xda\0\0"), True, id="behind-a-segment"),
        pytest.param(jpeg(12, before=b"\xff\xda\0\x02"), False, id="behind-a-scan"),
        pytest.param(jpeg(12)[:6], False, id="cut-off"),
        pytest.param(b"\xff\xd8", False, id="nothing"),
    ],
)
def test_a_jpeg_of_a_rare_variant_is_told_by_its_frame(data, expected):
    assert is_rare("JPEG", data) == expected


STRIPS = [(273, 4, 1, 8), (279, 4, 1, 9)]


def tagged(*, compression: int = 1, colors: int = 1, missing: int = 0) -> bytes:
    tags = [tag for tag in tiff_tags(48, 32, *STRIPS, compression=compression) if tag[0] not in (262, missing)]
    return tiff([*tags, (262, 3, 1, colors)])


@pytest.mark.parametrize(
    ("data", "unread", "undecoded"),
    [
        pytest.param(tagged(), True, False, id="ordinary"),
        pytest.param(tagged(missing=259), True, False, id="without-compression"),
        *(pytest.param(tagged(missing=tag), False, False, id=f"without-{tag}") for tag in (256, 257, 273)),
        pytest.param(tagged(compression=34925), True, True, id="rare-compression"),
        pytest.param(tagged(compression=99), False, False, id="unknown-compression"),
        pytest.param(tagged(colors=77), False, False, id="unknown-colors"),
        pytest.param(tagged(colors=6), True, True, id="uncompressed-ycbcr"),
        pytest.param(tagged(colors=6, compression=7), True, False, id="jpeg-ycbcr"),
        pytest.param(b"II*\0" + bytes(10), False, False, id="empty"),
        pytest.param(b"II*\0", False, False, id="cut-off"),
    ],
)
def test_a_tiff_of_a_rare_variant_is_told_by_its_tags(data, unread, undecoded):
    assert (is_rare("TIFF", data), is_rare("TIFF", data, **DECODED)) == (unread, undecoded)


def test_an_avif_of_a_rare_variant_is_told_by_its_boxes_or_by_the_decoder():
    data = sample("AVIF")
    assert is_rare("AVIF", data)
    assert not is_rare("AVIF", data[:-1])
    for message, expected in (("Failed to decode frame 0: Not implemented", True), ("Truncated data", False)):
        assert is_rare("AVIF", data, decoding=True, error=message) == expected


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_gif_and_webp_have_no_rare_variants(form):
    assert explain_unreadable(sample(form)) == CORRUPT
