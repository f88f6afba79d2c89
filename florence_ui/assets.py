"""Paths of the files that ship with the project."""

from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "assets"
EXAMPLES = ASSETS / "examples"
"""Example pictures and `examples.json`."""
