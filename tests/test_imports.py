"""Imports go in one direction, and heavy packages stay where they belong."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "florence_ui"

LAYERS = [
    {"__init__", "assets", "errors", "fonts", "log_throttle", "memory", "models", "network", "redaction", "wording"},
    {"backend_presets", "settings_readers", "tasks", "visitor_identity"},
    {"concurrency", "prompts", "settings", "storage"},
    {"logs"},
    {"backends", "images", "results"},
    {"rendering"},
    {"inference"},
    {"doctor", "exports", "hosting"},
    {"visitors"},
    {"api", "ui"},
    {"playground"},
]
"""Rooms, bottom first: each imports from lower layers only, never from its own layer or above."""

STANDALONE = {
    "server": {
        "__init__",
        "assets",
        "errors",
        "images",
        "log_throttle",
        "memory",
        "models",
        "network",
        "prompts",
        "tasks",
    },
    "nano": {"assets", "errors", "models", "prompts", "tasks", "results", "server", "wording"},
    "record": {"assets", "errors", "inference", "models", "network", "settings"},
    "bench": None,
    "zero_gpu": {"backends", "models", "server"},
    "publish": {"errors", "models", "server"},
}
"""Programs of their own that the app never imports, and what they may import; the benchmark measures everything."""

ONLY_IN = {
    "gradio": {"ui", "api", "visitors", "hosting", "playground"},
    "inference_sdk": {"backends"},
    "onnxruntime": {"server/onnx"},
    "tokenizers": {"server/processing", "nano"},
    "torch": {"server/torch", "nano"},
    "transformers": {"server/torch", "nano"},
}


@cache
def modules() -> tuple[Path, ...]:
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def rooms() -> frozenset[str]:
    return frozenset(part_of(path) for path in modules())


def part_of(path: Path) -> str:
    """The first name below the package: a module, or a folder's name."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def dotted(path: Path) -> str:
    """The name by which a module is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imported(path: Path) -> frozenset[str]:
    """Dotted names of everything a file imports, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def own_parts(path: Path) -> set[str]:
    """The parts of this package that a file imports."""
    parts = {name.split(".")[1] for name in imported(path) if name.startswith("florence_ui.")}
    return parts & rooms()


LEVEL = {room: level for level, layer in enumerate(LAYERS) for room in layer}


def not_below(room: str, used: set[str]) -> set[str]:
    """What a room uses although it may not."""
    if room in STANDALONE:
        allowed = STANDALONE[room]
        return set() if allowed is None else used - allowed
    return {other for other in used if LEVEL.get(other, len(LAYERS)) >= LEVEL[room]}


def test_every_room_has_a_layer() -> None:
    assert {part_of(path) for path in modules()} - {*LEVEL, *STANDALONE} == set()


def test_imports_point_downward() -> None:
    wrong = {}
    for path in modules():
        room = part_of(path)
        if used := not_below(room, own_parts(path) - {room}):
            wrong[dotted(path)] = used
    assert wrong == {}, "modules, and what they import although it is not below them"


@pytest.mark.parametrize("package", sorted({part_of(p) for p in modules() if p.parent != PACKAGE}))
def test_modules_of_a_room_import_each_other_in_one_direction(package: str) -> None:
    paths = {dotted(path): path for path in modules() if part_of(path) == package}
    graph = {name: (imported(path) & set(paths)) - {name} for name, path in paths.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def misplaced_packages(path: Path) -> set[str]:
    """Heavy packages that a module imports although its room is not one of theirs."""
    roots = {name.split(".")[0] for name in imported(path)}
    inside = path.relative_to(PACKAGE).with_suffix("")
    around = {part.as_posix() for part in (inside, *inside.parents)}
    return {package for package, rooms in ONLY_IN.items() if package in roots and not around & (rooms | {"bench"})}


def test_heavy_packages_stay_in_their_part() -> None:
    wrong = {dotted(path): found for path in modules() if (found := misplaced_packages(path))}
    assert wrong == {}


@pytest.mark.server
def test_the_page_never_loads_the_model_packages() -> None:
    code = "import app, sys; print(sorted({'onnxruntime', 'tokenizers', 'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
