"""The folder that becomes a Space: the app, and the README and requirements of its hardware.

The front matter's fields are those of https://huggingface.co/docs/hub/spaces-config-reference.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from florence_ui.models import BASE, REPOSITORIES
from florence_ui.publish.hardware import Hardware

ROOT = Path(__file__).parents[2]
COPIED = ("app.py", "florence_ui", "assets", "docs", "packages.txt", "requirements.txt", "LICENSE", "CHANGELOG.md",
          "CONTRIBUTING.md", "SECURITY.md", "Dockerfile")  # fmt: skip
"""What the app runs, and what its README links to."""
LEFT_OUT = ("__pycache__", "*.pyi", "nano", "bench", "publish", "benchmark.json")
"""Parts that never run in the app."""
MODEL = REPOSITORIES[BASE]


def write_folder(
    folder: Path, hardware: Hardware, *, preload: str = "", sign_in: bool = False, embedding: bool = True
) -> None:
    """Write everything that a Space of this kind needs into a new or empty folder.

    Args:
        folder: Where to write.
        hardware: What the Space runs on.
        preload: What the Space fetches while it is built: a repository, its files and a commit; empty for nothing.
        sign_in: Whether visitors may sign in with their Hugging Face account.
        embedding: Whether other websites may embed it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
        else:
            shutil.copy2(source, folder / name)
    (folder / "requirements.txt").write_text(requirements(hardware), encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    fields = front_matter(hardware, preload=preload, sign_in=sign_in, embedding=embedding)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(fields, sort_keys=False)}---\n\n{readme}", "utf-8")


def requirements(hardware: Hardware) -> str:
    """The text of a Space's `requirements.txt`."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    extra = list(hardware.requirements)
    if hardware.torch:
        lines = (ROOT / "requirements-torch.txt").read_text(encoding="utf-8").splitlines()
        (transformers,) = [line for line in lines if line.startswith("transformers==")]
        extra += [f"torch=={hardware.torch}", transformers]
    return "\n".join([text.rstrip(), *extra, ""])


def front_matter(
    hardware: Hardware, *, preload: str = "", sign_in: bool = False, embedding: bool = True
) -> dict[str, Any]:
    """The fields at the top of a Space's README."""
    fields: dict[str, Any] = {
        "title": "Florence-2 playground",
        "emoji": "🖼️",
        "colorFrom": "green",
        "colorTo": "gray",
        "sdk": "gradio",
        "sdk_version": pinned("gradio"),
        "python_version": hardware.python,
        "app_file": "app.py",
        "header": "mini",
        "license": "mit",
        "short_description": "See what one small vision model sees: sixteen tasks",
        "thumbnail": "assets/screenshots/thumbnail.png",
        "suggested_hardware": hardware.name,
        "startup_duration_timeout": "30m",
        "models": list(REPOSITORIES.values()),
        "tags": ["florence-2", "vision", "object-detection", "ocr", "image-captioning", "image-segmentation"],
    }
    if preload:
        fields["preload_from_hub"] = [preload]
    if sign_in:
        fields["hf_oauth"] = True
    if not embedding:
        fields["disable_embedding"] = True
    return fields


def pinned(package: str) -> str:
    """The version of a package in `requirements.txt`."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (version,) = re.findall(rf"^{package}==(\S+)$", text, re.MULTILINE)
    return version
