"""Florence-2 in the page's own process, on the GPU that a ZeroGPU Space is lent for the seconds of each turn.

Import this module on ZeroGPU only, in the main thread, before the page is launched: it loads the models at once, where
`spaces` keeps them until a turn begins. A turn runs in a process that `spaces` forks, and `answer` is called there.

How ZeroGPU works: https://huggingface.co/docs/hub/spaces-zerogpu
"""

import io
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import spaces  # before torch: it prepares torch for a card that is not there yet
from huggingface_hub import snapshot_download
from PIL import Image

from florence_ui.backends.zero_gpu import TurnCall, turn_seconds, use
from florence_ui.models import REPOSITORIES
from florence_ui.server.errors import RefusalError
from florence_ui.server.florence import Florence2, load
from florence_ui.server.torch.engine import TorchEngine
from florence_ui.server.torch.runtime import choose_runtime
from florence_ui.server.weights import PATTERNS


@spaces.GPU(duration=turn_seconds)
def answer(calls: Sequence[TurnCall]) -> list[dict[str, Any]]:
    """Answer all calls in one turn.

    Returns:
        One record a call, as a server's body: `response` and `image`, or `refused`, the reason in a sentence.
    """
    return [_answer_one(call) for call in calls]


def _answer_one(call: TurnCall) -> dict[str, Any]:
    model = MODELS.get(call.model_id)
    if model is None:
        return {"refused": f"This Space has no {call.model_id}. Choose {' or '.join(MODELS)}."}
    image = Image.open(io.BytesIO(call.image)).convert("RGB")
    try:
        inquiry = model.inquire(image, call.prompt, None, threading.Event())
    except RefusalError as error:
        return {"refused": str(error)}
    (ids,) = model.generate([inquiry])
    response = model.read(inquiry, ids)
    return {"response": response, "image": {"width": image.width, "height": image.height}}


def load_models(environ: Mapping[str, str]) -> dict[str, Florence2]:
    """Load the models that the operator lends, or both.

    Args:
        environ: `FLORENCE_UI_MODELS`, and the Hub's variables.
    """
    lent = [name.strip() for name in environ.get("FLORENCE_UI_MODELS", "").split(",")]
    wanted = [alias for alias in REPOSITORIES if alias in lent] or list(REPOSITORIES)
    engine = TorchEngine(choose_runtime(), records=False)
    return {alias: load(_directory(alias), engine) for alias in wanted}


def _directory(alias: str) -> Path:
    return Path(snapshot_download(REPOSITORIES[alias], allow_patterns=PATTERNS))


MODELS = load_models(os.environ)
use(answer)
