"""A page with a public link, from a scripted frpc, Gradio's tunnel: what is printed, and who comes through it."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio.tunneling import BINARY_FILENAME, Tunnel
from hosting.running import RunningApp
from hosting.test_shutdown import is_alive

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.hosting.gradio_internals import server

pytestmark = [pytest.mark.server, pytest.mark.slow]

LINK = "https://0123456789abcdef.gradio.live"
FRPC = f"""#!/bin/sh
echo $$ > "$(dirname "$0")/pid"
echo "start proxy success: {LINK}"
exec sleep 600
"""
BY_TUNNEL = {"Host": LINK.removeprefix("https://")}
"""How a visitor's request arrives: from this machine, by the link's name."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hugging Face's folder, in which Gradio keeps frpc."""
    home = tmp_path_factory.mktemp("home")
    (home / "gradio" / "frpc").mkdir(parents=True)
    program = home / "gradio" / "frpc" / BINARY_FILENAME
    program.write_text(FRPC)
    program.chmod(0o755)
    return home


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[RunningApp]:
    """A page with a public link and two runs a minute for each visitor."""
    with ScriptedBackend() as backend:
        variables = {
            "FLORENCE_UI_SHARE": "true", "HF_HOME": str(home), "GRADIO_SHARE_SERVER_ADDRESS": "127.0.0.1:9",
            "FLORENCE_UI_LOCAL_URL": backend.url, "FLORENCE_UI_RUNS_PER_MINUTE": "2", "FLORENCE_UI_CACHE_SECONDS": "0",
        }  # fmt: skip
        with RunningApp(**variables) as running:
            yield running


def wait_for(text: str, app: RunningApp) -> None:
    until = time.monotonic() + 60
    while text not in app.log and time.monotonic() < until:
        time.sleep(0.1)
    assert text in app.log


def test_the_link_and_its_dangers_are_printed(shared: RunningApp) -> None:
    wait_for(LINK, shared)
    assert "everybody who has it can use this page, this machine's model" in shared.log
    assert "Set FLORENCE_UI_AUTH" in shared.log


@pytest.mark.parametrize("headers", [BY_TUNNEL, {}], ids=["by-the-link", "by-a-loopback-name"])
def test_whoever_comes_through_the_tunnel_has_a_strangers_share(
    headers: dict[str, str], shared: RunningApp, picture: bytes
) -> None:
    """The second case is one visitor with the first, as both come from this machine."""
    shared.client.headers.update(headers)
    try:
        outcomes = [shared.analyze(picture, task="<CAPTION>") for _ in range(3)]
    finally:
        for name in headers:
            del shared.client.headers[name]
    assert "Try again in" in outcomes[-1].error


@pytest.mark.parametrize("headers", [BY_TUNNEL, {}], ids=["by-the-link", "by-a-loopback-name"])
def test_nothing_of_the_machine_is_told_through_the_tunnel(headers: dict[str, str], shared: RunningApp) -> None:
    answer = shared.check_machine(headers)
    assert "Only the owner" in answer
    assert "Python" not in answer


def test_the_tunnel_ends_with_the_page(home: Path) -> None:
    with RunningApp(FLORENCE_UI_SHARE="true", HF_HOME=str(home), GRADIO_SHARE_SERVER_ADDRESS="127.0.0.1:9") as app:
        wait_for(LINK, app)
        frpc = int((home / "gradio" / "frpc" / "pid").read_text())
        assert is_alive(frpc)
    until = time.monotonic() + 10
    while is_alive(frpc) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_alive(frpc)


def test_its_end_does_not_wait_for_threads_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tunnel that was left would lead to whatever takes the page's port next."""
    tunnel = Tunnel("127.0.0.1", 9, "127.0.0.1", 7860, "token", None)
    tunnel.proc = process = subprocess.Popen(["sleep", "600"])
    monkeypatch.setattr(server, "CURRENT_TUNNELS", [tunnel])
    server.end_public_links()
    assert process.wait(20) != 0
