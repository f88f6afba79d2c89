"""The server's memory in huge pages: asked for once, and only where Linux waits to be asked."""

import os
import sys
from pathlib import Path

import pytest
from server_process import ServerProcess

from florence_ui.server import huge_pages
from florence_ui.server.huge_pages import SETTING, is_on_request, restart_with_huge_pages, with_huge_pages

USUAL = "always [madvise] never\n"


@pytest.mark.parametrize(
    ("tunables", "after"),
    [
        pytest.param({}, "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1", id="nothing-said"),
        pytest.param(
            {"GLIBC_TUNABLES": "glibc.malloc.check=3"},
            "glibc.malloc.check=3:glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1",
            id="others-said",
        ),
    ],
)
def test_the_environment_asks_for_huge_pages_besides_what_it_said(tunables: dict[str, str], after: str) -> None:
    assert with_huge_pages({"HOME": "/root", **tunables}) == {"HOME": "/root", "GLIBC_TUNABLES": after}


@pytest.mark.parametrize("value", ["0", "1"])
def test_whoever_has_decided_on_huge_pages_is_not_overruled(value: str) -> None:
    assert with_huge_pages({"GLIBC_TUNABLES": f"glibc.malloc.hugetlb={value}"}) is None


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param(USUAL, True, id="on-request"),
        pytest.param("[always] madvise never\n", False, id="always"),
        pytest.param("always madvise [never]\n", False, id="never"),
        pytest.param(None, False, id="no-such-file"),
    ],
)
def test_huge_pages_are_asked_for_only_where_that_changes_something(
    setting: str | None, expected: bool, tmp_path: Path
) -> None:
    path = tmp_path / "enabled"
    if setting is not None:
        path.write_text(setting)
    assert is_on_request(path) is expected


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that a restart would run, on a Linux with glibc and the usual setting."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execve", lambda program, arguments, environ: commands.append([program, *arguments]))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(huge_pages.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(huge_pages, "is_on_request", lambda: True)
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    return commands


def test_the_restart_runs_the_same_command_with_the_same_options(
    restarts: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "-X", "utf8", "-m", "florence_ui.server", "--port", "9001"])
    restart_with_huge_pages()
    assert restarts == [[sys.executable, sys.executable, "-X", "utf8", "-m", "florence_ui.server", "--port", "9001"]]


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        pytest.param(sys, "platform", "darwin", id="macos"),
        pytest.param(huge_pages.platform, "libc_ver", lambda: ("", ""), id="musl"),
        pytest.param(huge_pages, "is_on_request", lambda: False, id="other-setting"),
    ],
)
def test_elsewhere_nothing_is_restarted(
    restarts: list[list[str]], monkeypatch: pytest.MonkeyPatch, where: object, name: str, value: object
) -> None:
    monkeypatch.setattr(where, name, value)
    restart_with_huge_pages()
    assert restarts == []


@pytest.mark.skipif(sys.platform != "linux" or not is_on_request(), reason=f"{SETTING} is not on madvise")
def test_the_server_has_huge_pages_in_the_process_that_was_started(offline: dict, picture_base64: str) -> None:
    with ServerProcess("--engine", "onnx", environ=offline) as server:
        picture = {"type": "base64", "value": picture_base64}
        assert server.infer(model_id="florence-2-nano", prompt="<OD>", max_new_tokens=5, image=picture).ok
        used = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
        assert int(used.partition("AnonHugePages:")[2].split()[0]) > 2048, "kB"
