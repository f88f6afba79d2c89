"""Private parts of Gradio, Starlette and uvicorn are used in `hosting/gradio_internals` only.

This is a static check by names: a private name counts as foreign if a module reads it without defining it. Computed
names escape it.
"""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "florence_ui"
INTERNALS = PACKAGE / "hosting" / "gradio_internals"
MODULES = sorted(path for path in [*PACKAGE.rglob("*.py"), PACKAGE.parent / "app.py"] if INTERNALS not in path.parents)
WITH_GRADIO = ("ui", "api", "visitors", "hosting", "network")
FRAMEWORKS = ("gradio", "gradio_client", "starlette", "uvicorn")
OTHER_LIBRARIES = {"_exit": "os", "_construct_prompts": "transformers", "_server": "aiohttp", "_Tile": "Pillow"}
"""Private names that are read elsewhere, and whose they are."""


def private(name: object) -> bool:
    return isinstance(name, str) and name.startswith("_") and not name.startswith("__")


def defined_names(tree: ast.Module) -> set[str]:
    """Names of functions and classes, of fields, and of what is set on `self` or `cls`."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


def foreign_private_names(source: str) -> set[str]:
    """Private names that a module reads without defining them, or imports from a framework."""
    tree, names = ast.parse(source), set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Attribute(attr=name)
                | ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr"), args=[_, ast.Constant(value=name), *_])
            ):
                names.add(name)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in FRAMEWORKS:
                names |= {*module.split("."), *(alias.name for alias in node.names)}
    return {name for name in names if private(name)} - defined_names(tree)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("blocks._queue", id="attribute"),
        pytest.param("blocks._queue = None", id="set"),
        pytest.param("getattr(blocks, '_queue', None)", id="getattr"),
        pytest.param("from gradio._queue import Queue", id="module"),
        pytest.param("from gradio.queueing import _queue", id="import"),
        pytest.param("class Parser(Base):\n    def f(self):\n        return self._queue", id="inherited"),
    ],
)
def test_a_private_part_is_found(source: str) -> None:
    assert foreign_private_names(source) == {"_queue"}


def test_private_parts_are_touched_in_one_package_only() -> None:
    found = {
        str(path.relative_to(PACKAGE.parent)): names
        for path in MODULES
        if (names := foreign_private_names(path.read_text("utf-8")) - set(OTHER_LIBRARIES))
    }
    assert found == {}, f"move what touches them into hosting/{INTERNALS.name}, with a test of its promise"


@pytest.mark.parametrize("room", WITH_GRADIO)
def test_no_class_outside_overrides_a_private_method_of_a_framework(room: str) -> None:
    for path in (path for path in MODULES if PACKAGE / room in path.parents):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for kind in vars(importlib.import_module(name)).values():
            if inspect.isclass(kind) and kind.__module__ == name:
                bases = [base for base in kind.__mro__ if base.__module__.split(".")[0] in FRAMEWORKS]
                theirs = {part for base in bases for part, value in vars(base).items() if inspect.isfunction(value)}
                assert not [part for part in vars(kind) if private(part) and part in theirs], f"{name}.{kind.__name__}"
