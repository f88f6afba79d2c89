"""Broken, hostile or merely odd files, and the expected outcome of each: one list for every test.

`CASES` has one row per file: its name as an upload, how its bytes are made, and either the size and some
colours of the upright picture, or words of the sentence that refuses it. A new case is one line.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PIL import Image, ImageCms

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 160, 30), (30, 30, 220), (230, 220, 30)
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (128, 128, 128)
SIZE = (48, 32)
CORNERS = {(6, 6): RED, (42, 6): GREEN, (6, 26): BLUE, (42, 26): YELLOW}
"""Where the quartered picture has which colour, when it is upright."""

CORRUPT, FOREIGN, TOO_LARGE, EMPTY, TOO_MANY_BYTES = (
    "corrupt",
    "not a supported picture",
    "too large",
    "empty",
    "larger than 20 MB",
)
RARE = "This variant of {} is not supported"


@dataclass(frozen=True)
class FileCase:
    """One file.

    Attributes:
        name: The file name, unique in the list.
        build: Makes its bytes.
        size: (width, height) of the upright picture in pixels; None if the file is refused.
        pixels: (x, y) of the upright picture -> colour, within `tolerance` a channel.
        says: Words of the sentence that refuses it.
    """

    name: str
    build: Callable[[], bytes]
    size: tuple[int, int] | None = None
    pixels: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)
    tolerance: int = 24
    says: str = ""


def quarters(mode: str = "RGB") -> Image.Image:
    """Four colours in four quarters: any turn or mirroring shows."""
    image = Image.new("RGB", SIZE)
    for (x, y), colour in CORNERS.items():
        image.paste(colour, (24 * (x > 24), 16 * (y > 16), 24 * (x > 24) + 24, 16 * (y > 16) + 16))
    return image.quantize(4) if mode == "P" else image.convert(mode)


def saved(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def sample(form: str, mode: str = "RGB", **options) -> bytes:
    return saved(quarters(mode), form, **options)


def plain(form: str, size: tuple[int, int], colour=RED, mode: str = "RGB", **options) -> bytes:
    return saved(Image.new(mode, size, colour), form, **options)


UNTURN = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""EXIF orientation -> the `Image.Transpose` that its picture was stored by (the inverse of the turn)."""


def turned(form: str, orientation: int, **options) -> bytes:
    """The quartered picture, stored so that only its EXIF makes it upright."""
    image = quarters()
    if orientation in UNTURN:
        image = image.transpose(Image.Transpose(UNTURN[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, form, exif=exif, **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


PNG_START = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int, rows: bytes, *extra: bytes, depth: int = 8, colour: int = 2, interlace: int = 0):
    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, interlace)
    body = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return PNG_START + b"".join(body)


def interlaced() -> bytes:
    pixels = np.asarray(quarters())
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx])
    return png(*SIZE, rows, interlace=1)


def rgb_rows(size: tuple[int, int] = SIZE) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in np.asarray(quarters().resize(size)))


def grey16(value: int) -> bytes:
    return png(8, 8, (b"\0" + struct.pack(">H", value) * 8) * 8, depth=16, colour=0)


def rgb16() -> bytes:
    return png(8, 8, (b"\0" + struct.pack(">HHH", 220 * 257, 30 * 257, 30 * 257) * 8) * 8, depth=16)


def colored(*chunks: bytes, color=RED) -> bytes:
    """A PNG of one color that is read by what those chunks say."""
    return png(8, 8, (b"\0" + bytes(color) * 8) * 8, *chunks)


def grey_key(depth: int, values: tuple[int, int], clear: int) -> bytes:
    """A grey PNG of two halves, one of which is transparent."""
    left, right = (value * (0x0101 if depth == 16 and value < 256 else 1) for value in values)
    if depth == 16:
        row = struct.pack(">HH", left, left) * 2 + struct.pack(">HH", right, right) * 2
    else:
        codes = [left] * 4 + [right] * 4
        packed = sum(code << depth * (7 - n) for n, code in enumerate(codes))
        row = packed.to_bytes(depth, "big")
    return png(8, 8, (b"\0" + row) * 8, chunk(b"tRNS", struct.pack(">H", clear)), depth=depth, colour=0)


def rgb16_transparent(clear: int) -> bytes:
    """One color whose lower bytes are 1, and which is transparent if they are for what is."""
    red = (220 * 256 + 1, 30 * 256 + 1, 30 * 256 + 1)
    key = chunk(b"tRNS", struct.pack(">HHH", *(value + clear for value in red)))
    return png(8, 8, (b"\0" + struct.pack(">HHH", *red) * 8) * 8, key, depth=16)


def half_clear(form: str, **options) -> bytes:
    """Left half opaque red, right half clear with blue hidden under it."""
    image = Image.new("RGBA", SIZE, (*RED, 255))
    image.paste((*BLUE, 0), (24, 0, 48, 32))
    return saved(image, form, **options)


def palette_clear(form: str) -> bytes:
    image = Image.new("P", SIZE, 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (24, 0, 48, 32))
    return saved(image, form, transparency=1)


def frames(form: str, count: int, size: tuple[int, int] = SIZE, **options) -> bytes:
    """An animation: first the quartered picture, then black ones, all different so that none is merged."""
    rest = [Image.new("RGB", size, (0, 0, n % 2 * 9)) for n in range(count - 1)]
    return saved(quarters().resize(size, Image.Resampling.NEAREST), form, save_all=True, append_images=rest, **options)


def frames_bomb(count: int = 100_000) -> bytes:
    data = sample("GIF", "P")
    frame = data[data.index(b",", 13 + 3 * 2 ** ((data[10] & 7) + 1)) : -1]
    return data[:-1] + frame * count + b";"


def ycck() -> bytes:
    """CMYK as YCC with black apart, as Photoshop writes it: marked by the 2 in Adobe's segment."""
    inverted = Image.new("RGB", SIZE, tuple(255 - v for v in RED)).convert("YCbCr").split()
    # Pillow writes CMYK inverted, so what shall stand in the file is given inverted
    bands = [band.point(lambda v: 255 - v) for band in inverted] + [Image.new("L", SIZE, 0)]
    data = saved(Image.merge("CMYK", bands), "JPEG", quality=95)
    at = data.index(b"Adobe") + 11
    return data[:at] + b"\2" + data[at + 1 :]


def swapped_profile() -> bytes:
    """A working profile that is not sRGB: a copy of sRGB with its red and blue primaries exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = data.index(b"rXYZ", 128), data.index(b"bXYZ", 128)
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)


def tiff(tags: list[tuple[int, int, int, int]], tail: bytes = b"", *, last: int = 0) -> bytes:
    """A little-endian TIFF of (tag, type, count, value or offset) and what follows its directory."""
    entries = b"".join(struct.pack("<HHLL", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<LH", 8, len(tags)) + entries + struct.pack("<L", last) + tail


def tiff_tags(width: int, height: int, *more: tuple[int, int, int, int], compression: int = 1):
    grey = [(258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1), (277, 3, 1, 1)]
    return [(256, 4, 1, width), (257, 4, 1, height), *grey, *more]


def grey_tiff(bits: int, rows: bytes, colors: int = 1) -> bytes:
    """An uncompressed grey TIFF of 8 x 8 pixels."""
    tags = [tag for tag in tiff_tags(8, 8) if tag[0] not in (258, 262)]
    tags += [(258, 3, 1, bits), (262, 3, 1, colors), (278, 4, 1, 8), (279, 4, 1, len(rows))]
    return tiff([*tags, (273, 4, 1, tail_offset(len(tags) + 1))], rows)


def lab16_tiff() -> bytes:
    """CIELab of 16 bits, which is as valid as the one of 8."""
    bits = tail_offset(9)
    tags = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 8), (273, 4, 1, bits + 6)]
    return tiff([*tags, (277, 3, 1, 3), (278, 4, 1, 8), (279, 4, 1, 384)], struct.pack("<HHH", 16, 16, 16) + bytes(384))


def old_jpeg_tiff(*, tables: bool) -> bytes:
    """A TIFF of the obsolete JPEG compression: a whole JPEG file, or one without the tables that it needs."""
    data, at = sample("JPEG", quality=95, subsampling=0), tail_offset(12)
    start = data.index(b"\xff\xda")
    tags = [(256, 4, 1, SIZE[0]), (257, 4, 1, SIZE[1]), (258, 3, 3, at), (259, 3, 1, 6), (262, 3, 1, 6), (277, 3, 1, 3)]
    tags += [(278, 4, 1, SIZE[1]), (273, 4, 1, at + 6 + start), (279, 4, 1, len(data) - start), (512, 3, 1, 1)]
    whole = [(513, 4, 1, at + 6), (514, 4, 1, len(data))] if tables else [(515, 3, 1, 0), (530, 3, 2, 0x00010001)]
    return tiff([*tags, *whole], struct.pack("<HHH", 8, 8, 8) + data)


def tail_offset(tags: int) -> int:
    return 8 + 2 + 12 * tags + 4


def tile_bomb() -> bytes:
    data, at = zlib.compress(b"\0" * 1000), tail_offset(10)
    tiles = [(322, 4, 1, 30000), (323, 4, 1, 30000), (324, 4, 1, at), (325, 4, 1, len(data))]
    return tiff(tiff_tags(1, 1, *tiles, compression=8), data)


def strips_bomb(count: int = 4_000_000) -> bytes:
    at = tail_offset(9)
    strips = [(273, 4, count, at), (278, 4, 1, 1), (279, 4, count, at)]
    return tiff(tiff_tags(1, count, *strips), struct.pack("<L", at) * count)


def tags_bomb(count: int = 3000, size: int = 10 * 2**20) -> bytes:
    """Thousands of tags that all hold the same ten megabytes."""
    at = tail_offset(9 + count)
    needed = [(273, 4, 1, at), (278, 4, 1, 1), (279, 4, 1, 1)]
    return tiff(tiff_tags(1, 1, *needed, *((40000 + n, 7, size, at) for n in range(count))), b"\x80" * size)


def exif_bomb(count: int = 4000) -> bytes:
    """The same in a JPEG's EXIF block."""
    tags = b"".join(struct.pack("<HHLL", 20000 + n, 7, 60000, 8) for n in range(count))
    block = b"Exif\0\0II*\0" + struct.pack("<LH", 8, count) + tags + b"\0" * 4
    block += b"\1" * (65000 - len(block))
    return in_jpeg(0xE1, block)


def in_jpeg(marker: int, *blocks: bytes) -> bytes:
    """A good JPEG with more segments behind its start."""
    data = sample("JPEG", quality=95)
    segments = b"".join(bytes((0xFF, marker)) + struct.pack(">H", len(block) + 2) + block for block in blocks)
    return data[:2] + segments + data[2:]


def scans_bomb(count: int = 5000) -> bytes:
    """A progressive JPEG that goes over 49 megapixels thousands of times."""
    data = plain("JPEG", (7000, 7000), 0, "L", progressive=True, quality=10)
    start, end = data.rfind(b"\xff\xda"), data.rfind(b"\xff\xd9")
    return data[:end] + data[start:end] * count + data[end:]


def stray(*extra: bytes) -> bytes:
    """A JPEG with a restart marker behind each block, and something before the last ones that does not belong there."""
    data = sample("JPEG", quality=95, subsampling=0, restart_marker_blocks=1)
    for number, piece in enumerate(extra):
        at = data.rindex(bytes((0xFF, 0xD0 + 6 - number)))
        data = data[:at] + piece + data[at:]
    return data


def gif_with(*extensions: bytes) -> bytes:
    data = sample("GIF", "P")
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:at] + b"".join(extensions) + data[at:]


def gif_comment(megabytes: int) -> bytes:
    return b"!\xfe" + (b"\xff" + b"a" * 255) * (megabytes * 4096) + b"\0"


def gif_on_canvas(size: tuple[int, int], left: int = 0, top: int = 0) -> bytes:
    """A GIF whose frame begins at a place of its canvas, which has a background color."""
    data = bytearray(sample("GIF", "P"))
    data[6:10], data[11] = struct.pack("<HH", *size), 1
    at = data.index(b",", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[at + 1 : at + 5] = struct.pack("<HH", left, top)
    return bytes(data)


def apple_png() -> bytes:
    """Apple's own kind of PNG: a chunk before the header, and pixels packed without zlib's."""
    packed = zlib.compressobj(wbits=-15)
    body = chunk(b"IDAT", packed.compress(rgb_rows()) + packed.flush()) + chunk(b"IEND", b"")
    return PNG_START + chunk(b"CgBI", bytes(4)) + chunk(b"IHDR", struct.pack(">LLBBBBB", *SIZE, 8, 2, 0, 0, 0)) + body


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(sample("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_frame(depth: bytes, marker: int = 0xC0) -> bytes:
    """A JPEG whose frame header is another one."""
    data = sample("JPEG")
    at = data.index(b"\xff\xc0")
    return data[:at] + bytes((0xFF, marker)) + data[at + 2 : at + 4] + depth + data[at + 5 :]


def webp_claiming(side: int) -> bytes:
    data = bytearray(half_clear("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"))
    data[24:30] = (side - 1).to_bytes(3, "little") * 2
    return bytes(data)


def bmp_claiming(width: int, height: int) -> bytes:
    data = bytearray(sample("BMP"))
    data[18:26] = struct.pack("<ll", width, height)
    return bytes(data)


def gif_claiming(width: int, height: int) -> bytes:
    data = bytearray(sample("GIF", "P"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def cut(form: str, share: float, **options) -> bytes:
    data = saved(noise(), form, **options)
    return data[: int(len(data) * share)]


def noise(size: tuple[int, int] = (200, 150)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def flipped_bytes(form: str, seed: int) -> bytes:
    """A file with fifty bytes of nonsense from its middle on."""
    data = bytearray(saved(noise(), form))
    data[len(data) // 2 : len(data) // 2 + 50] = random.Random(seed).randbytes(50)
    return bytes(data)


def avif_claiming(side: int) -> bytes:
    data = sample("AVIF")
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">LL", side, side) + data[at + 8 :]


def avif_coded(primaries: int, transfer: int, color=RED) -> bytes:
    """An AVIF whose pixels are that color before it is read by those numbers of H.273."""
    data = plain("AVIF", SIZE, color, quality=100, subsampling="4:4:4")
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def bmp_of(depth: int, compression: int, tail: bytes = bytes(2000)) -> bytes:
    header = struct.pack("<LllHHLLllLL", 40, *SIZE, 1, depth, compression, len(tail), 0, 0, 0, 0)
    return b"BM" + struct.pack("<LLL", 54 + len(tail), 0, 54) + header + tail


def core_bmp() -> bytes:
    """A BMP with the oldest header: where others have their compression it has pixels, which look like one."""
    header = struct.pack("<LHHHH", 12, *SIZE, 1, 24)
    pixels = bytearray(3 * SIZE[0] * SIZE[1])
    pixels[30 - 26] = 2
    return b"BM" + struct.pack("<LLL", 26 + len(pixels), 0, 26) + header + pixels


def ftyp(brand: bytes) -> bytes:
    return struct.pack(">L", 24) + b"ftyp" + brand + b"\0\0\0\0mif1" + brand + bytes(200)


def float_grey() -> bytes:
    ramp = np.tile(np.linspace(-2, 2, 48, dtype=np.float32), (32, 1))
    ramp[0, 0] = np.nan
    return saved(Image.fromarray(ramp), "TIFF")


def opens(name: str, build: Callable[[], bytes], size=SIZE, pixels=CORNERS, tolerance: int = 24) -> FileCase:
    return FileCase(name, build, size, pixels, tolerance)


def refused(name: str, build: Callable[[], bytes], says: str) -> FileCase:
    return FileCase(name, build, says=says)


def chromaticities(values: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8L", *(round(value * 100_000) for value in values)))


def cicp(primaries: int, transfer: int) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, 0, 1)))


def grey_gamma() -> bytes:
    return png(8, 8, (b"\0" + b"\x80" * 8) * 8, GAMMA_1, colour=0)


def gamma_clear() -> bytes:
    """Half transparent red in linear light, which mixes with white as a screen's colors do."""
    return png(8, 8, (b"\0" + bytes((255, 128, 128, 128)) * 8) * 8, GAMMA_1, colour=6)


GAMMA_1, GAMMA_SRGB = (chunk(b"gAMA", struct.pack(">L", value)) for value in (100_000, 45_455))
SWAPPED = (0.3127, 0.329, 0.3, 0.6, 0.64, 0.33, 0.15, 0.06)
"""Chromaticities of sRGB, red and green exchanged."""
CLEAR = {(6, 6): RED, (42, 6): WHITE}
UPPER = {(6, 6): RED, (42, 6): GREEN}
RED_ONLY = {(4, 4): RED}
TURNED = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "avif": "AVIF"}

CASES: list[FileCase] = [
    # ordinary, format by format
    opens("plain.jpg", partial(sample, "JPEG", quality=95)),
    opens("progressive.jpg", partial(sample, "JPEG", quality=95, progressive=True)),
    opens("grey.jpg", partial(plain, "JPEG", SIZE, 128, "L"), pixels={(6, 6): GREY}),
    opens("plain.png", partial(sample, "PNG")),
    opens("interlaced.png", interlaced),
    opens("plain.gif", partial(sample, "GIF", "P")),
    opens("plain.bmp", partial(sample, "BMP")),
    opens("palette.bmp", partial(sample, "BMP", "P")),
    opens("core.bmp", core_bmp, pixels={(1, 31): (0, 2, 0), (6, 6): BLACK}, tolerance=0),
    opens("plain.tif", partial(sample, "TIFF")),
    opens("lzw.tif", partial(sample, "TIFF", compression="tiff_lzw")),
    opens("deflate.tif", partial(sample, "TIFF", compression="tiff_adobe_deflate")),
    opens("jpeg.tif", partial(sample, "TIFF", compression="jpeg", quality=95)),
    opens("big.tif", partial(sample, "TIFF", big_tiff=True)),
    opens("plain.webp", partial(sample, "WEBP", lossless=True)),
    opens("lossy.webp", partial(sample, "WEBP", quality=95)),
    opens("plain.avif", partial(sample, "AVIF", quality=95)),
    # depth, palettes, transparency
    opens("bilevel.png", partial(plain, "PNG", SIZE, 1, "1"), pixels={(6, 6): WHITE}),
    opens("bilevel.tif", partial(plain, "TIFF", SIZE, 0, "1", compression="group4"), pixels={(6, 6): BLACK}),
    opens("palette.png", partial(sample, "PNG", "P")),
    opens("grey16-middle.png", partial(grey16, 0x8080), (8, 8), {(4, 4): GREY}, 2),
    opens("grey16-dark.png", partial(grey16, 0x2020), (8, 8), {(4, 4): (32, 32, 32)}, 2),
    opens("grey16-white.png", partial(grey16, 0xFFFF), (8, 8), {(4, 4): WHITE}, 0),
    opens("rgb16.png", rgb16, (8, 8), RED_ONLY, 2),
    opens("rgb16-key.png", partial(rgb16_transparent, 2560), (8, 8), RED_ONLY, 2),
    opens("grey16.tif", partial(plain, "TIFF", (8, 8), 0x8080, "I;16"), (8, 8), {(4, 4): GREY}, 2),
    opens("int32.tif", partial(plain, "TIFF", (8, 8), 128, "I"), (8, 8), {(4, 4): GREY}, 2),
    opens("float-nan.tif", float_grey, pixels={(1, 16): (5, 5, 5), (46, 16): (250, 250, 250)}),
    opens("grey16-key.png", partial(grey_key, 16, (0x20, 0x80), 0x2020), (8, 8), {(1, 4): WHITE, (6, 4): GREY}, 2),
    opens("grey16-near-key.png", partial(grey_key, 16, (0x2021, 0x80), 0x2020), (8, 8), {(1, 4): (32, 32, 32)}, 2),
    opens("grey4-key.png", partial(grey_key, 4, (3, 8), 3), (8, 8), {(1, 4): WHITE, (6, 4): (136, 136, 136)}, 2),
    opens("grey2-key.png", partial(grey_key, 2, (1, 2), 1), (8, 8), {(1, 4): WHITE, (6, 4): (170, 170, 170)}, 2),
    opens("grey1-key.png", partial(grey_key, 1, (0, 1), 0), (8, 8), {(1, 4): WHITE, (6, 4): WHITE}, 2),
    opens("grey8-key.png", partial(grey_key, 8, (0, 128), 0), (8, 8), {(1, 4): WHITE, (6, 4): GREY}, 2),
    opens("rgb16-red-key.png", partial(rgb16_transparent, 0), (8, 8), {(4, 4): WHITE}, 0),
    opens("white-is-zero-16.tif", partial(grey_tiff, 16, b"\x20\x20" * 64, 0), (8, 8), {(4, 4): (223, 223, 223)}, 2),
    opens("grey12.tif", partial(grey_tiff, 12, b"\x80\x08\x00" * 32), (8, 8), {(4, 4): GREY}, 2),
    opens("alpha.png", partial(half_clear, "PNG"), pixels=CLEAR),
    opens("alpha.webp", partial(half_clear, "WEBP", lossless=True), pixels=CLEAR),
    opens("alpha.avif", partial(half_clear, "AVIF", quality=95), pixels=CLEAR),
    opens("alpha.tif", partial(half_clear, "TIFF"), pixels=CLEAR),
    opens("grey-alpha.png", partial(plain, "PNG", SIZE, (0, 0), "LA"), pixels={(6, 6): WHITE}),
    opens("half-alpha.png", partial(plain, "PNG", SIZE, (0, 0, 0, 127), "RGBA"), pixels={(6, 6): GREY}),
    opens("clear-colour.png", partial(sample, "PNG", transparency=BLUE), pixels={**CORNERS, (6, 26): WHITE}),
    opens("palette-clear.png", partial(palette_clear, "PNG"), pixels=CLEAR),
    opens("palette-clear.gif", partial(palette_clear, "GIF"), pixels=CLEAR),
    # colour spaces and profiles
    opens("cmyk.jpg", partial(sample, "JPEG", "CMYK", quality=95)),
    opens("ycck.jpg", ycck, pixels={(6, 6): RED}),
    opens("cmyk.tif", partial(sample, "TIFF", "CMYK")),
    opens("lab.tif", partial(plain, "TIFF", SIZE, (137, 128, 128), "LAB"), pixels={(6, 6): GREY}),
    opens("profile.png", lambda: sample("PNG", icc_profile=swapped_profile()), pixels={(6, 6): BLUE}, tolerance=40),
    opens("profile.jpg", lambda: sample("JPEG", icc_profile=swapped_profile()), pixels={(6, 6): BLUE}, tolerance=40),
    opens("profile-wrong-space.png", lambda: sample("PNG", "L", icc_profile=swapped_profile()), pixels={}),
    opens("profile-broken.jpg", partial(sample, "JPEG", quality=95, icc_profile=b"not a profile" * 20)),
    opens("profile-bomb.png", lambda: png(*SIZE, rgb_rows(), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**24))))),
    opens("gamma.png", partial(colored, GAMMA_1), (8, 8), {(4, 4): (238, 96, 96)}, 3),
    opens("gamma-of-srgb.png", partial(colored, GAMMA_SRGB), (8, 8), RED_ONLY, 0),
    opens("gamma-under-srgb.png", partial(colored, chunk(b"sRGB", b"\0"), GAMMA_1), (8, 8), RED_ONLY, 0),
    opens("gamma-grey.png", partial(grey_gamma), (8, 8), {(4, 4): (188, 188, 188)}, 3),
    opens("gamma-clear.png", gamma_clear, (8, 8), {(4, 4): (255, 222, 222)}, 3),
    opens("gamma-of-nothing.png", partial(colored, chunk(b"gAMA", bytes(4))), (8, 8), RED_ONLY, 0),
    opens("gamma-cut.png", partial(colored, chunk(b"gAMA", b"\0")), (8, 8), RED_ONLY, 0),
    opens("primaries.png", partial(colored, GAMMA_SRGB, chromaticities(SWAPPED)), (8, 8), {(4, 4): (30, 220, 30)}, 4),
    opens("primaries-none.png", partial(colored, GAMMA_SRGB, chunk(b"cHRM", bytes(32))), (8, 8), RED_ONLY, 0),
    opens("p3.png", partial(colored, cicp(12, 13), color=(200, 100, 100)), (8, 8), {(4, 4): (215, 93, 97)}, 3),
    opens("pq.png", partial(colored, cicp(9, 16), color=(148,) * 3), (8, 8), {(4, 4): (201, 201, 201)}, 4),
    opens("srgb.avif", partial(avif_coded, 1, 13), pixels={(6, 6): RED}, tolerance=4),
    opens("p3.avif", partial(avif_coded, 12, 13, (200, 100, 100)), pixels={(6, 6): (215, 93, 97)}, tolerance=4),
    opens("pq.avif", partial(avif_coded, 9, 16, (148,) * 3), pixels={(6, 6): (201, 201, 201)}, tolerance=4),
    opens("hlg.avif", partial(avif_coded, 9, 18, (191,) * 3), pixels={(6, 6): (205, 205, 205)}, tolerance=4),
    # turned
    *(
        opens(f"orientation-{n}.{suffix}", partial(turned, form, n), tolerance=60)
        for suffix, form in TURNED.items()
        for n in (range(1, 9) if suffix in ("jpg", "tif") else (2, 5, 6, 8))
    ),
    opens("orientation-0.jpg", partial(turned, "JPEG", 0, quality=95)),
    opens("orientation-9.jpg", partial(turned, "JPEG", 9, quality=95)),
    opens("exif-garbage.jpg", partial(in_jpeg, 0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"garbage" * 9)),
    opens("exif-cut.jpg", partial(in_jpeg, 0xE1, b"Exif\0\0II*\0\x08\0\0\0\x05\0")),
    # several frames
    opens("animated.gif", partial(frames, "GIF", 5)),
    opens("animated.png", partial(frames, "PNG", 5)),
    opens("animated.webp", partial(frames, "WEBP", 5, lossless=True)),
    opens("animated.avif", partial(frames, "AVIF", 3, quality=95)),
    opens("pages.tif", partial(frames, "TIFF", 5)),
    opens("frames-bomb.gif", frames_bomb),
    opens("frames-bomb.png", partial(frames, "PNG", 1000)),
    opens("pages-bomb.tif", partial(frames, "TIFF", 300)),
    opens("two-in-one.jpg", lambda: saved(quarters(), "MPO", save_all=True, append_images=[noise()], quality=95)),
    opens("small-frame.gif", partial(gif_on_canvas, (64, 40)), (64, 40), {**CORNERS, (60, 6): WHITE, (6, 38): WHITE}),
    opens(
        "small-frame-further-in.gif",
        partial(gif_on_canvas, (64, 40), 16, 8),
        (64, 40),
        {(x + 16, y + 8): color for (x, y), color in CORNERS.items()} | {(6, 20): WHITE, (40, 4): WHITE},
    ),
    # what decoders skip
    opens("stray-reserved.jpg", partial(stray, b"\xff\x9f"), pixels=CORNERS, tolerance=40),
    opens("stray-low.jpg", partial(stray, b"\xff\x02"), pixels=CORNERS, tolerance=40),
    opens("stray-both.jpg", partial(stray, b"\xff\x9f\x12", b"\xff\x02\x00\x05"), pixels=CORNERS, tolerance=40),
    opens("stray-comment.jpg", partial(stray, b"\xff\xfe\xff\xff"), pixels=UPPER, tolerance=40),
    opens("filled.jpg", partial(stray, b"\xff\xff\xff"), pixels=CORNERS, tolerance=40),
    opens("short-segment.jpg", lambda: in_jpeg(0xE5, b"ab")[:4] + b"\0\0" + in_jpeg(0xE5, b"ab")[6:]),
    opens("no-end.png", lambda: sample("PNG")[:-12]),
    opens("junk-between.gif", lambda: gif_with(b"\0\1\2")),
    # extreme shapes
    *(
        opens(f"one-pixel.{suffix}", partial(plain, form, (1, 1)), (1, 1), {(0, 0): RED}, 40)
        for suffix, form in {**TURNED, "gif": "GIF", "bmp": "BMP"}.items()
    ),
    opens("tall.png", partial(plain, "PNG", (1, 20000)), (1, 20000), {(0, 9999): RED}),
    opens("wide.png", partial(plain, "PNG", (20000, 1)), (20000, 1), {(9999, 0): RED}),
    opens("tall.jpg", partial(plain, "JPEG", (1, 20000)), (1, 20000), {(0, 9999): RED}),
    opens("wide.jpg", partial(plain, "JPEG", (20000, 1)), (20000, 1), {(9999, 0): RED}),
    opens("longest.png", partial(plain, "PNG", (65500, 2)), (65500, 2), {(9999, 0): RED}),
    refused("longer.png", partial(plain, "PNG", (65501, 2)), TOO_LARGE),
    # not what the name says, or more than one thing at once
    opens("png-named.jpg", partial(sample, "PNG")),
    opens("webp-named.gif", partial(sample, "WEBP", lossless=True)),
    opens("jpeg-and-zip.jpg", lambda: sample("JPEG", quality=95) + b"PK\3\4" + bytes(500)),
    opens("png-and-script.png", lambda: sample("PNG") + b"<script>alert(1)</script>"),
    opens("gif-and-javascript.gif", lambda: gif_with(b"!\xfe\x0a*/alert(1)\0")),
    opens("jpeg-and-html.jpg", partial(in_jpeg, 0xFE, b"<html><script>alert(1)</script>")),
    opens("png-text.png", lambda: png(*SIZE, rgb_rows(), chunk(b"tEXt", b"Comment\0<?php system('id'); ?>"))),
    opens("png-text-bomb.png", lambda: png(*SIZE, rgb_rows(), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24))))),
    refused("page.jpg", lambda: b"<!doctype html><html><body>not found</body></html>", FOREIGN),
    refused("drawing.svg.png", lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', FOREIGN),
    refused("document.png", lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", FOREIGN),
    refused("postscript.jpg", partial(plain, "EPS", (8, 8)), FOREIGN),
    refused("archive.png", lambda: b"PK\3\4" + bytes(300), FOREIGN),
    refused("program.png", lambda: b"\x7fELF" + bytes(300), FOREIGN),
    refused("icon.png", partial(plain, "ICO", (16, 16)), FOREIGN),
    refused("portable.jpg", partial(plain, "PPM", (8, 8)), FOREIGN),
    refused("photoshop.png", lambda: b"8BPS\0\1" + bytes(300), FOREIGN),
    refused("jpeg2000.jpg", partial(plain, "JPEG2000", (8, 8)), FOREIGN),
    refused("text.png", lambda: "just words, über alles".encode(), FOREIGN),
    refused("sound.webp", lambda: b"RIFF\0\1\0\0WAVEfmt " + bytes(300), FOREIGN),
    refused("film.jpg", partial(ftyp, b"isom"), FOREIGN),
    refused("phone.heic.jpg", partial(ftyp, b"heic"), "HEIC"),
    refused("phone-burst.jpg", partial(ftyp, b"hevc"), "HEIC"),
    # valid, but too large or of a kind that is not read
    refused("too-large.avif", partial(avif_claiming, 17_000), TOO_LARGE + ": 17,000 x 17,000"),
    refused("lab16.tif", lab16_tiff, RARE.format("TIFF")),
    opens("old-jpeg.tif", partial(old_jpeg_tiff, tables=True)),
    refused("old-jpeg-without-tables.tif", partial(old_jpeg_tiff, tables=False), RARE.format("TIFF")),
    refused("deep.tif", lambda: grey_tiff(64, bytes(512)), RARE.format("TIFF")),
    refused("cut-lab.tif", lambda: lab16_tiff()[:60], CORRUPT),
    refused(
        "fields-4444.bmp",
        partial(bmp_of, 16, 3, struct.pack("<LLL", 0xF00, 0xF0, 0xF) + bytes(4000)),
        RARE.format("BMP"),
    ),
    refused("runs-of-4-bits.bmp", partial(bmp_of, 4, 2), RARE.format("BMP")),
    refused("png-inside.bmp", partial(bmp_of, 0, 5), RARE.format("BMP")),
    refused("odd-depth.bmp", partial(bmp_of, 30_000, 0), CORRUPT),
    refused("apple.png", apple_png, RARE.format("PNG")),
    refused("jpeg-of-12-bits.jpg", partial(jpeg_frame, b"\x0c"), RARE.format("JPEG")),
    refused("hierarchical.jpg", partial(jpeg_frame, b"\x08", 0xC5), RARE.format("JPEG")),
    # nothing, or not all of it
    refused("empty.png", lambda: b"", EMPTY),
    refused("one-byte.png", lambda: b"\x89", FOREIGN),
    refused("zeros.jpg", lambda: bytes(1000), FOREIGN),
    refused("signature-only.png", lambda: b"\x89PNG\r\n\x1a\n", CORRUPT),
    refused("signature-only.jpg", lambda: b"\xff\xd8\xff", CORRUPT),
    refused("signature-only.gif", lambda: b"GIF89a", CORRUPT),
    *(refused(f"half.{suffix}", partial(cut, form, 0.5), CORRUPT) for suffix, form in TURNED.items()),
    *(
        refused(f"half.{suffix}", partial(cut, form, 0.5), CORRUPT)
        for suffix, form in {"gif": "GIF", "bmp": "BMP"}.items()
    ),
    refused("nearly-all.jpg", partial(cut, "JPEG", 0.98), CORRUPT),
    refused("nearly-all.png", partial(cut, "PNG", 0.98), CORRUPT),
    refused("half-progressive.jpg", partial(cut, "JPEG", 0.5, progressive=True), CORRUPT),
    refused("no-pixels.png", lambda: png(*SIZE, b""), CORRUPT),
    opens("too-few-rows.png", lambda: png(*SIZE, rgb_rows((48, 8))), pixels={(6, 2): RED, (6, 30): BLACK}),
    refused("nonsense.png", partial(flipped_bytes, "PNG", 1), CORRUPT),
    refused("no-size.png", lambda: png(0, 0, b""), CORRUPT),
    refused("nothing-tagged.tif", lambda: tiff([]), CORRUPT),
    refused("endless.tif", lambda: b"II*\0" + struct.pack("<L", 2**31) + bytes(50), CORRUPT),
    # bombs
    refused("too-many-bytes.jpg", lambda: sample("JPEG") + bytes(20 * 2**20), TOO_MANY_BYTES),
    refused("bomb.png", partial(png, 50_000, 50_000, bytes(10**6)), "too many pixels"),
    refused("over-the-limit.png", partial(png, 7100, 7100, bytes(10**6)), TOO_LARGE),
    refused("within-but-empty.png", partial(png, 7000, 7000, bytes(10**6)), CORRUPT),
    refused("bomb.jpg", partial(jpeg_claiming, 65_500, 65_500), "too many pixels"),
    refused("bomb.gif", partial(gif_claiming, 65_535, 65_535), "too many pixels"),
    refused("bomb.bmp", partial(bmp_claiming, 60_000, 60_000), "too many pixels"),
    refused("negative.bmp", partial(bmp_claiming, -5, 32), "too many pixels"),
    refused("bomb.webp", partial(webp_claiming, 16_383), CORRUPT),
    refused("bomb.tif", lambda: tiff(tiff_tags(60_000, 60_000, (273, 4, 1, 8), (279, 4, 1, 9))), "too many pixels"),
    refused("tile-bomb.tif", tile_bomb, CORRUPT),
    refused("strips-bomb.tif", strips_bomb, CORRUPT),
    opens("tags-bomb.tif", tags_bomb, (1, 1), {(0, 0): GREY}),
    opens("exif-bomb.jpg", exif_bomb),
    opens("exif-segments-bomb.jpg", lambda: in_jpeg(0xE1, *[b"Exif\0\0II*\0" + bytes(65000)] * 200)),
    refused("scans-bomb.jpg", scans_bomb, CORRUPT),
    opens("comment-bomb.gif", lambda: gif_with(gif_comment(18))),
    refused("chunks-bomb.png", lambda: png(*SIZE, rgb_rows(), *[chunk(b"tEXt", b"")] * 500_000), CORRUPT),
]
