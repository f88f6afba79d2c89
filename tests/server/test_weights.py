"""A model's files: found on disk, downloaded once, verified, downloaded again if corrupt, without endless waits."""

import asyncio
import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import requests
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import load_file, save_file
from server.fake_hub import COMMIT, FakeHub
from server_process import ServerProcess, wait_for

from florence_ui.server import registry
from florence_ui.server.engine import Engine
from florence_ui.server.errors import RefusalError
from florence_ui.server.registry import Model, ModelState, Source, fetch
from florence_ui.server.torch.engine import TorchEngine
from florence_ui.server.torch.runtime import Runtime
from florence_ui.server.weights import is_complete, why_incomplete

REPO = "florence-community/Florence-2-base"


@pytest.fixture
def hub(checkpoint: Path) -> Iterator[FakeHub]:
    with FakeHub(REPO, checkpoint) as running:
        yield running


@pytest.fixture
def cache(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, for this process and those it starts, and the hub to fill it from."""
    for name, value in {"HF_HOME": str(tmp_path), "HF_ENDPOINT": hub.url}.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(directory))
    return directory


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint to break."""
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


def snapshot(cache: Path) -> Path:
    return cache / f"models--{REPO.replace('/', '--')}" / "snapshots" / COMMIT


def model_from(source: Source) -> Model:
    engine: Future[Engine] = Future()
    engine.set_result(TorchEngine(Runtime("cpu", torch.float32)))
    return Model("florence-2-base", source, lambda small: engine)


def prepared(source: Source) -> Model:
    """A model after its preparation, whatever came of it."""

    async def prepare() -> Model:
        model = model_from(source)
        with contextlib.suppress(RefusalError):
            await model.ready()
        return model

    return asyncio.run(prepare())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def split(directory: Path) -> None:
    """The weights in a shard, named by an index."""
    weights = directory / "model.safetensors"
    weights.rename(directory / "model-00001-of-00001.safetensors")
    index = {"weight_map": dict.fromkeys(load_names(directory), "model-00001-of-00001.safetensors")}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


def load_names(directory: Path) -> list[str]:
    return list(load_file(next(directory.glob("*.safetensors"))))


BREAKAGES = [
    pytest.param(lambda d: (d / "config.json").unlink(), "config.json is missing", id="no-config"),
    pytest.param(lambda d: (d / "tokenizer.json").unlink(), "tokenizer.json is missing", id="no-tokenizer"),
    pytest.param(lambda d: (d / "processor_config.json").unlink(), "processor_config.json", id="no-processor"),
    pytest.param(lambda d: (d / "model.safetensors").unlink(), "model.safetensors is missing", id="no-weights"),
    pytest.param(
        lambda d: (d / "model.safetensors").rename(d / "pytorch_model.bin"), "is a pickle, which could", id="pickle"
    ),
    pytest.param(lambda d: truncate(d / "model.safetensors"), "incomplete", id="cut-off-weights"),
    pytest.param(lambda d: (d / "model.safetensors").write_bytes(b""), "incomplete", id="empty-weights"),
    pytest.param(lambda d: (d / "model.safetensors").write_bytes(b"\xff" * 64), "incomplete", id="nonsense-weights"),
    pytest.param(lambda d: (d / "model.safetensors.index.json").write_text("{}"), "cannot be read", id="empty-index"),
    pytest.param(shutil.rmtree, "does not exist", id="no-directory"),
]


@pytest.mark.parametrize(("damage", "reason"), BREAKAGES)
def test_what_is_missing_is_named(damage: Callable[[Path], object], reason: str, copy: Path) -> None:
    assert why_incomplete(copy) == ""
    damage(copy)
    assert reason in why_incomplete(copy)


@pytest.mark.parametrize(("damage", "reason"), BREAKAGES)
def test_a_broken_directory_is_unavailable_with_the_reason(
    damage: Callable[[Path], object], reason: str, copy: Path
) -> None:
    damage(copy)
    model = prepared(Source(directory=copy))
    assert model.state is ModelState.UNAVAILABLE
    assert reason in model.reason
    assert str(copy) not in model.reason


def test_shards_are_found_by_their_index(copy: Path) -> None:
    split(copy)
    assert why_incomplete(copy) == ""
    truncate(copy / "model-00001-of-00001.safetensors")
    assert "incomplete" in why_incomplete(copy)


def test_weights_that_lack_a_layer_are_not_filled_with_noise(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights.pop(next(name for name in weights if "encoder.layers.0.fc1.weight" in name))
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert is_complete(copy / "model.safetensors")
    assert "missing" in prepared(Source(directory=copy)).reason


def test_the_hubs_files_are_fetched_once(hub: FakeHub, cache: Path) -> None:
    assert prepared(Source(REPO)).state is ModelState.READY
    hub.status = 500
    assert prepared(Source(REPO)).state is ModelState.READY
    assert set(hub.downloads.values()) == {1}


def test_a_file_that_arrives_corrupt_is_fetched_again(hub: FakeHub, cache: Path) -> None:
    hub.corrupt = 1
    assert prepared(Source(REPO)).state is ModelState.READY
    assert hub.downloads["model.safetensors"] == 2
    assert hub.downloads["config.json"] == 1


def test_a_file_that_arrives_corrupt_twice_is_said(hub: FakeHub, cache: Path) -> None:
    hub.corrupt = 2
    model = prepared(Source(REPO))
    assert model.state is ModelState.UNAVAILABLE
    assert "corrupt" in model.reason


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param("model.safetensors", truncate, id="cut-off-weights"),
        pytest.param("model.safetensors", lambda path: path.unlink(), id="blob-gone"),
        pytest.param("config.json", lambda path: path.write_text("{"), id="broken-config"),
        pytest.param("tokenizer.json", lambda path: path.write_text("[]"), id="broken-tokenizer"),
    ],
)
def test_a_file_broken_on_disk_is_fetched_again(
    name: str, damage: Callable[[Path], object], hub: FakeHub, cache: Path
) -> None:
    asyncio.run(fetch(REPO, lambda *_: None))
    damage((snapshot(cache) / name).resolve())

    assert prepared(Source(REPO)).state is ModelState.READY

    assert hub.downloads.pop(name) == 2
    assert set(hub.downloads.values()) == {1}


def test_what_a_killed_download_left_behind_is_removed(hub: FakeHub, cache: Path) -> None:
    blobs = snapshot(cache).parents[1] / "blobs"
    blobs.mkdir(parents=True)
    left, growing = blobs / "a.1234.incomplete", blobs / "b.5678.incomplete"
    for path in (left, growing):
        path.write_bytes(b"half")
    os.utime(left, (time.time() - 3600,) * 2)

    asyncio.run(fetch(REPO, lambda *_: None))

    assert not left.exists()
    assert growing.exists()


@pytest.mark.parametrize(
    ("bad_day", "reason"),
    [
        pytest.param({"status": 401}, "does not offer", id="gated"),
        pytest.param({"status": 404}, "does not offer", id="no-such-repository"),
        pytest.param({"status": 500}, "status 500", id="server-error"),
    ],
)
def test_a_hub_that_refuses_is_quoted(bad_day: dict[str, int], reason: str, hub: FakeHub, cache: Path) -> None:
    vars(hub).update(bad_day)
    start = time.monotonic()
    model = prepared(Source(REPO))
    assert reason in model.reason
    assert time.monotonic() - start < 30


def test_a_hub_that_hangs_is_given_up(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "STALLED_AFTER", 4.0)
    hub.hang = True
    assert "does not answer" in prepared(Source(REPO)).reason


def test_a_download_that_stalls_is_given_up(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "STALLED_AFTER", 4.0)
    hub.pause = 1000
    assert "does not answer" in prepared(Source(REPO)).reason


def test_nothing_is_fetched_offline(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in prepared(Source(REPO)).reason
    assert not hub.downloads


def test_a_model_that_fails_is_left_alone_for_a_growing_while(
    copy: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(registry.time, "monotonic", lambda: now[0])
    shutil.rmtree(copy)

    async def tries() -> list[int]:
        model, pauses = model_from(Source(directory=copy)), []
        for _ in range(8):
            with pytest.raises(RefusalError) as refused:
                await model.ready()
            pauses.append(model.retry_in_seconds())
            assert (refused.value.status, refused.value.retry_after) == (503, pauses[-1])
            with pytest.raises(RefusalError):
                await model.ready()
            assert model.retry_in_seconds() == pauses[-1]  # asked too early: not tried
            now[0] += pauses[-1]
        shutil.copytree(checkpoint, copy)
        await model.ready()
        return pauses

    assert asyncio.run(tries()) == [5, 10, 20, 40, 80, 160, 300, 300]


def test_several_callers_wait_for_one_preparation(hub: FakeHub, cache: Path) -> None:
    async def call() -> None:
        model = model_from(Source(REPO))
        impatient = asyncio.create_task(model.ready())
        others = [asyncio.create_task(model.ready()) for _ in range(3)]
        await asyncio.sleep(0)
        impatient.cancel()
        assert len({id(loaded) for loaded in await asyncio.gather(*others)}) == 1

    asyncio.run(call())
    assert hub.downloads["model.safetensors"] == 1


def test_the_server_downloads_with_visible_progress_and_answers_meanwhile(
    hub: FakeHub, tmp_path: Path, picture: Image.Image, picture_base64: str
) -> None:
    hub.pause = 0.3
    environ = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": None, "HF_HUB_CACHE": None}
    body = {"model_id": "florence-2-base", "prompt": "<OD>", "image": {"type": "base64", "value": picture_base64}}
    replies = []
    with ServerProcess(environ=environ) as server:
        assert not server.model("florence-2-base")["on_disk"]
        caller = threading.Thread(target=lambda: replies.append(server.infer(**body, max_new_tokens=5)))
        caller.start()
        seen = []
        while caller.is_alive():
            seen.append(server.model("florence-2-base"))
            time.sleep(0.1)
        caller.join()

    percents = [status["percent"] for status in seen if status["percent"] is not None]
    states = [status["state"] for status in seen]
    assert len(set(percents)) > 2
    assert percents == sorted(percents)
    assert all(0 <= percent <= 100 for percent in percents)
    assert "loading" in states[states.index("downloading") :]
    assert replies[0].status_code == 200
    assert replies[0].headers["x-model-cold-start"] == "true"


def test_a_hub_that_cannot_be_reached_is_503_with_the_reason_within_seconds(
    server: ServerProcess, picture_base64: str
) -> None:
    body = {"model_id": "florence-2-large", "prompt": "<OD>", "image": {"type": "base64", "value": picture_base64}}
    start = time.monotonic()
    reply = server.infer(**body)
    assert time.monotonic() - start < 15
    assert reply.status_code == 503
    assert "cannot be reached" in reply.json()["message"]
    assert int(reply.headers["Retry-After"]) > 0
    status = server.model("florence-2-large")
    assert status["state"] == "unavailable"
    assert "cannot be reached" in status["reason"]


def test_preparing_does_not_block_and_ends_in_ready(checkpoint: Path, offline: dict) -> None:
    with ServerProcess("--model", f"tiny={checkpoint}", environ=offline) as server:
        assert wait_for(lambda: server.model("tiny")["on_disk"])
        start = time.monotonic()
        reply = requests.post(f"{server.url}/model/prepare", json={"model_id": "tiny"}, timeout=30)
        assert reply.status_code == 202
        assert reply.json()["state"] == "loading"
        assert time.monotonic() - start < 5
        wait_for(lambda: server.model("tiny")["state"] == "ready")
        assert requests.post(f"{server.url}/model/prepare", json={"model_id": "no"}, timeout=30).status_code == 404
