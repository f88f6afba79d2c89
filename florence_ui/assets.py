"""Paths of the files that ship with the project."""

from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "assets"
EXAMPLES = ASSETS / "examples"
"""Drawn scenes and `examples.json`."""
PHOTOGRAPHS = ASSETS / "photographs"
"""Photographs and `examples.json`."""
RECORDINGS = ASSETS / "recordings"
"""Recorded answers about these pictures, written by `python -m florence_ui.record`."""
