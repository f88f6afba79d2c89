"""Profiles and curves agree with the standards' own figures, and every mode of Pillow's becomes RGB on white."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from florence_ui.images import color
from florence_ui.images.color import (
    CURVE,
    HLG,
    MIDDLE_NITS,
    PEAK_NITS,
    PQ,
    PRIMARIES,
    SRGB,
    cicp_profile,
    declared_profile,
    flatten,
    gamma_profile,
    rgb_profile,
    stretch_range,
    to_resizable,
    to_srgb,
    tone_map,
    transfer_curve,
)


@pytest.fixture(autouse=True)
def uncached():
    """Profiles are built anew for each test."""
    cicp_profile.cache_clear()
    gamma_profile.cache_clear()


def tags_of(profile: bytes) -> dict[bytes, bytes]:
    """An ICC profile's tags -> their contents, read as ICC.1:2001-04 says."""
    (count,) = struct.unpack_from(">L", profile, 128)
    entries = [struct.unpack_from(">4sLL", profile, 132 + 12 * number) for number in range(count)]
    for _, offset, length in entries:
        assert offset % 4 == 0
        assert 132 + 12 * count <= offset <= offset + length <= len(profile)
    return {name: profile[offset : offset + length] for name, offset, length in entries}


def xyz_of(tag: bytes) -> list[float]:
    assert (tag[:8], len(tag)) == (b"XYZ \0\0\0\0", 20)
    return [value / 65536 for value in struct.unpack(">lll", tag[8:])]


COLORANTS = {
    "srgb": (SRGB, ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))),
    "display-p3": (PRIMARIES[12], ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))),
    "bt2020": (PRIMARIES[9], ((0.6734, 0.2790, -0.0019), (0.1656, 0.6753, 0.0300), (0.1251, 0.0456, 0.7968))),
}
"""Name -> chromaticities, and the colorants of published profiles, which are adapted to D50."""


@pytest.mark.parametrize(("chromaticities", "colorants"), COLORANTS.values(), ids=COLORANTS)
def test_a_profile_has_the_colorants_of_the_published_one(chromaticities, colorants):
    tags = tags_of(rgb_profile(chromaticities, np.linspace(0, 1, 5)))
    for name, expected in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True):
        assert xyz_of(tags[name]) == pytest.approx(expected, abs=0.0006)
    assert xyz_of(tags[b"wtpt"]) == pytest.approx((0.9642, 1, 0.8249), abs=2e-5)


def test_white_stays_white_whatever_the_primaries():
    for chromaticities in PRIMARIES.values():
        tags = tags_of(rgb_profile(chromaticities, np.linspace(0, 1, 5)))
        total = np.sum([xyz_of(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=0)
        assert total == pytest.approx((0.9642, 1, 0.8249), abs=1e-4)


@pytest.mark.parametrize("length", [4, 5], ids=["even", "padded"])
def test_a_profile_is_written_as_the_standard_says(length):
    curve = np.linspace(0, 1, length)
    profile = rgb_profile(SRGB, curve)
    size, maker, version, *kinds, signature = struct.unpack_from(">LLL4s4s4s12x4s", profile)
    assert (size, maker, version) == (len(profile), 0, 0x02400000)
    assert (kinds, signature) == ([b"mntr", b"RGB ", b"XYZ "], b"acsp")
    assert struct.unpack_from(">lll", profile, 68) == (63190, 65536, 54061), "the connection space's white is D50"
    assert profile[80:128] == bytes(48)
    tags = tags_of(profile)
    assert set(tags) == {b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        assert struct.unpack_from(">4sLL", tags[name]) == (b"curv", 0, length)
        assert np.frombuffer(tags[name][12:], ">u2").tolist() == np.round(curve * 65535).tolist()
    assert len(profile) < 132 + 12 * 7 + 4 * 20 + 2 * (12 + 2 * length), "the curve is stored once"


def test_a_profile_is_read_by_the_color_engine_as_it_was_meant():
    chromaticities = PRIMARIES[12]
    opened = ImageCms.ImageCmsProfile(io.BytesIO(rgb_profile(chromaticities, transfer_curve(13)))).profile
    assert (opened.version, opened.device_class, opened.xcolor_space) == (2.4, "mntr", "RGB ")
    assert opened.red_colorant[0] == pytest.approx((0.5151, 0.2412, -0.0011), abs=0.0006)


@pytest.mark.parametrize(
    "chromaticities",
    [
        pytest.param((*SRGB[:2], 0.64, 0, *SRGB[4:]), id="no-luminance"),
        pytest.param((*SRGB[:2], 0.64, -0.1, *SRGB[4:]), id="negative-luminance"),
        pytest.param((*SRGB[:2], float("nan"), 0.33, *SRGB[4:]), id="not-a-number"),
        pytest.param((*SRGB[:2], float("inf"), 0.33, *SRGB[4:]), id="infinite"),
        pytest.param((*SRGB[:2], *(0.3, 0.6) * 3), id="all-the-same"),
    ],
)
def test_impossible_chromaticities_are_ignored(chromaticities):
    with pytest.raises((ValueError, np.linalg.LinAlgError)):
        rgb_profile(chromaticities, np.linspace(0, 1, 5))
    assert gamma_profile(1.0, chromaticities) is None


def at(curve: np.ndarray, code: float) -> float:
    return float(np.interp(code, np.linspace(0, 1, len(curve)), curve))


@pytest.mark.parametrize("transfer", [1, 4, 5, 8, 13, PQ, HLG], ids=str)
def test_a_curve_rises_from_black_to_white(transfer):
    curve = transfer_curve(transfer)
    assert curve.shape == (CURVE,)
    assert (curve[0], curve[-1]) == pytest.approx((0, 1), abs=1e-6)
    assert (np.diff(curve) >= 0).all()


@pytest.mark.parametrize(
    ("transfer", "code", "expected"),
    [
        pytest.param(4, 0.5, 0.5**2.2, id="gamma-2.2"),
        pytest.param(5, 0.5, 0.5**2.8, id="gamma-2.8"),
        pytest.param(8, 0.5, 0.5, id="linear"),
        pytest.param(13, 128 / 255, 0.21586, id="srgb"),
        pytest.param(13, 0.04045, 0.0031308, id="srgb-where-its-parts-meet"),
        pytest.param(13, 0.02, 0.02 / 12.92, id="srgb-near-black"),
        pytest.param(1, 128 / 255, 0.21586, id="others-are-srgb"),
    ],
)
def test_curves_have_their_standards_values(transfer, code, expected):
    assert at(transfer_curve(transfer), code) == pytest.approx(expected, abs=2e-5)


def pq_code(nits: float) -> float:
    """The code of a luminance: the inverse of the EOTF in BT.2100, table 4."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    powered = (nits / 10_000) ** m1
    return ((c1 + c2 * powered) / (1 + c3 * powered)) ** m2


def hlg_code(scene: float) -> float:
    """The code of a scene's light, 0 to 1: the OETF in BT.2100, table 5."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return float(np.sqrt(3 * scene) if scene <= 1 / 12 else a * np.log(12 * scene - b) + c)


@pytest.mark.parametrize("nits", [1, 10, 50, MIDDLE_NITS, 500, 900], ids=str)
def test_pq_and_hlg_show_a_luminance_alike(nits):
    expected = tone_map(np.array([float(nits)]))[0]
    assert at(transfer_curve(PQ), pq_code(nits)) == pytest.approx(expected, rel=2e-4)
    assert at(transfer_curve(HLG), hlg_code((nits / PEAK_NITS) ** (1 / 1.2))) == pytest.approx(expected, rel=2e-4)


def test_highlights_are_compressed_and_what_exceeds_the_peak_is_white():
    shown = tone_map(np.array([0.0, 1.5, MIDDLE_NITS, PEAK_NITS, 10 * PEAK_NITS]))
    assert shown == pytest.approx([0, 0.0099, 0.511, 1, 1], abs=0.0005)


def converted(value: tuple[int, int, int], profile: bytes | None) -> tuple[int, ...]:
    return to_srgb(Image.new("RGB", (1, 1), value), None, profile).getpixel((0, 0))


@pytest.mark.parametrize(
    ("primaries", "transfer", "is_srgb"),
    [
        *(pytest.param(1, code, True, id=f"bt709-{code}") for code in (1, 6, 13, 14)),
        pytest.param(2, 2, True, id="unspecified"),
        *(pytest.param(code, 13, False, id=f"primaries-{code}") for code in (5, 6, 7, 9, 11, 12)),
        *(pytest.param(1, code, False, id=f"transfer-{code}") for code in (4, 5, 8, PQ, HLG)),
    ],
)
def test_numbers_that_amount_to_srgb_need_no_profile(primaries, transfer, is_srgb):
    assert (cicp_profile(primaries, transfer) is None) == is_srgb


def test_numbers_give_their_primaries_and_their_curve():
    assert converted((200, 100, 100), cicp_profile(12, 13)) == pytest.approx((215, 93, 97), abs=2)
    assert converted((128, 128, 128), cicp_profile(1, 8)) == pytest.approx((188, 188, 188), abs=1)
    assert cicp_profile(99, 4) == cicp_profile(1, 4), "unknown primaries are sRGB's"
    assert cicp_profile(12, 99) == cicp_profile(12, 13), "an unknown curve is sRGB's"


@pytest.mark.parametrize(
    ("gamma", "chromaticities", "is_srgb"),
    [
        pytest.param(0.45455, SRGB, True, id="srgb"),
        pytest.param(0.476, SRGB, True, id="nearly-its-gamma"),
        pytest.param(0.433, SRGB, True, id="nearly-its-gamma-below"),
        pytest.param(0.478, SRGB, False, id="another-gamma"),
        pytest.param(0.431, SRGB, False, id="another-gamma-below"),
        pytest.param(0.45455, (*SRGB[:-1], 0.0615), True, id="nearly-its-primaries"),
        pytest.param(0.45455, (*SRGB[:-1], 0.066), False, id="other-primaries"),
    ],
)
def test_gamma_and_chromaticities_near_srgbs_need_no_profile(gamma, chromaticities, is_srgb):
    assert (gamma_profile(gamma, chromaticities) is None) == is_srgb


def test_an_impossible_gamma_is_ignored():
    assert gamma_profile(0.0, SRGB) is None


def test_a_gamma_is_applied_with_its_chromaticities():
    assert gamma_profile(0.5, PRIMARIES[12]) == rgb_profile(PRIMARIES[12], np.linspace(0, 1, CURVE) ** 2)
    assert gamma_profile(0.45455, PRIMARIES[12]) == rgb_profile(PRIMARIES[12], transfer_curve(13))


def opened(form: str, **info) -> Image.Image:
    image = Image.new("RGB", (1, 1))
    image.format, image.info = form, info
    return image


P3, GAMMA = cicp_profile(12, 13), gamma_profile(1.0, SRGB)


@pytest.mark.parametrize(
    ("image", "cicp", "expected"),
    [
        pytest.param(opened("PNG"), None, None, id="nothing"),
        pytest.param(opened("PNG", icc_profile=b"own"), (12, 13), P3, id="png-numbers-before-its-profile"),
        pytest.param(opened("AVIF", icc_profile=b"own"), (12, 13), None, id="avif-profile-before-its-numbers"),
        pytest.param(opened("AVIF"), (12, 13), P3, id="avif-numbers"),
        pytest.param(opened("PNG", srgb=0, gamma=1.0), (12, 13), P3, id="numbers-before-srgb"),
        pytest.param(opened("PNG", gamma=1.0), None, GAMMA, id="gamma"),
        pytest.param(opened("PNG", gamma=1.0, icc_profile=b"own"), None, None, id="profile-before-gamma"),
        pytest.param(opened("PNG", gamma=1.0, srgb=0), None, None, id="srgb-before-gamma"),
        pytest.param(opened("PNG", chromaticity=list(PRIMARIES[12])), None, None, id="primaries-without-gamma"),
        pytest.param(
            opened("PNG", gamma=0.5, chromaticity=list(PRIMARIES[12])),
            None,
            gamma_profile(0.5, PRIMARIES[12]),
            id="primaries",
        ),
    ],
)
def test_what_a_file_declares_takes_precedence_as_in_browsers(image, cicp, expected):
    assert declared_profile(image, cicp) == expected


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_declared_colors_reach_every_mode_and_keep_its_transparency(mode):
    image = Image.new("RGB", (1, 1), (90, 90, 90)).convert(mode)
    if mode == "RGBA":
        image.putalpha(77)
    result = to_srgb(image, None, cicp_profile(1, 8))
    assert result.mode == ("RGBA" if mode == "RGBA" else "RGB")
    assert result.getpixel((0, 0))[:3] == pytest.approx((160, 160, 160), abs=2)
    assert result.getpixel((0, 0))[3:] == ((77,) if mode == "RGBA" else ())


def test_a_declared_profile_takes_precedence_over_the_files_own():
    image = Image.new("RGB", (1, 1), (128, 128, 128))
    linear, steep = cicp_profile(1, 8), cicp_profile(1, 5)
    assert to_srgb(image, steep, linear).getpixel((0, 0)) == to_srgb(image, linear).getpixel((0, 0))
    assert to_srgb(image, steep).getpixel((0, 0)) != to_srgb(image, linear).getpixel((0, 0))


def test_a_profile_is_applied_up_to_a_limit(monkeypatch):
    image, profile = Image.new("RGB", (1, 1), (128, 128, 128)), cicp_profile(1, 8)
    for limit, expected in ((len(profile), 188), (len(profile) - 1, 128)):
        monkeypatch.setattr(color, "MAX_PROFILE", limit)
        assert to_srgb(image, profile).getpixel((0, 0)) == pytest.approx((expected,) * 3, abs=1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("profile", [None, b"", b"not a profile"], ids=["none", "empty", "corrupt"])
def test_without_a_usable_profile_colors_stay(mode, profile):
    image = Image.new("RGB", (1, 1), (10, 10, 10)).convert(mode)
    result = to_srgb(image, profile)
    assert result.mode == ("RGBA" if mode == "RGBA" else "RGB")
    assert result.getpixel((0, 0))[:3] == (10, 10, 10)


def test_lab_is_converted_by_its_own_definition_whatever_profile_is_declared():
    for profile in (None, cicp_profile(1, 8)):
        grey = to_srgb(Image.new("LAB", (1, 1), (137, 128, 128)), None, profile)
        assert grey.mode == "RGB"
        assert grey.getpixel((0, 0)) == pytest.approx((128, 128, 128), abs=2)


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        pytest.param("I", [0, 100, 255], [0, 100, 255], id="within-a-byte"),
        pytest.param("I", [1, 2, 3], [1, 2, 3], id="a-few-within-a-byte"),
        pytest.param("I", [0, 1, 2], [0, 1, 2], id="a-few-from-zero"),
        pytest.param("I", [0, 128, 256], [0, 127, 255], id="one-more-than-a-byte"),
        pytest.param("I", [-1, 0, 1], [0, 127, 255], id="below-zero"),
        pytest.param("I", [1000, 2000, 3000], [0, 127, 255], id="integers"),
        pytest.param("F", [0.25, 0.5, 0.75], [0, 127, 255], id="fractions"),
        pytest.param("F", [0.0, 100.0, 200.0], [0, 127, 255], id="fractions-within-a-byte"),
        pytest.param("F", [float("nan"), -4.0, float("inf")], [255, 0, 255], id="not-finite"),
        pytest.param("F", [7.0, 7.0, 7.0], [0, 0, 0], id="all-the-same"),
    ],
)
def test_grey_without_a_fixed_white_is_stretched(mode, values, expected):
    image = Image.fromarray(np.array([values], np.int32 if mode == "I" else np.float32))
    assert image.mode == mode
    result = stretch_range(image)
    assert result.mode == "L"
    assert np.asarray(result)[0].tolist() == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("1", "RGB"), ("L", "L"), ("P", "RGB"), ("I", "I"), ("F", "F"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("LA", "RGBA"),
     ("CMYK", "CMYK"), ("YCbCr", "RGB"), ("LAB", "LAB"), ("I;16", "L"), ("I;16B", "L"), ("RGBX", "RGB")],
)  # fmt: skip
def test_every_mode_becomes_one_that_can_be_resized(mode, expected):
    result = to_resizable(Image.new(mode, (2, 3)))
    assert (result.mode, result.size) == (expected, (2, 3))
    assert result.resize((1, 1), Image.Resampling.BICUBIC).size == (1, 1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "F"])
def test_what_needs_no_change_is_not_copied(mode):
    image = Image.new(mode, (2, 3))
    assert to_resizable(image) is image
    if mode != "RGBA":
        assert flatten(image) is image
    if mode != "F":
        assert stretch_range(image) is image
    if mode == "RGB":
        assert to_srgb(image, None) is image


def test_what_is_transparent_is_put_on_white():
    image = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((0, 51, 255)):
        image.putpixel((x, 0), (0, 0, 200, alpha))
    result = flatten(image)
    assert (result.mode, result.size) == ("RGB", (3, 1))
    assert [result.getpixel((x, 0)) for x in range(3)] == [(255, 255, 255), (204, 204, 244), (0, 0, 200)]
