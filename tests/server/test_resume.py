"""Interrupted downloads resume, over real ranges; meanwhile their size, speed and time are reported."""

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from server.fake_hub import CHUNK, COMMIT, FakeHub
from server_process import ServerProcess, wait_for
from tiny_checkpoint import build_checkpoint

from florence_ui.server import download, transfer_rate
from florence_ui.server.registry import ModelUnavailableError, fetch
from florence_ui.server.transfer_rate import TransferRate

REPO = "florence-community/Florence-2-base"
WEIGHTS = "model.safetensors"
BALLAST = 6 * 2**20


@pytest.fixture(scope="module")
def large_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = build_checkpoint(tmp_path_factory.mktemp("large"))
    ballast = {"ballast": torch.arange(BALLAST // 4, dtype=torch.float32)}  # no part of the network: left out
    save_file(load_file(directory / WEIGHTS) | ballast, directory / WEIGHTS, metadata={"format": "pt"})
    return directory


@pytest.fixture
def hub(large_checkpoint: Path) -> Iterator[FakeHub]:
    with FakeHub(REPO, large_checkpoint) as running:
        yield running


@pytest.fixture
def blobs(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache's contents, for the programs that this process starts, and the hub to fill it from."""
    for name, value in {"HF_HOME": str(tmp_path), "HF_ENDPOINT": hub.url}.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "hub" / f"models--{REPO.replace('/', '--')}" / "blobs"


def fetch_now() -> tuple[Path, list[tuple[int, int, int]]]:
    """The directory of a download, and what was told on its way."""
    told: list[tuple[int, int, int]] = []
    return asyncio.run(fetch(REPO, lambda *counts: told.append(counts))), told


def kill_in_the_middle(hub: FakeHub, at: int) -> None:
    """A download whose program is killed when so many bytes of the weights have been sent."""

    async def fetch_and_kill() -> None:
        task = asyncio.create_task(fetch(REPO, lambda *_: None))
        await asyncio.to_thread(wait_for, lambda: hub.sent[WEIGHTS] >= at)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    hub.pause = 0.03
    asyncio.run(fetch_and_kill())
    hub.pause = 0.0


def is_whole(directory: Path, hub: FakeHub) -> bool:
    return all(hashlib.sha256((directory / name).read_bytes()).digest() == hashlib.sha256(data).digest()
               for name, data in hub.files.items())  # fmt: skip


def test_a_killed_download_goes_on_where_it_was(hub: FakeHub, blobs: Path) -> None:
    kill_in_the_middle(hub, BALLAST // 2)
    partial = next(blobs.glob("*.incomplete"))
    here, sent = partial.stat().st_size, hub.sent[WEIGHTS]
    assert here > BALLAST // 3

    directory, told = fetch_now()

    assert is_whole(directory, hub)
    again = hub.sent[WEIGHTS] - sent
    assert again == pytest.approx(len(hub.files[WEIGHTS]) - here, abs=4 * CHUNK), "only what was missing"
    assert not list(blobs.glob("*.incomplete"))
    assert told[-1][0] == told[-1][1] == sum(map(len, hub.files.values()))
    assert told[-1][2] == here
    counts = [downloaded for downloaded, _, _ in told]
    assert counts == sorted(counts)


def test_a_connection_that_breaks_off_again_and_again_ends_in_a_whole_file(hub: FakeHub, blobs: Path) -> None:
    hub.break_after = BALLAST // 3 // CHUNK * CHUNK
    directory, _ = fetch_now()
    assert is_whole(directory, hub)
    assert hub.downloads[WEIGHTS] > 3
    assert hub.sent[WEIGHTS] == len(hub.files[WEIGHTS])


def test_a_hub_that_knows_no_ranges_sends_all_of_it_again(hub: FakeHub, blobs: Path) -> None:
    kill_in_the_middle(hub, BALLAST // 2)
    hub.ranges = False
    directory, told = fetch_now()
    assert is_whole(directory, hub)
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize("length", [pytest.param(2**20, id="shorter"), pytest.param(2**24, id="longer")])
def test_what_is_left_of_another_content_is_found_out_and_fetched_again(length: int, hub: FakeHub, blobs: Path) -> None:
    blobs.mkdir(parents=True)
    (blobs / f"{hub.etag(WEIGHTS)}.incomplete").write_bytes(b"\xff" * length)
    directory, _ = fetch_now()
    assert is_whole(directory, hub)


def test_two_programs_that_fetch_the_same_share_one_download(hub: FakeHub, blobs: Path) -> None:
    async def both() -> list[Path]:
        return await asyncio.gather(*(fetch(REPO, lambda *_: None) for _ in range(2)))

    hub.pause = 0.02
    directories = asyncio.run(both())
    assert is_whole(directories[0], hub)
    assert directories[0] == directories[1]
    assert hub.sent[WEIGHTS] == len(hub.files[WEIGHTS])


def test_a_full_disk_keeps_nothing(hub: FakeHub, blobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(url: str, target, **_: object) -> None:
        target.write(b"x" * 1000)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "http_get", fill)
    blobs.mkdir(parents=True)
    with pytest.raises(OSError, match="No space"):
        download.resume(hub.url, {}, blobs / "content", 2000)
    assert not list(blobs.iterdir())


def test_what_nobody_goes_on_with_is_removed_after_a_week(hub: FakeHub, blobs: Path) -> None:
    blobs.mkdir(parents=True)
    names = {"ab" * 32: 3600, "cd" * 32: 8 * 24 * 3600}
    for name, age in names.items():
        path = blobs / f"{name}.incomplete"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    fetch_now()
    assert [path.stem for path in blobs.glob("*.incomplete")] == ["ab" * 32]


def test_an_unreachable_hub_leaves_what_has_come(hub: FakeHub, blobs: Path) -> None:
    kill_in_the_middle(hub, BALLAST // 2)
    hub.status = 500
    with pytest.raises(ModelUnavailableError):
        fetch_now()
    assert list(blobs.glob("*.incomplete"))


def test_size_speed_and_time_left_are_told_and_right(hub: FakeHub, tmp_path: Path) -> None:
    hub.pause = 0.1  # 640 kB a second
    environ = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": None, "HF_HUB_CACHE": None}
    with ServerProcess(environ=environ) as server:
        requests.post(f"{server.url}/model/prepare", json={"model_id": "florence-2-base"}, timeout=30)
        told = wait_for(lambda: (m := server.model("florence-2-base"))["seconds_left"] and m["percent"] > 20 and m)
        assert told["total_bytes"] == sum(map(len, hub.files.values()))
        assert told["bytes_per_second"] == pytest.approx(CHUNK / 0.1, rel=0.4)
        remaining = told["total_bytes"] - told["downloaded_bytes"]
        assert told["seconds_left"] == pytest.approx(remaining / told["bytes_per_second"], abs=1.5)


def test_a_speed_is_that_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(transfer_rate.time, "monotonic", lambda: now[0])
    rate = TransferRate()
    assert rate.bytes_per_second is None
    for second in range(60):
        now[0] = float(second)
        rate.add(1000 * second if second < 30 else 30_000 + 10 * (second - 30))
    assert rate.bytes_per_second == pytest.approx(10, rel=0.01)
    assert rate.seconds_left(1000) == pytest.approx(100, rel=0.01)
    now[0] += 300
    assert rate.bytes_per_second < 1, "nothing comes any more"


def test_the_cache_is_the_librarys_own(blobs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert download.blobs_folder(REPO) == blobs
    directory, _ = fetch_now()
    assert directory.name == COMMIT
    assert (directory / WEIGHTS).resolve().parent == blobs
