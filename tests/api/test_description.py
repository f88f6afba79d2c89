"""The description of the endpoints that the page shows behind its API link."""

from pathlib import Path
from typing import Any

import pytest
from hosting.running import RunningApp
from PIL import Image

from florence_ui.models import OFFICIAL_MODELS


@pytest.fixture(scope="module")
def described(app: RunningApp) -> dict[str, Any]:
    """Endpoints by their names, as the page's own view reads them."""
    return app.client.get("/gradio_api/info").json()["named_endpoints"]


def test_every_parameter_has_its_name_and_a_description(described: dict[str, Any]) -> None:
    for endpoint in described.values():
        for parameter in endpoint["parameters"]:
            assert parameter["label"] == parameter["parameter_name"]
            assert len(parameter["python_type"]["description"]) > 10


@pytest.mark.parametrize("field", ["model_id", "left_model_id", "right_model_id"])
def test_the_description_of_a_model_names_those_there_are(field: str, described: dict[str, Any]) -> None:
    parameters = described["/analyse"]["parameters"] + described["/compare"]["parameters"]
    told = next(each["python_type"]["description"] for each in parameters if each["parameter_name"] == field)
    assert [model for model in OFFICIAL_MODELS if model not in told] == []


@pytest.mark.parametrize("name", ["/analyse", "/compare", "/chain", "/many", "/export", "/start_many"])
def test_an_example_in_python_runs_as_it_stands(
    name: str, described: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (64, 48), "gray").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    ran: dict[str, Any] = {}
    exec(described[name]["code_snippets"]["python"], ran)
    assert ran["result"]


@pytest.mark.parametrize("name", ["/analyse", "/many"])
def test_an_example_for_the_shell_sends_the_picture_that_it_uploads(name: str, described: dict[str, Any]) -> None:
    shell = described[name]["code_snippets"]["bash"]
    assert "FILE_PATH=$(curl" in shell
    assert '"path": "\'$FILE_PATH\'"' in shell
    assert "null" not in shell
