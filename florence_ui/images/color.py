"""From any of Pillow's modes and any color space to sRGB on white.

Colors are converted as browsers do: by an ICC profile, a PNG's cICP, sRGB, gAMA and cHRM, or an AVIF's nclx. PQ and
HLG, whose highlights are brighter than a screen's white, are tone-mapped. Other color data in a TIFF, a BMP or an EXIF
block, and gain maps, are ignored. A BMP's alpha counts if its pixels have 32 bits and a mask for it.

Sources: ITU-T H.273 (codes), ITU-R BT.2100 (PQ, HLG), ICC.1:2001-04 (profiles), PNG 3rd edition (precedence).
"""

import io
import struct
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageFile, TiffImagePlugin

FloatArray = npt.NDArray[np.floating[Any]]

MAX_PROFILE = 4 * 2**20
"""Largest color profile that is applied, in bytes."""
D65 = (0.3127, 0.329)
SRGB = (*D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""Chromaticities of sRGB: x and y of white, red, green and blue, in the order of a PNG's cHRM."""
PRIMARIES = {
    5: (*D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
"""Color primaries of H.273 -> chromaticities: PAL, NTSC twice, BT.2020, DCI-P3, Display P3; others mean sRGB's."""
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
"""Transfer characteristics of H.273 -> exponent; others but PQ and HLG mean sRGB's."""
PQ, HLG = 16, 18
MIDDLE_NITS, PEAK_NITS = 150, 1000
"""Luminances of PQ and HLG, in candela per square meter, shown at half of a screen's light and as its white: a scene of
which libavif's samples have both versions comes out as bright as the one for ordinary screens."""
GAMMA_TOLERANCE = 0.05
"""How far a PNG's gamma, times 2.2, may be from 1 and still mean sRGB's; libpng's threshold."""
CHROMATICITY_TOLERANCE = 0.002
CURVE = 4096
TIFF_BITS, TIFF_COLORS, TIFF_WHITE_IS_ZERO = 258, 262, 0
D50 = np.array((0.9642, 1.0, 0.8249))
BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))


def repair(image: Image.Image, stored: ImageFile._Tile | None) -> Image.Image:
    """Correct what Pillow does not convert when it decodes.

    Args:
        image: As Pillow decoded it.
        stored: Where and how the file stored its pixels, as read by Pillow before decoding.
    """
    match image.format, stored:
        case "PNG", ImageFile._Tile(args="L;2" | "L;4" | "RGB;16B" as raw) if "transparency" in image.info:
            image.info["transparency"] = _scale_transparent_color(image.info["transparency"], raw)
        case "GIF", ImageFile._Tile(extents=box) if box != (0, 0, *image.size):
            frame = to_resizable(image).crop(box)
            image = Image.new(frame.mode, image.size, "white")  # browsers show nothing there
            image.paste(frame, box)
        case "TIFF", _ if isinstance(image, TiffImagePlugin.TiffImageFile) and image.mode.startswith("I;16"):
            image = _scale_tiff_grey(image)
    return image


def _scale_transparent_color(key: int | tuple[int, ...], raw: str) -> int | tuple[int, ...]:
    """Scale the color that a PNG makes transparent to 8 bits, as Pillow does its pixels: of 16 bits the upper half."""
    if isinstance(key, tuple):
        return tuple(value >> 8 for value in key)
    return key * {"L;2": 85, "L;4": 17}[raw]


def _scale_tiff_grey(image: TiffImagePlugin.TiffImageFile) -> Image.Image:
    """Scale a grey TIFF of 12 or 16 bits so that white is 65535."""
    values = np.asarray(image)
    if image.tag_v2.get(TIFF_BITS, (16,)) == (12,):
        values = values << 4
    if image.tag_v2.get(TIFF_COLORS) == TIFF_WHITE_IS_ZERO:
        values = 65535 - values
    return Image.fromarray(values)


def to_resizable(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to one that can be resized: L, I, F, RGB, RGBA, CMYK or LAB."""
    if image.mode.startswith("I;16"):
        return _grey_of_16_bits(image)
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in ("L", "I", "F", "RGB", "CMYK", "LAB") else image.convert("RGB")


def _grey_of_16_bits(image: Image.Image) -> Image.Image:
    """Convert to L; the grey that a PNG makes transparent becomes white at once, without an alpha channel in memory."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(grey)


def stretch_range(image: Image.Image) -> Image.Image:
    """Stretch grey of 32 bits, which has no fixed white, from its darkest to its lightest value."""
    if image.mode not in ("I", "F"):
        return image
    values = np.asarray(image, dtype=np.float32)
    values = np.where(np.isfinite(values), values, 0)
    low, high = float(values.min()), float(values.max())
    if image.mode == "I" and low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    values = (values - low) * (255 / max(high - low, 1e-30))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def flatten(image: Image.Image) -> Image.Image:
    """Put what is transparent on white."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def to_srgb(image: Image.Image, profile: bytes | None, declared: bytes | None = None) -> Image.Image:
    """Convert to sRGB: RGB, or RGBA if something may be transparent, which is blended with white only afterwards.

    Args:
        image: In any mode that `stretch_range` returns.
        profile: The file's own color profile, if any.
        declared: A profile from `declared_profile`, which takes precedence.
    """
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif declared:
            image, source = image.convert(mode), ImageCms.ImageCmsProfile(io.BytesIO(declared))
        elif profile and len(profile) <= MAX_PROFILE:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        else:
            return image if image.mode == mode else image.convert(mode)
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
        assert converted is not None  # nothing is returned only where a picture is converted in place
        return converted
    except Exception:  # a corrupt profile, or one of another color space: ignore it
        return image.convert(mode)


def declared_profile(image: Image.Image, cicp: tuple[int, int] | None) -> bytes | None:
    """Build a profile of the colors that a PNG or AVIF declares without one.

    Args:
        image: As Pillow opened it.
        cicp: Numbers of its color primaries and transfer characteristics in H.273, if any.

    Returns:
        An ICC profile; None if its own profile takes precedence, nothing is declared, or it is sRGB.
    """
    info = image.info
    if cicp is not None and (image.format == "PNG" or not info.get("icc_profile")):
        return cicp_profile(*cicp)
    if info.get("icc_profile") or "srgb" in info or "gamma" not in info:
        return None
    return gamma_profile(info["gamma"], tuple(info.get("chromaticity", SRGB)))


@lru_cache(maxsize=16)
def cicp_profile(primaries: int, transfer: int) -> bytes | None:
    """Build a profile from numbers of H.273; None if they amount to sRGB."""
    if primaries not in PRIMARIES and transfer not in (*GAMMAS, PQ, HLG):
        return None
    return rgb_profile(PRIMARIES.get(primaries, SRGB), transfer_curve(transfer))


@lru_cache(maxsize=16)
def gamma_profile(gamma: float, chromaticities: tuple[float, ...]) -> bytes | None:
    """Build a profile from a PNG's gAMA and cHRM; None if they amount to sRGB or are invalid."""
    try:
        as_srgb = abs(gamma * 2.2 - 1) < GAMMA_TOLERANCE
        if as_srgb and np.allclose(chromaticities, SRGB, atol=CHROMATICITY_TOLERANCE):
            return None
        curve = transfer_curve(13) if as_srgb else np.linspace(0, 1, CURVE) ** (1 / gamma)
        return rgb_profile(chromaticities, curve)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return None


def transfer_curve(transfer: int) -> FloatArray:
    """(n,) luminances of n equally spaced codes, white being 1."""
    codes = np.linspace(0, 1, CURVE)
    if transfer in GAMMAS:
        return codes ** GAMMAS[transfer]
    if transfer == PQ:
        powered = codes ** (32 / 2523)
        return tone_map(
            10_000 * (np.maximum(powered - 0.8359375, 0) / (18.8515625 - 18.6875 * powered)) ** (8192 / 1305)
        )
    if transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
        return tone_map(PEAK_NITS * scene**1.2)
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def tone_map(nits: FloatArray) -> FloatArray:
    """Map luminances of up to `PEAK_NITS` to fractions of a screen's white by Reinhard's curve."""
    light, peak = nits / MIDDLE_NITS, PEAK_NITS / MIDDLE_NITS
    return np.minimum(light * (1 + light / peak**2) / (1 + light), 1)


def rgb_profile(chromaticities: tuple[float, ...], curve: FloatArray) -> bytes:
    """Build an ICC profile of three primaries and one curve.

    Args:
        chromaticities: x and y of white, red, green and blue.
        curve: (n,) luminances, 0 to 1, of n equally spaced codes.

    Raises:
        ValueError, numpy.linalg.LinAlgError: If these are not the chromaticities of a color space.
    """
    xy = np.array(chromaticities, dtype=float).reshape(4, 2)
    if not (np.isfinite(xy).all() and (xy[:, 1] > 0).all()):
        raise ValueError("chromaticities without luminance")
    xyz = np.column_stack([xy, 1 - xy.sum(axis=1)]) / xy[:, 1:]
    white, colors = xyz[0], xyz[1:].T
    colors = colors * np.linalg.solve(colors, white)
    adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ white)) @ BRADFORD
    steps = struct.pack(">4sLL", b"curv", 0, len(curve)) + np.round(curve * 65535).astype(">u2").tobytes()
    tags = {
        b"wtpt": _xyz(D50),
        **{name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), (adapt @ colors).T, strict=True)},
    }
    return _icc(tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), steps))


def _xyz(values: FloatArray) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">l", round(value * 65536)) for value in values)


def _icc(tags: dict[bytes, bytes]) -> bytes:
    """Write a display profile of these tags; equal contents are stored once."""
    offset = 128 + 4 + 12 * len(tags)
    table, places = [struct.pack(">L", len(tags))], {}
    for name, content in tags.items():
        if content not in places:
            places[content] = offset
            offset += len(content) + -len(content) % 4
        table.append(struct.pack(">4sLL", name, places[content], len(content)))
    header = (
        struct.pack(">LLL4s4s4s12x4s28x", offset, 0, 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp") + _xyz(D50)[8:]
    )
    body = [content + bytes(-len(content) % 4) for content in places]
    return b"".join([header.ljust(128, b"\0"), *table, *body])
