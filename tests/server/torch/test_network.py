"""PyTorch's network gives the ids of plain transformers."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from server.plain_transformers import PlainTransformers
from tiny_checkpoint import build_checkpoint
from transformers import DynamicCache

from florence_ui.server import weights
from florence_ui.server.engine import Question
from florence_ui.server.florence import Florence2, load
from florence_ui.server.torch.engine import TorchEngine
from florence_ui.server.torch.runtime import Runtime

NEW_TOKENS = 40


@pytest.fixture(autouse=True)
def as_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the tiny checkpoint the precision that it is asked for, not that of small ones."""
    monkeypatch.setattr(weights, "SMALL_WEIGHTS", 0)


def question(florence: Florence2, picture: Image.Image, prompt: str, max_new_tokens: int = NEW_TOKENS) -> Question:
    (features,) = florence.network.see([florence.processor.pixel_values(picture)])
    return Question(features, florence.processor.tokenizer.encode(prompt), max_new_tokens, threading.Event())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_kept_features_give_the_same_ids(dtype: torch.dtype, checkpoint: Path, picture: Image.Image) -> None:
    florence = load(checkpoint, TorchEngine(Runtime("cpu", dtype)))
    plain = PlainTransformers(checkpoint, dtype)
    first = question(florence, picture, "<OD>")
    for prompt in ("<OD>", "<CAPTION>", "<OD>"):
        again = Question(first.features, florence.processor.tokenizer.encode(prompt), NEW_TOKENS, threading.Event())
        assert florence.network.answer([again]) == [plain.ids(picture, prompt, NEW_TOKENS)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_beams_that_overtake_each_other_change_no_answer(dtype: torch.dtype, checkpoint: Path) -> None:
    """What the decoder keeps of the encoder is not copied when beams change places, because it is all the same."""
    florence = load(checkpoint, TorchEngine(Runtime("cpu", dtype)))
    plain = PlainTransformers(checkpoint, dtype)
    noise = np.random.default_rng(1)
    orders, lengths, reorder = [], [], DynamicCache.reorder_cache

    def keep(cache: DynamicCache, order: torch.Tensor) -> None:
        orders.append(order.tolist())
        lengths.append(cache.get_seq_length())
        reorder(cache, order)

    for _ in range(2):
        picture = Image.fromarray(noise.integers(0, 255, (100, 140, 3), dtype=np.uint8))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DynamicCache, "reorder_cache", keep)
            ids = florence.network.answer([question(florence, picture, "<OD>")])
        assert ids == [plain.ids(picture, "<OD>", NEW_TOKENS)]

    assert any(order != [0, 1, 2] for order in orders)
    assert lengths[: NEW_TOKENS - 1] == list(range(1, NEW_TOKENS))  # of what the beams wrote, not of the picture


@pytest.mark.filterwarnings("ignore:Unfeasible length constraints")
def test_a_generation_ends_when_it_is_told_to(picture: Image.Image, tmp_path: Path) -> None:
    florence = load(build_checkpoint(tmp_path, slow=True), TorchEngine(Runtime("cpu", torch.float32)))
    stopped, asked = question(florence, picture, "<OD>", 1000), question(florence, picture, "<OD>", 100)
    threading.Timer(0.5, stopped.stop.set).start()
    start = time.monotonic()
    florence.network.answer([stopped])
    stopped_after = time.monotonic() - start
    start = time.monotonic()
    florence.network.answer([asked])
    assert stopped_after < 10 * (time.monotonic() - start)  # it would have been a thousand tokens
