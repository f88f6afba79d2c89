"""Publishing as a Space: against a scripted Hub that speaks the Hub's routes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from publish.scripted_hub import COMMIT, ScriptedHub

from florence_ui.publish import __main__ as command
from florence_ui.publish import space
from florence_ui.publish.folder import MODEL
from florence_ui.publish.hardware import HARDWARE

KEY = "rf_SecretSecretKey123"
TOKEN = "hf_" + "t" * 20

REFERENCE: dict[str, Any] = {
    "title": str,
    "emoji": str,
    "colorFrom": {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"},
    "colorTo": {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"},
    "sdk": {"gradio"},
    "sdk_version": str,
    "python_version": str,
    "app_file": str,
    "header": {"mini", "default"},
    "license": str,
    "short_description": str,
    "thumbnail": str,
    "suggested_hardware": set(HARDWARE),
    "startup_duration_timeout": str,
    "models": list,
    "tags": list,
    "preload_from_hub": list,
    "hf_oauth": bool,
    "disable_embedding": bool,
}
"""The fields of https://huggingface.co/docs/hub/spaces-config-reference that are used, and what each may be."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedHub]:
    with ScriptedHub() as hub:
        monkeypatch.setattr(command, "HfApi", lambda: space.HfApi(endpoint=hub.url, token=TOKEN))
        monkeypatch.setattr(space, "POLL_SECONDS", 0.01)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # then files go by Git LFS
        yield hub


def fields_of(readme: str) -> dict[str, Any]:
    return yaml.safe_load(readme.split("---\n")[1])


def publish(*arguments: str) -> int:
    return command.main(["ann/demo", *arguments])


def test_a_space_is_created_filled_and_waited_for(hub: ScriptedHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish() == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{hub.url}/spaces/ann/demo"
    (created,) = hub.created
    assert created["sdk"] == "gradio"
    assert created["type"] == "space"
    assert hub.hardware == ["zero-a10g"]
    assert {"app.py", "README.md", "requirements.txt", "packages.txt", "florence_ui/playground.py"} <= hub.files.keys()
    assert "old.py" not in hub.files
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert hub.ended == []


def test_what_is_uploaded_is_what_is_here_to_the_byte(hub: ScriptedHub) -> None:
    publish()
    root = Path(command.__file__).parents[2]
    changed = {name for name, data in hub.files.items() if (root / name).read_bytes() != data}
    assert changed == {"README.md", "requirements.txt"}


def test_only_the_app_is_uploaded(hub: ScriptedHub) -> None:
    publish()
    rooms = {name.split("/")[1] for name in hub.files if name.startswith("florence_ui/")}
    assert not rooms & {"nano", "bench", "publish", "__pycache__"}
    assert not [name for name in hub.files if name.startswith(("tests/", ".")) or name.endswith(".pyi")]


def test_a_secret_comes_from_the_environment_and_is_never_printed(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_KEY", KEY)
    assert publish("--secret", "API_KEY", "--variable", "FLORENCE_UI_DAILY_RUNS=200") == 0
    assert hub.secrets == {"API_KEY": KEY}
    assert hub.variables == {"FLORENCE_UI_DAILY_RUNS": "200"}
    printed = capsys.readouterr()
    assert KEY not in printed.out + printed.err
    assert not [name for name, data in hub.files.items() if KEY.encode() in data]


def test_a_secret_that_is_not_set_stops_before_anything_is_sent(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("API_KEY", raising=False)
    assert publish("--secret", "API_KEY") == 1
    assert "API_KEY must be set in the environment." in capsys.readouterr().err
    assert not hub.tokens


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--variable", f"API_KEY={KEY}"], id="key-as-a-public-variable"),
        pytest.param(["--variable", "FLORENCE_UI_AUTH=ann:passwordpassword"], id="password-as-a-public-variable"),
        pytest.param(["--variable", "OAUTH_CLIENT_SECRET=x"], id="secret-as-a-public-variable"),
        pytest.param(["--variable", "HTTPS_PROXY=http://ann:word@proxy.example"], id="password-in-an-address"),
        pytest.param(["--variable", "NAME"], id="variable-without-value"),
        pytest.param(["--hardware", "abacus"], id="unknown-hardware"),
    ],
)
def test_a_wrong_command_line_is_refused(arguments: list[str], hub: ScriptedHub) -> None:
    with pytest.raises(SystemExit):
        publish(*arguments)
    assert not hub.tokens


@pytest.mark.parametrize(
    ("is_pro", "hardware", "says"),
    [
        pytest.param(False, "zero-gpu", "may host two such Spaces", id="free-on-zero"),
        pytest.param(False, "cpu-basic", "A free account can host on zero-gpu instead.", id="free-on-cpu"),
        pytest.param(True, "cpu-basic", "ann is a PRO account.", id="paid-on-cpu"),
        pytest.param(False, "t4-small", "a payment method", id="rented"),
    ],
)
def test_it_says_before_what_the_account_may_host(
    is_pro: bool, hardware: str, says: str, hub: ScriptedHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.account["isPro"] = is_pro
    publish("--hardware", hardware)
    before, _, _ = capsys.readouterr().out.partition("Uploading")
    assert says in before


def test_a_refusal_is_the_hubs_sentence_and_what_to_do(hub: ScriptedHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.refuse = (402, "Creating a Space on cpu-basic requires a subscription")
    assert publish("--hardware", "cpu-basic") == 1
    says = capsys.readouterr().err
    assert "requires a subscription" in says
    assert "needs a paid plan" in says
    assert "Traceback" not in says


@pytest.mark.parametrize("stage", ["BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR"])
def test_a_space_that_fails_shows_the_end_of_its_log(
    stage: str, hub: ScriptedHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.stages = ["BUILDING", stage]
    hub.log = [f"line {number}\n" for number in range(100)]
    assert publish() == 1
    says = capsys.readouterr().err
    assert f"The Space does not run: {stage}." in says
    assert "line 99" in says
    assert "line 59" not in says


@pytest.mark.parametrize("hardware", HARDWARE)
def test_the_front_matter_is_what_the_reference_allows(hardware: str, tmp_path: Path) -> None:
    assert publish("--hardware", hardware, "--sign-in", "--no-embedding", "--dry-run", str(tmp_path)) == 0
    for name, value in fields_of((tmp_path / "README.md").read_text("utf-8")).items():
        allowed = REFERENCE[name]
        assert value in allowed if isinstance(allowed, set) else isinstance(value, allowed), name
    fields = fields_of((tmp_path / "README.md").read_text("utf-8"))
    assert len(fields["short_description"]) <= 60
    assert fields["disable_embedding"] is True
    assert re.fullmatch(r"\d+[smh]", fields["startup_duration_timeout"])
    assert (tmp_path / fields["thumbnail"]).is_file()
    assert (tmp_path / fields["app_file"]).is_file()
    assert f"gradio=={fields['sdk_version']}" in (tmp_path / "requirements.txt").read_text("utf-8").split()


def test_base_is_fetched_while_the_space_is_built_at_one_commit_without_pickles(hub: ScriptedHub) -> None:
    publish()
    (line,) = fields_of(hub.files["README.md"].decode())["preload_from_hub"]
    assert line == f"{MODEL} config.json,model.safetensors,tokenizer.json {COMMIT}"


@pytest.mark.parametrize(
    ("hardware", "python", "packages"),
    [
        pytest.param("zero-gpu", "3.12.12", {"torch", "transformers", "spaces"}, id="zero"),
        pytest.param("cpu-basic", "3.12", set(), id="cpu"),
        pytest.param("t4-small", "3.12", {"torch", "transformers"}, id="gpu"),
    ],
)
def test_each_hardware_installs_what_it_needs_and_no_more(
    hardware: str, python: str, packages: set[str], tmp_path: Path
) -> None:
    publish("--hardware", hardware, "--dry-run", str(tmp_path))
    assert fields_of((tmp_path / "README.md").read_text("utf-8"))["python_version"] == python
    names = set(re.findall(r"^([a-z]+)==", (tmp_path / "requirements.txt").read_text("utf-8"), re.MULTILINE))
    assert names & {"torch", "transformers", "spaces"} == packages


def test_without_a_token_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._headers.get_token", lambda: None)
    assert publish() == 1
    assert "hf auth login" in capsys.readouterr().err
