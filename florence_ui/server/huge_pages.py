"""Memory in pages of 2 MB instead of 4 kB.

On a network of base's size an answer of the light engine takes 7 % less time so, and its peak is 0.2 GB lower. glibc
asks Linux for such pages if its environment says so when the process starts, and at no other time; and hardly for what
threads allocate in arenas of their own:
https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
"""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

TUNABLES = "GLIBC_TUNABLES"
HUGE_PAGES, MAX_ARENAS = "glibc.malloc.hugetlb", "glibc.malloc.arena_max"
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
ON_REQUEST = "[madvise]"
"""Linux's usual setting, in which a program has to ask; with the others, asking changes nothing."""


def restart_with_huge_pages() -> None:
    """Run the same command in this process once more, unless that would change nothing."""
    environ = with_huge_pages(os.environ)
    if environ is not None and sys.platform == "linux" and platform.libc_ver()[0] == "glibc" and is_on_request():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)


def with_huge_pages(environ: Mapping[str, str]) -> dict[str, str] | None:
    """An environment that asks for such pages; None if it already says whether to."""
    tunables = environ.get(TUNABLES, "")
    if HUGE_PAGES in tunables:
        return None
    return {**environ, TUNABLES: ":".join(filter(None, [tunables, f"{HUGE_PAGES}=1", f"{MAX_ARENAS}=1"]))}


def is_on_request(setting: Path = SETTING) -> bool:
    """Whether a program gets huge pages if it asks for them, and only then."""
    try:
        return ON_REQUEST in setting.read_text()
    except OSError:
        return False
