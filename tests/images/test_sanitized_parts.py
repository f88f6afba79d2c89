"""What of each format stays, byte for byte, and where its bounds lie."""

import struct
import zlib

import pytest

from florence_ui.images import sanitize as sanitize_module
from florence_ui.images.sanitize import MalformedError, sanitize
from tests import bad_files
from tests.bad_files import chunk, noise, png, saved

HIDDEN = b"hidden <script>"


def segment(marker: int, content: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2 if length is None else length) + content


JPEG = saved(noise((64, 48)), "JPEG")
HEAD, SCAN = JPEG[20 : JPEG.index(b"\xff\xda")], JPEG[JPEG.index(b"\xff\xda") :]
"""A JPEG's tables and frame, and its scan with the end marker; its start and its JFIF segment come before them."""
SOS = b"\xff\xda"
JFIF = b"JFIF\0\1\2\1\0\x48\0\x48"
ADOBE = b"Adobe\0\x64\0\0\0\0\1"


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(segment(0xE0, JFIF + b"\0\0"), segment(0xE0, JFIF + b"\0\0"), id="jfif"),
        pytest.param(segment(0xE0, JFIF + b"\3\1" + HIDDEN), segment(0xE0, JFIF + b"\0\0"), id="jfif-with-thumbnail"),
        pytest.param(segment(0xE0, JFIF + b"\0"), b"", id="jfif-too-short"),
        pytest.param(segment(0xE0, b"JFXX\0" + bytes(20)), b"", id="jfif-extension"),
        pytest.param(segment(0xEE, ADOBE), segment(0xEE, ADOBE), id="adobe"),
        pytest.param(segment(0xEE, ADOBE + HIDDEN), segment(0xEE, ADOBE), id="adobe-longer"),
        pytest.param(segment(0xEE, ADOBE[:-1]), b"", id="adobe-too-short"),
        pytest.param(segment(0xEE, b"Other\0" + bytes(20)), b"", id="another-owner"),
        pytest.param(*[segment(0xE2, b"ICC_PROFILE\0\1\1profile")] * 2, id="profile"),
        pytest.param(segment(0xE2, b"MPF\0" + HIDDEN), b"", id="further-pictures"),
        *(pytest.param(segment(code, HIDDEN), b"", id=f"app-{code - 0xE0}") for code in range(0xE1, 0xF0)),
        pytest.param(segment(0xFE, HIDDEN), b"", id="comment"),
        pytest.param(segment(0xFE, SOS * 200), b"", id="comment-like-many-scans"),
        pytest.param(segment(0xDC, HIDDEN), b"", id="number-of-lines"),
        *(pytest.param(*[segment(code, b"12")] * 2, id=f"table-{code:x}") for code in (0xC4, 0xCC, 0xDB, 0xDD)),
        pytest.param(*[segment(0xF0, b"12")] * 2, id="unknown-left-to-the-decoder"),
        pytest.param(b"\xff\xd8\xff\x01", b"", id="markers-alone"),
        pytest.param(segment(0xDB, b"", length=1) + b"\0\0", segment(0xDB, b"", length=1), id="claims-too-little"),
    ],
)
def test_of_a_jpegs_header_only_tables_and_colors_stay(before, kept):
    stripped = sanitize(b"\xff\xd8" + before + HEAD + SCAN)
    assert stripped.data == b"\xff\xd8" + kept + HEAD + SCAN
    assert stripped.is_clean


def test_a_jpegs_first_exif_counts_wherever_it_is():
    blocks = [segment(0xE1, b"Exif\0\0" + content) for content in (b"first", b"second")]
    stripped = sanitize(b"\xff\xd8" + segment(0xE1, b"http://ns.adobe.com/xap") + b"".join(blocks) + HEAD + SCAN)
    assert stripped.exif == b"first"
    assert sanitize(b"\xff\xd8" + segment(0xE5, b"Exif\0\0elsewhere") + HEAD + SCAN).exif == b""


@pytest.mark.parametrize(
    ("scan", "kept"),
    [
        pytest.param(SCAN, SCAN, id="one"),
        pytest.param(SCAN + HIDDEN, SCAN, id="with-words-behind"),
        pytest.param(SCAN + SOS * 200, SCAN, id="with-many-scans-behind"),
        pytest.param(SCAN[:-2] + segment(0xC4, b"1") + SCAN, SCAN[:-2] + segment(0xC4, b"1") + SCAN, id="two"),
        pytest.param(
            SCAN[:-2] + b"\xff\xd3\1\xff\0\2" + SCAN[-2:],
            SCAN[:-2] + b"\xff\xd3\1\xff\0\2" + SCAN[-2:],
            id="with-restarts-and-stuffed-bytes",
        ),
        pytest.param(SCAN[:-2], None, id="without-an-end"),
        pytest.param(SCAN[:-2] + segment(0xC4, b"1") + HIDDEN + SCAN, None, id="with-words-behind-a-table"),
        pytest.param(SCAN[:-2] + segment(0xFE, HIDDEN) + SCAN[-2:], None, id="with-a-comment-inside"),
        pytest.param(SCAN[:-2] + b"\xff\xda", None, id="ending-in-a-marker"),
        pytest.param(SCAN[:-2] + b"\xff\xda\0", None, id="ending-in-half-a-length"),
    ],
)
def test_a_jpeg_ends_with_its_scans_if_nothing_else_is_among_them(scan, kept):
    stripped = sanitize(b"\xff\xd8" + HEAD + scan)
    assert stripped.data == b"\xff\xd8" + HEAD + (scan if kept is None else kept)
    assert stripped.is_clean == (kept is not None)


@pytest.mark.parametrize("rest", [b"", b"\xff\xd9", b"words", HEAD], ids=["nothing", "end", "words", "tables"])
def test_a_jpeg_without_a_scan_is_refused(rest):
    with pytest.raises(MalformedError):
        sanitize(b"\xff\xd8" + rest)


GREY_PNG = png(1, 1, b"\0\0", colour=0)


@pytest.mark.parametrize(
    ("extra", "is_kept"),
    [
        *(
            pytest.param(chunk(kind, bytes(length)), True, id=f"{kind.decode()}-{length}")
            for kind, length in ((b"sRGB", 1), (b"gAMA", 4), (b"cHRM", 32), (b"cICP", 4), (b"tRNS", 2), (b"PLTE", 6))
        ),
        *(
            pytest.param(chunk(kind, bytes(length)), False, id=f"{kind.decode()}-of-{length}")
            for kind, length in ((b"sRGB", 2), (b"gAMA", 3), (b"cHRM", 31), (b"cICP", 5), (b"cICP", 3))
        ),
        *(
            pytest.param(chunk(kind, HIDDEN), False, id=kind.decode())
            for kind in (b"tEXt", b"iTXt", b"zTXt", b"acTL", b"fcTL", b"fdAT", b"pHYs", b"iDAT", b"iCCP")
        ),
        pytest.param(chunk(b"iCCP", b"name\0\0" + zlib.compress(b"profile")), True, id="iCCP-compressed"),
    ],
)
def test_a_png_keeps_what_its_pixels_and_colors_need(extra, is_kept):
    stripped = sanitize(png(1, 1, b"\0\0", extra, colour=0) + HIDDEN)
    assert stripped.data == (png(1, 1, b"\0\0", extra, colour=0) if is_kept else GREY_PNG)
    assert stripped.is_clean


def test_a_pngs_color_codes_are_read_if_they_are_whole():
    assert sanitize(GREY_PNG).cicp is None
    assert sanitize(png(1, 1, b"\0\0", bad_files.cicp(12, 16), colour=0)).cicp == (12, 16)
    assert sanitize(png(1, 1, b"\0\0", chunk(b"cICP", b"\x0c\x10\0"), colour=0)).cicp is None


@pytest.mark.parametrize("missing", [1, 4, 11, 12, 13], ids=str)
def test_a_png_that_is_cut_off_is_left_to_the_decoder(missing):
    """Of its end chunk, which has twelve bytes, eight are enough: it holds nothing."""
    data = png(1, 1, b"\0\0", bad_files.cicp(12, 16), chunk(b"eXIf", b"words"), colour=0)
    stripped = sanitize(data[:-missing])
    assert (stripped.exif, stripped.cicp, stripped.is_clean) == (b"words", (12, 16), missing <= 4)
    expected = png(1, 1, b"\0\0", bad_files.cicp(12, 16), colour=0)[:-missing]
    assert stripped.data == (expected[: -12 + missing] if 4 < missing < 12 else expected)


PALETTE = bytes(range(12))
FRAME = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2" + b"\2L\1\0"
LARGEST = {"flags": 0x87, "palette": bytes(768)}
CLEAR = b"!\xf9\4\1\0\0\3\0"


def gif(*blocks: bytes, flags: int = 0x81, palette: bytes = PALETTE) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, flags, 0, 0) + palette + b"".join(blocks)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(gif(FRAME, b";"), gif(FRAME, b";"), id="one-frame"),
        pytest.param(gif(FRAME, b";", HIDDEN), gif(FRAME, b";"), id="words-behind"),
        pytest.param(gif(FRAME, FRAME, b";"), gif(FRAME, b";"), id="two-frames"),
        pytest.param(gif(FRAME), gif(FRAME, b";"), id="no-end"),
        pytest.param(gif(CLEAR, FRAME, b";"), gif(CLEAR, FRAME, b";"), id="transparency"),
        pytest.param(gif(b"!\xf9\6\1\0\0\3\4\5\0", FRAME), gif(CLEAR, FRAME, b";"), id="longer-transparency"),
        pytest.param(gif(b"!\xf9\3\1\0\0\0", FRAME), gif(FRAME, b";"), id="shorter-transparency"),
        pytest.param(gif(b"!\xfe\5words\3and\0", b"!\x01\4text\0", FRAME), gif(FRAME, b";"), id="comment-and-text"),
        pytest.param(gif(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", CLEAR, FRAME), gif(CLEAR, FRAME, b";"), id="repetition"),
        pytest.param(gif(b"\0\1", FRAME), gif(FRAME, b";"), id="junk"),
        pytest.param(gif(FRAME, flags=0x01, palette=b""), gif(FRAME, b";", flags=0x01, palette=b""), id="no-palette"),
        pytest.param(
            gif(FRAME[:9] + b"\x82" + bytes(24) + FRAME[10:], flags=0, palette=b""),
            gif(FRAME[:9] + b"\x82" + bytes(24) + FRAME[10:], b";", flags=0, palette=b""),
            id="palette-of-its-own",
        ),
        pytest.param(gif(FRAME, **LARGEST), gif(FRAME, b";", **LARGEST), id="largest-palette"),
    ],
)
def test_a_gif_keeps_its_palettes_its_first_frame_and_what_is_transparent(data, expected):
    stripped = sanitize(data)
    assert stripped.data == expected
    assert stripped.is_clean


@pytest.mark.parametrize(("missing", "is_clean"), [(0, True), (1, False), (3, False)], ids=str)
def test_a_gif_that_is_cut_off_is_left_to_the_decoder(missing, is_clean):
    data = gif(FRAME)[: len(gif(FRAME)) - missing]
    assert (sanitize(data).data, sanitize(data).is_clean) == (data + b";", is_clean)


@pytest.mark.parametrize("data", [gif(b";"), gif(), gif(CLEAR, b";"), b"GIF89a"], ids=["end", "cut", "clear", "start"])
def test_a_gif_without_a_frame_is_refused(data):
    with pytest.raises(MalformedError):
        sanitize(data)


@pytest.mark.parametrize("parts", [4, 5], ids=["enough", "too-many"])
@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda n: b"\xff\xd8" + segment(0xFE, b"") * (n - 3) + b"\xff\xc4\0\2" * 2 + SCAN, id="JPEG"),
        pytest.param(lambda n: png(1, 1, b"\0\0", *[chunk(b"tEXt", b"")] * (n - 3), colour=0), id="PNG"),
        pytest.param(lambda n: gif(*[b"!\xfe\0"] * (n - 1), FRAME), id="GIF"),
    ],
)
def test_the_number_of_parts_is_bounded_exactly(build, parts, monkeypatch):
    monkeypatch.setattr(sanitize_module, "MAX_PARTS", 4)
    if parts == 4:
        assert sanitize(build(parts)).is_clean
    else:
        with pytest.raises(MalformedError, match="too many"):
            sanitize(build(parts))


def directory_of(data: bytes) -> dict[int, tuple[int, int, bytes]]:
    """The entries of the directory that a little-endian TIFF's header points to, read by its specification."""
    big = data[2] == 43
    (at,) = struct.unpack_from("<Q" if big else "<L", data, 8 if big else 4)
    assert at % 8 == 0
    (count,) = struct.unpack_from("<Q" if big else "<H", data, at)
    at, entries = at + (8 if big else 2), {}
    for _ in range(count):
        tag, kind, values = struct.unpack_from("<HHQ" if big else "<HHL", data, at)
        entries[tag] = kind, values, data[at + (12 if big else 8) : at + (20 if big else 12)]
        at += 20 if big else 12
    assert data[at:] == bytes(8 if big else 4), "no other page follows"
    return entries


@pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])
def test_a_tiffs_new_directory_has_the_needed_tags_unchanged(big):
    data = saved(noise((9, 7)), "TIFF", big_tiff=big, description="words", compression="tiff_lzw")
    stripped = sanitize(data).data
    start = 16 if big else 8
    assert stripped[start : len(data)] == data[start:], "what the tags point at stays in its place"
    kept = directory_of(stripped)
    assert list(kept) == sorted(kept)
    assert {256, 257, 258, 259, 262, 273, 277, 279} <= kept.keys()
    assert not kept.keys() & {270, 305, 306, 315, 700, 33432, 34665}
    assert kept[256][2][:2] == struct.pack("<H", 9)


def tiff_of(*more: tuple[int, int, int, int], tail: bytes = b"", compression: int = 1, size=(8, 8)) -> bytes:
    return bad_files.tiff(bad_files.tiff_tags(*size, *more, compression=compression), tail)


def refuses(data: bytes) -> bool:
    try:
        sanitize(data)
    except MalformedError:
        return True
    return False


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(tiff_of(), False, id="ordinary"),
        pytest.param(tiff_of((273, 4, 200_000, 8), tail=bytes(900_000)), False, id="most-values"),
        pytest.param(tiff_of((273, 4, 200_001, 8), tail=bytes(900_000)), True, id="more-values"),
        pytest.param(tiff_of((320, 3, 200_001, 8), tail=bytes(900_000)), True, id="larger-palette"),
        pytest.param(tiff_of((347, 7, 500_000, 8), tail=bytes(900_000)), False, id="many-bytes"),
        pytest.param(tiff_of((40_000, 4, 200_001, 8), tail=bytes(900_000)), False, id="more-values-of-no-use"),
        pytest.param(tiff_of((347, 7, 82, 8)), False, id="as-many-bytes-as-the-file-has"),
        pytest.param(tiff_of((347, 7, 83, 8)), True, id="more-bytes-than-the-file-has"),
        pytest.param(tiff_of((322, 4, 1, 1024), (323, 4, 1, 1024)), False, id="largest-free-tile"),
        pytest.param(tiff_of((322, 4, 1, 1024), (323, 4, 1, 1025)), True, id="larger-tile"),
        pytest.param(tiff_of((322, 4, 1, 2000), (323, 4, 1, 2000), size=(1000, 1000)), False, id="tile-of-four"),
        pytest.param(tiff_of((322, 4, 1, 2000), (323, 4, 1, 2001), size=(1000, 1000)), True, id="tile-of-more"),
        *(
            pytest.param(tiff_of(tail=SOS * count, compression=kind), is_refused, id=f"{count}-scans-{kind}")
            for kind in (6, 7)
            for count, is_refused in ((102, False), (103, True))
        ),
        pytest.param(tiff_of(tail=SOS * 300, compression=5), False, id="no-scans"),
        pytest.param(tiff_of((273, 4, 9, 8), tail=SOS * 118, compression=7), False, id="two-scans-for-each-strip"),
        pytest.param(tiff_of((273, 4, 9, 8), tail=SOS * 119, compression=7), True, id="more-than-two-for-each-strip"),
        pytest.param(b"II*\0\xff\0\0\0", True, id="directory-behind-the-end"),
        *(
            pytest.param(start, True, id=f"cut-off-{name}")
            for name, start in (("II", b"II*\0"), ("MM", b"MM\0*"), ("big-II", b"II+\0"), ("big-MM", b"MM\0+"))
        ),
    ],
)
def test_a_tiffs_values_tiles_and_scans_are_bounded_exactly(data, expected):
    assert refuses(data) == expected


def test_an_avifs_size_and_colors_are_handed_out():
    stripped = sanitize(saved(noise((30, 20)), "AVIF"))
    assert stripped.size == (30, 20)
    assert stripped.cicp == (1, 13)
    assert sanitize(saved(noise((30, 20)), "PNG")).size is None
