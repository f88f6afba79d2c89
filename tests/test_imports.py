"""Imports point one way, and heavy packages stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "florence_ui"

LAYERS = [
    {
        "__init__",
        "errors",
        "fonts",
        "styles",
        "avif",
        "stripping",
        "colors",
        "image_refusals",
        "connections",
        "log_throttle",
        "origins",
        "proxies",
        "visitors",
    },
    {"tasks", "settings", "storage", "gathering", "waiting", "fair_pool", "cache"},
    {"results", "backends", "images", "fetching", "limits", "logs"},
    {"opening", "reading", "filtering", "comparing", "drawing", "scripted", "plain_json", "neighbours", "model_states"},
    {"oddities", "local_server", "first_model"},
    {"parsing", "merging", "snippet_steps", "snippets", "exports"},
    {"pipeline"},
    {"object_actions", "batch"},
    {"chains", "class_strategies"},
    {"ui"},
]
"""Bottom first: a module imports from its own layer or below, never from above."""

BESIDE = {
    "server": {"errors", "tasks", "images", "fetching", "connections", "log_throttle", "origins", "__init__"},
    "nano": {"errors", "tasks"},
}
"""Programs of their own, and what they share with the page."""

ONLY_IN = {
    "gradio": {"ui"},
    "inference_sdk": {"backends"},
    "torch": {"server", "nano"},
    "transformers": {"server", "nano"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The first name below the package: a module, or a folder's name."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Dotted names of everything a file imports, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_parts(path: Path) -> set[str]:
    """The parts of this package that a file imports."""
    parts = {name.split(".")[1] for name in imported(path) if name.startswith("florence_ui.")}
    known = {part_of(p) for p in modules()}
    return parts & known


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    part, used = part_of(path), own_parts(path)
    if part in BESIDE:
        assert used <= BESIDE[part] | {part}
        return
    if part == "bench":
        return  # it measures everything, so it may use everything; nobody uses it (see below)
    level = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    assert part in level, f"{part} has no layer yet: give it one"
    above = {name for name in used if level.get(name, len(LAYERS)) > level[part]}
    assert not above, f"{path.name} imports from above: {above}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_stay_in_their_part(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    for package, parts in ONLY_IN.items():
        if package in roots:
            assert part_of(path) in parts | {"bench"}, f"{path.name} may not import {package}"


def test_only_the_front_door_imports_the_page() -> None:
    for path in modules():
        if part_of(path) not in ("ui", "bench"):
            assert "ui" not in own_parts(path), f"{path.name} imports the page"
        if part_of(path) != "bench":
            assert "bench" not in own_parts(path), f"{path.name} imports the benchmark"


def test_the_page_never_loads_the_model_packages() -> None:
    code = "import app, sys; print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
