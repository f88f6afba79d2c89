"""A font for every label: DejaVu Sans if it has the characters, otherwise another installed font.

DejaVu Sans (Latin, Greek, Cyrillic and more) comes with matplotlib, which supervision installs. It is found by path,
because importing matplotlib would add a second to every start. The characters of other fonts are read with fontTools,
which comes the same way, and only when a label needs them.
"""

import sys
import unicodedata
from collections.abc import Iterable
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import ImageFont

FOLDERS = {
    "linux": ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": ("C:/Windows/Fonts",),
}
FAMILIES = (
    "NotoSansCJK-Regular", "NotoSansCJKsc-Regular", "NotoSansSC", "NotoSansJP", "NotoSansKR", "wqy-microhei",
    "wqy-zenhei", "DroidSansFallback", "ipag", "NanumGothic", "PingFang", "Hiragino", "msyh", "msgothic", "malgun",
    "NotoSansArabic-Regular", "NotoNaskhArabic-Regular", "NotoSansHebrew-Regular", "NotoSansDevanagari-Regular",
    "Lohit-Devanagari", "NotoSansBengali-Regular", "NotoSansTamil-Regular", "NotoSansTelugu-Regular",
    "NotoSansThai-Regular", "Loma", "Garuda",
    "NotoSansGeorgian-Regular", "NotoSansArmenian-Regular", "NotoSansEthiopic-Regular", "Nirmala", "leelawad",
    "NotoSansSymbols2-Regular", "NotoSansSymbols-Regular", "NotoEmoji", "Symbola", "seguisym", "Arial Unicode",
    "unifont", "FreeSans",
)  # fmt: skip
"""Prefixes of the file names of fonts for other scripts, preferred ones first."""
SUFFIXES = {".ttf", ".otf", ".ttc"}
DEJAVU_END = 0x0530
"""DejaVu Sans has every letter of Latin, Greek and Cyrillic below this code point."""
SCRIPTS = {"Cjk": "Chinese", "Hiragana": "Japanese", "Katakana": "Japanese", "Hangul": "Korean"}
"""First word of a Unicode character name -> the common name of its script, where that differs."""
EAST_ASIAN_SIGNS = (range(0x3000, 0x3040), range(0xFF00, 0xFFF0))
"""Punctuation and wide letters that Chinese, Japanese and Korean share."""
LINE = "Tg"
"""Letters from the top to the bottom of a line."""
MAX_MARKS = 2
"""Maximum number of accents that a letter keeps in a drawing."""


@cache
def find_dejavu() -> str | None:
    """Path of DejaVu Sans; None without matplotlib, which leaves Pillow's own font (Latin only)."""
    spec = find_spec("matplotlib")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
        if path.is_file():
            return str(path)
    return next((path for path in _find_font_files("DejaVuSans.ttf")), None)


def find_font(text: str) -> str | None:
    """Path of the font that has the most characters of a text; DejaVu Sans if none has more."""
    others = {c for c in text if ord(c) >= DEJAVU_END and not c.isspace()}
    missing = {c for c in others if ord(c) not in _code_points(find_dejavu())}
    best, most = find_dejavu(), 0
    for path in _fallbacks() if missing else ():
        has = sum(ord(c) in _code_points(path) for c in others)
        if has > max(most, len(others) - len(missing)):
            best, most = path, has
        if most == len(others):
            break
    return best


def scripts_without_font(texts: Iterable[str]) -> list[str]:
    """Names of the scripts with characters that no installed font has, in order of appearance."""
    names: dict[str, None] = {}
    for text in map(clean_label, dict.fromkeys(texts)):
        others = [c for c in text if ord(c) >= DEJAVU_END and not c.isspace()]
        if others:
            has = _code_points(find_font(text))
            names.update((script_name(c), None) for c in others if ord(c) not in has)
    return list(names)


def script_name(character: str) -> str:
    """The common name of a character's script: "Korean", "Thai", "symbols"."""
    if any(ord(character) in signs for signs in EAST_ASIAN_SIGNS):
        return "Chinese"
    if unicodedata.category(character)[0] in "SC":
        return "symbols"
    first = unicodedata.name(character, "symbols").split()[0].capitalize()
    return SCRIPTS.get(first, first)


@cache
def load_font(path: str | None, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load a font at a height in pixels."""
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


class LineFont(ImageFont.FreeTypeFont):
    """A font whose texts are all as high as a line, whatever their letters, so that their labels are."""

    def getbbox(self, text: str | bytes, *args: Any, **options: Any) -> tuple[float, float, float, float]:
        """The text's box in width, the line's in height."""
        left, _, right, _ = super().getbbox(text, *args, **options)
        return left, self._line[1], right, self._line[3]

    @cached_property
    def _line(self) -> tuple[float, float, float, float]:
        return super().getbbox(LINE)


@cache
def load_line_font(path: str | None, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load a font at a height in pixels, for labels of one height."""
    return LineFont(path, size) if path else load_font(path, size)


def clean_label(text: str) -> str:
    """Clean a label for one line of a drawing; lists and files keep the original.

    Control and direction characters, which would reorder or hide their neighbors, are removed, whitespace becomes one
    space, and a letter keeps at most `MAX_MARKS` accents.
    """
    kept: list[str] = []
    marks = 0
    for character in text[:MAX_CHARACTERS]:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if character.isspace() or category == "Cc":
            kept.append(" ")
        elif category not in ("Cf", "Cs") and marks <= MAX_MARKS:
            kept.append(character)
    return " ".join("".join(kept).split())


MAX_CHARACTERS = 300


def truncate(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """Shorten a text with an ellipsis to `width` pixels, if one letter fits."""
    if font.getlength(text) <= width:
        return text
    low, high = 1, len(text) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle] + "…") <= width else (low, middle - 1)
    return text[:low].rstrip() + "…"


@cache
def _fallbacks() -> tuple[str, ...]:
    """Installed fonts of other scripts, preferred ones first, one file a family."""
    found = [next(iter(_find_font_files(name)), None) for name in FAMILIES]
    return tuple(path for path in found if path)


@cache
def _font_files() -> tuple[Path, ...]:
    folders = (Path(folder).expanduser() for folder in FOLDERS.get(sys.platform, ()))
    return tuple(p for folder in folders if folder.is_dir() for p in sorted(folder.rglob("*")) if p.suffix in SUFFIXES)


def _find_font_files(name: str) -> list[str]:
    return [str(path) for path in _font_files() if path.name.startswith(name)]


@cache
def _code_points(path: str | None) -> frozenset[int]:
    """Code points of a font file; none if it cannot be read."""
    from fontTools.ttLib import TTFont, TTLibError  # late: costs time, and few labels need it

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (TTLibError, OSError, TypeError, AssertionError, KeyError):
        return frozenset()
