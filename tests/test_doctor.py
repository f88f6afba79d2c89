"""The doctor: what it finds, what that means, and that it shows no key."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from faults import other_program, refused_url
from starlette.datastructures import Secret

from florence_ui import doctor
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.doctor import Examination, Finding, Verdict, examine, format_examination
from florence_ui.models import BASE, REPOSITORIES
from florence_ui.settings import Settings

ROOT = Path(__file__).parents[1]
KEY = "rf_SecretSecretKey123"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Hub that does not answer, and an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", refused_url())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(doctor, "_version", lambda package: "1.0" if package == "onnxruntime" else "")


def found(examination: Examination, about: str) -> Finding:
    return next(finding for finding in examination.findings if finding.about == about)


def with_base_on_disk(cache: Path) -> None:
    """The Hub's cache with a checkpoint of base, as `huggingface_hub` lays it out."""
    repository = cache / f"models--{REPOSITORIES[BASE].replace('/', '--')}"
    snapshot = repository / "snapshots" / ("c0ffee" + "0" * 34)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"x" * 3000)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(snapshot.name)


def test_without_weights_network_and_key_only_nano_can_answer() -> None:
    examination = examine(Settings(local_url=refused_url()))
    assert not examination.has_base
    assert "Only the built-in tiny model" in examination.summary
    assert "does not answer" in found(examination, "hub").says
    assert found(examination, BASE).advice


def test_weights_on_disk_are_enough(tmp_path: Path) -> None:
    with_base_on_disk(tmp_path / "cache")
    examination = examine(Settings(local_url=refused_url()))
    assert examination.has_base
    assert found(examination, BASE).says.startswith("3 kB in ")


def test_a_hub_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedBackend() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        examination = examine(Settings(local_url=refused_url()))
    assert examination.has_base
    assert "happens by itself" in found(examination, BASE).says


@pytest.mark.parametrize("proxy", ["socks5://ann:password@127.0.0.1:1", "ftp://ann:password@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.example")
    hub = found(examination := examine(Settings(local_url=refused_url())), "hub")
    assert hub.verdict is Verdict.NOTE
    assert ", through ALL_PROXY: " in hub.says
    assert "password" not in format_examination(examination)


def test_a_key_is_enough_and_never_shown() -> None:
    examination = examine(Settings(local_url=refused_url(), api_key=Secret(KEY)))
    assert examination.has_base
    assert KEY not in format_examination(examination)


def test_a_password_in_the_hubs_address_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    address = refused_url()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address.replace("//", "//ann:password@"))
    report = format_examination(examine(Settings(local_url=refused_url())))
    assert address in report
    assert "password@" not in report


@pytest.mark.parametrize(
    ("settings", "next_step"),
    [
        pytest.param({"space": "ann/demo"}, "https://huggingface.co/spaces/ann/demo/settings", id="on-a-space"),
        pytest.param({}, "Set API_KEY in the environment", id="elsewhere"),
    ],
)
def test_a_key_that_the_backend_needs_is_named_where_it_is_missing(settings: dict[str, str], next_step: str) -> None:
    examination = examine(Settings(backend="serverless", local_url=refused_url(), **settings))
    missing = found(examination, "Roboflow key")
    assert missing.verdict is Verdict.PROBLEM
    assert "API_KEY is not set" in missing.says
    assert next_step in missing.advice


def test_on_zero_gpu_neither_a_local_server_nor_a_card_of_its_own_is_missed() -> None:
    examination = examine(Settings(zero_gpu=True, local_url=refused_url()))
    assert "not needed" in found(examination, "local server").says
    assert "ZeroGPU" in found(examination, "accelerator").says


def test_a_roboflow_server_is_enough() -> None:
    with ScriptedBackend(info={"name": "Roboflow Inference Server", "version": "1.8.3"}) as server:
        examination = examine(Settings(local_url=server.url))
    assert examination.has_base
    assert "Roboflow Inference Server" in found(examination, "local server").says


def test_another_program_at_the_port_is_a_problem_with_a_next_step(tmp_path: Path) -> None:
    with_base_on_disk(tmp_path / "cache")
    with other_program(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        examination = examine(Settings(local_url=url))
    port = found(examination, "local server")
    assert port.verdict is Verdict.PROBLEM
    assert "SSH" in port.says
    assert "FLORENCE_UI_LOCAL_URL" in port.advice
    assert not examination.has_base


def test_nothing_that_runs_a_model_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_base_on_disk(tmp_path / "cache")
    monkeypatch.setattr(doctor, "_version", lambda package: "")
    examination = examine(Settings(local_url=refused_url()))
    assert found(examination, "engine").verdict is Verdict.PROBLEM
    assert not examination.has_base


def test_every_problem_has_a_next_step() -> None:
    for finding in examine(Settings(local_url=refused_url())).findings:
        assert finding.advice or finding.verdict is not Verdict.PROBLEM


def test_it_fits_on_one_screen() -> None:
    lines = format_examination(examine(Settings(local_url=refused_url()))).splitlines()
    assert len(lines) <= 24


@pytest.mark.server
@pytest.mark.parametrize(
    ("variables", "status", "says"),
    [
        pytest.param({}, 1, "Only the built-in tiny model", id="nano-only"),
        pytest.param({"API_KEY": KEY}, 0, "Florence-2-base can answer", id="key"),
        pytest.param({"FLORENCE_UI_MAX_UPLOAD_MB": "much"}, 2, "FLORENCE_UI_MAX_UPLOAD_MB", id="settings"),
    ],
)
def test_the_command_says_it_and_its_exit_status_too(
    variables: dict[str, str], status: int, says: str, tmp_path: Path
) -> None:
    environment = {
        "PATH": "", "HF_HOME": str(tmp_path), "HF_ENDPOINT": refused_url(), "FLORENCE_UI_LOCAL_URL": refused_url()
    }  # fmt: skip
    command = [sys.executable, "-m", "florence_ui.doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environment | variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == status
    assert says in done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    assert not re.search("Traceback", done.stderr)
