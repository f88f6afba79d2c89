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
    known = {part_of(p) for p in modules()}
    return parts & known


LEVEL = {room: level for level, layer in enumerate(LAYERS) for room in layer}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    room, used = part_of(path), own_parts(path)
    used.discard(room)
    if room in STANDALONE:
        assert STANDALONE[room] is None or used <= STANDALONE[room]
        return
    assert room in LEVEL, f"{room} has no layer yet: give it one"
    not_below = {other for other in used if LEVEL.get(other, len(LAYERS)) >= LEVEL[room]}
    assert not not_below, f"{path.name} imports what is not below {room}: {not_below}"


@pytest.mark.parametrize("package", sorted({part_of(p) for p in modules() if p.parent != PACKAGE}))
def test_modules_of_a_room_import_each_other_in_one_direction(package: str) -> None:
    paths = {dotted(path): path for path in modules() if part_of(path) == package}
    graph = {name: (imported(path) & set(paths)) - {name} for name, path in paths.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_stay_in_their_part(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    inside = path.relative_to(PACKAGE).with_suffix("")
    around = {part.as_posix() for part in (inside, *inside.parents)}
    for package, rooms in ONLY_IN.items():
        if package in roots:
            assert around & (rooms | {"bench"}), f"{path.name} may not import {package}"


@pytest.mark.server
def test_the_page_never_loads_the_model_packages() -> None:
    code = "import app, sys; print(sorted({'onnxruntime', 'tokenizers', 'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
