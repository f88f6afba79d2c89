"""The first start: base is downloaded automatically, without a visitor; after an aborted start the next one resumes."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hosting.running import RunningApp
from safetensors.torch import load_file, save_file
from server.fake_hub import FakeHub
from server_process import wait_for
from tiny_checkpoint import build_checkpoint

WEIGHTS = "model.safetensors"
BALLAST = 8 * 2**20


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    directory = build_checkpoint(tmp_path_factory.mktemp("base"))
    ballast = {"ballast": torch.zeros(BALLAST // 4)}  # no part of the network, so it is left out when that is loaded
    save_file(load_file(directory / WEIGHTS) | ballast, directory / WEIGHTS, metadata={"format": "pt"})
    with FakeHub("florence-community/Florence-2-base", directory) as running:
        yield running


def newcomer(hub: FakeHub, cache: Path) -> RunningApp:
    return RunningApp.with_local_server(HF_ENDPOINT=hub.url, HF_HOME=str(cache), HF_HUB_OFFLINE="0")


def test_it_comes_by_itself_and_goes_on_after_a_broken_start(hub: FakeHub, tmp_path: Path) -> None:
    hub.pause = 0.25
    with newcomer(hub, tmp_path) as app:
        wait_for(lambda: hub.sent[WEIGHTS] > BALLAST // 4, seconds=60)  # nobody has asked the page for anything
        words = wait_for(lambda: found_speed(app), seconds=20)
        print(words)
        os.kill(app.process.pid, signal.SIGKILL)
        app.process.wait()
    time.sleep(2)
    sent = hub.sent[WEIGHTS]
    assert sent < BALLAST
    hub.pause = 0.0
    with newcomer(hub, tmp_path) as app:
        wait_for(lambda: app.client.get("/readiness").status_code == 200, seconds=120)
        assert "Florence-2-base is ready" in app.client.get("/healthz").json()["detail"]
    assert hub.sent[WEIGHTS] < len(hub.files[WEIGHTS]) + 2**20, "it did not begin anew"


def found_speed(app: RunningApp) -> str:
    """The health's words once they tell how far the download is."""
    detail = app.client.get("/healthz").json()["detail"]
    told = re.fullmatch(
        r"Florence-2-base is being downloaded: \d+ % of [\d.]+ MB, [\d.]+ kB/s, about \d+ (s|min) left\.", detail
    )
    return detail if told else ""
