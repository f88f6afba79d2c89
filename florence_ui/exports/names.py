"""Names of files in an archive."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePath

MAX_NAME = 80
MAX_NAME_BYTES = 160
"""File systems allow 255 bytes in UTF-8, and a task, a number and a suffix may follow."""


def safe_name(text: str, *, fallback: str = "picture") -> str:
    """Reduce text to part of a file name: letters, digits, `-` and `_`, no path, no leading dot, bounded length."""
    normalized = unicodedata.normalize("NFKC", text[: 4 * MAX_NAME])
    name = re.sub(r"[^\w-]+", "-", normalized).strip("-_")[:MAX_NAME]
    name = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip("-_")
    reserved = re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", name)  # Windows opens devices by these names
    return f"{fallback}-{name}" if reserved else name or fallback


def unique_stems(files: Iterable[str]) -> list[str]:
    """Names of files without their suffixes, safe and unique, on case-insensitive file systems too."""
    taken: set[str] = set()
    unique = []
    for name in (safe_name(PurePath(file).stem) for file in files):
        candidate, number = name, 2
        while candidate.casefold() in taken:
            candidate, number = f"{name}-{number}", number + 1
        taken.add(candidate.casefold())
        unique.append(candidate)
    return unique
