"""Florence-2's own processor as the reference."""

from typing import Any

import pytest

from florence_ui.assets import ASSETS
from florence_ui.models import NANO


@pytest.fixture(scope="session")
def processor() -> Any:
    """The processor of the checkpoint that ships."""
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(ASSETS / NANO, local_files_only=True)
