"""Rows 19 to 22: what the local server costs: the disk, the memory and the seconds before the first answer."""

import importlib.metadata
import statistics
import tempfile
import time
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from florence_ui.bench.measuring import Measurement, Scale, Target
from florence_ui.bench.photographs import photograph
from florence_ui.bench.rows.serving import ALIAS, LIGHT, LONG, ask, local_server
from florence_ui.images.encoding import encode_jpeg
from florence_ui.models import NANO

REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements.txt"
MEGABYTE, GIGABYTE = 1e6, 1e9
IDLE = 30.0
"""Seconds for which an idle server is watched."""


def installed_size(scale: Scale) -> Measurement:
    """Row 19: the files of all packages that requirements.txt brings."""
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    packages = with_dependencies(applicable([line for line in lines if line]))
    sizes = {name: package_size(name) / GIGABYTE for name in packages}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
    notes = f"{len(sizes)} packages, the largest {', '.join(f'{name} {sizes[name]:.2f}' for name in largest)}"
    what = "what requirements.txt installs on this machine"
    return Measurement(19, what, [sum(sizes.values())], Target(1.1, "GB"), notes)


def with_dependencies(requirements: list[Requirement]) -> set[str]:
    """The names of the installed packages that these need on this machine, and their own."""
    found: set[tuple[str, str]] = set()
    while requirements:
        requirement = requirements.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in found:
                found.add((name, extra))
                requirements += applicable(importlib.metadata.requires(name) or [], extra)
    return {name for name, _ in found}


def applicable(lines: list[str], extra: str = "") -> list[Requirement]:
    """The requirements that count on this machine."""
    requirements = map(Requirement, lines)
    return [each for each in requirements if not each.marker or each.marker.evaluate({"extra": extra})]


def package_size(name: str) -> int:
    """Bytes of a package's files."""
    files = (Path(str(file.locate())) for file in importlib.metadata.files(name) or [])
    return sum(file.stat().st_size for file in files if file.is_file())


def memory_at_rest(scale: Scale) -> Measurement:
    """Row 20: the server with a network of base's size, loaded and used."""
    return Measurement(
        20, "memory of the local server with base's size at rest", [base_sized_memory("VmRSS")], Target(1.4, "GB")
    )


def memory_in_an_answer(scale: Scale) -> Measurement:
    """Row 21: the most that it ever took, loading included."""
    return Measurement(
        21, "memory of the local server with base's size at its peak", [base_sized_memory("VmHWM")], Target(2, "GB")
    )


def base_sized_memory(name: str) -> float:
    """Gigabytes after two answers, by their name in /proc."""
    from florence_ui.bench.base_sized import write_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder))
        with local_server([*LIGHT, "--model", f"{ALIAS}={folder}"]) as (url, process):
            for seed in range(2):
                ask(url, encode_jpeg(photograph(1, seed)), "<CAPTION>", LONG)
            return read_memory(process, name) / GIGABYTE


def first_answer(scale: Scale) -> Measurement:
    """Row 22: from the server's start to nano's first answer, and what the server costs while nobody asks."""
    seconds, starts = [], []
    for _ in range(min(scale.pairs, 5)):
        began = time.perf_counter()
        with local_server(LIGHT) as (url, _):
            starts.append(time.perf_counter() - began)
            ask(url, encode_jpeg(photograph(1, 0)), "<OD>", model_id=NANO)
            seconds.append(time.perf_counter() - began)
    with local_server(LIGHT) as (_, process):
        memory = read_memory(process, "VmRSS") / MEGABYTE
        before = processor_seconds(process)
        time.sleep(IDLE)
        share = (processor_seconds(process) - before) / IDLE
    notes = f"/info after {statistics.median(starts):.2f} s; idle {memory:.0f} MB and {share:.1%} of a core"
    return Measurement(22, "from the start of the local server to nano's first answer", seconds, Target(2, "s"), notes)


def read_memory(process: int, name: str) -> int:
    """Bytes of a process: VmRSS now, VmHWM at most (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return int(values[name].removesuffix("kB")) * 1024


def processor_seconds(process: int) -> float:
    """Processor time of a process so far (https://man7.org/linux/man-pages/man5/proc_pid_schedstat.5.html)."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{process}/task").glob("*/schedstat")) / 1e9
