"""A tiny checkpoint, a server with it, and a picture, for all tests of the server."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from server_process import ServerProcess
from tiny_checkpoint import build_checkpoint, to_base64


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny Florence-2 with random weights."""
    return build_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """An environment with an empty cache and a Hub where nobody answers."""
    home = tmp_path_factory.mktemp("hub")
    return {"HF_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": None, "HF_HUB_CACHE": None}


@pytest.fixture(scope="session")
def server(checkpoint: Path, offline: dict[str, str | None]) -> Iterator[ServerProcess]:
    """A running server that knows the checkpoint as `tiny`."""
    with ServerProcess("--model", f"tiny={checkpoint}", environ=offline) as running:
        yield running


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A picture of 140 x 100 pixels in which every pixel is different."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (100, 140, 3), dtype=np.uint8))


@pytest.fixture(scope="session")
def picture_base64(picture: Image.Image) -> str:
    """The same picture as a PNG in base64."""
    return to_base64(picture)
