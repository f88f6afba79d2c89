"""The genuine server's routes besides `/infer/lmm` that clients look for, and responses to unknown ones."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from inference_sdk import InferenceHTTPClient
from server_process import ServerProcess

from florence_ui.server import metrics
from florence_ui.server.metrics import Metrics

DESCRIPTION = {"model_id": "tiny", "task_type": "lmm", "batch_size": None, "input_height": None, "input_width": None}
pytestmark = pytest.mark.filterwarnings("ignore:This client sends the Roboflow API key")


@pytest.fixture(scope="module")
def own_server(checkpoint: Path, offline: dict) -> Iterator[ServerProcess]:
    """One whose models no other test uses."""
    with ServerProcess("--model", f"tiny={checkpoint}", environ=offline) as running:
        yield running


def test_the_sdk_loads_lists_and_unloads_models(own_server: ServerProcess, picture_base64: str) -> None:
    client = InferenceHTTPClient(api_url=own_server.url, api_key="any-key")
    registered = client.load_model("tiny")
    assert [model.model_id for model in registered.models] == ["tiny"]
    assert [model.model_id for model in client.list_loaded_models().models] == ["tiny"]
    assert client.infer_lmm(picture_base64, model_id="tiny", prompt="<OD>", max_new_tokens=5)["response"]
    assert client.unload_model("tiny").models == []
    assert own_server.model("tiny")["state"] == "absent"
    assert client.infer_lmm(picture_base64, model_id="tiny", prompt="<OD>", max_new_tokens=5)["response"]
    client.load_model("florence-2-nano")
    assert len(client.list_loaded_models().models) == 2
    assert client.unload_all_models().models == []


@pytest.mark.parametrize("path", ["add", "remove"])
def test_a_model_that_is_not_there_is_404_with_the_names_of_those_that_are(
    path: str, own_server: ServerProcess
) -> None:
    reply = requests.post(f"{own_server.url}/model/{path}", json={"model_id": "yolo/1", "api_key": "k"}, timeout=30)
    assert reply.status_code == 404
    assert "tiny" in reply.json()["message"]


def test_a_model_that_cannot_be_had_is_503(own_server: ServerProcess) -> None:
    reply = requests.post(f"{own_server.url}/model/add", json={"model_id": "florence-2-large"}, timeout=60)
    assert reply.status_code == 503
    assert "cannot be reached" in reply.json()["message"]


def test_what_is_added_is_described_as_the_genuine_server_does(own_server: ServerProcess) -> None:
    body = {"model_id": "tiny", "model_type": "lmm", "api_key": "some-key"}
    reply = requests.post(f"{own_server.url}/model/add", json=body, timeout=60)
    assert reply.json() == {"models": [DESCRIPTION]}
    assert requests.get(f"{own_server.url}/model/registry", timeout=30).json() == {"models": [DESCRIPTION]}


def test_the_schema_and_its_page_need_nothing_from_elsewhere(own_server: ServerProcess) -> None:
    schema = requests.get(f"{own_server.url}/openapi.json", timeout=30).json()
    assert schema["openapi"].startswith("3.")
    assert {"/infer/lmm", "/model/add", "/model/remove", "/model/clear", "/metrics", "/status"} < set(schema["paths"])
    page = requests.get(f"{own_server.url}/docs", timeout=30)
    assert page.headers["Content-Type"].startswith("text/html")
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page.text)
    assert 'href="openapi.json"' in page.text
    for path, methods in schema["paths"].items():
        assert path in page.text
        assert all(route["summary"] in html.unescape(page.text) for route in methods.values())


def test_metrics_count_answers_and_failures(own_server: ServerProcess, picture_base64: str) -> None:
    image = {"type": "base64", "value": picture_base64}
    requests.post(f"{own_server.url}/model/add", json={"model_id": "tiny"}, timeout=60)
    before = values(own_server)
    assert own_server.infer(model_id="tiny", prompt="<OD>", max_new_tokens=3, image=image).ok
    assert own_server.infer(model_id="tiny", prompt=" <OD>", image=image).status_code == 400
    after = values(own_server)
    assert after["num_inferences_tiny"] == before["num_inferences_tiny"] + 1
    assert after["num_errors_tiny"] == before["num_errors_tiny"] + 1
    assert after["num_inferences_total"] >= 1
    assert 0 < after["avg_inference_time_tiny"] < 60
    assert after["calls_waiting"] == after["calls_running"] == 0


def values(server: ServerProcess) -> dict[str, float]:
    """All values, after a look at the format: each is told of before it comes."""
    reply = requests.get(f"{server.url}/metrics", timeout=30)
    assert reply.headers["Content-Type"] == metrics.CONTENT_TYPE
    lines = reply.text.splitlines()
    names = [line.split()[0] for line in lines if not line.startswith("#")]
    assert [line.split()[2] for line in lines if line.startswith("# TYPE")] == names
    assert [line.split()[2] for line in lines if line.startswith("# HELP")] == names
    assert all(re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name) for name in names)
    return {name: float(value) for name, value in (x.split() for x in lines if not x.startswith("#"))}


def test_metrics_are_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now[0])
    counted = Metrics()
    counted.record("florence-2-base", 2.0, failed=False)
    counted.record("florence-2-base", 4.0, failed=False)
    text = counted.text(["florence-2-base"], waiting=3, running=True)
    assert "\navg_inference_time_florence_2_base 3\n" in text
    assert "\ncalls_waiting 3\n" in text
    now[0] = 11.0
    assert "\nnum_inferences_total 0\n" in counted.text([], waiting=0, running=False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/", 404, id="root"),
        pytest.param("POST", "/infer/object_detection", 404, id="another-task"),
        pytest.param("GET", "/redoc", 404, id="redoc"),
        pytest.param("GET", "/infer/lmm", 405, id="get-instead-of-post"),
        pytest.param("DELETE", "/model/registry", 405, id="delete"),
        pytest.param("GET", "/<script>alert(1)</script>", 404, id="script"),
    ],
)
def test_an_address_that_is_not_there_says_what_is(method: str, path: str, status: int, server: ServerProcess) -> None:
    reply = requests.request(method, server.url + path, timeout=30)
    message = reply.json()["message"]
    assert reply.status_code == status
    for there in ("POST /infer/lmm", "GET /model/registry", "GET /docs"):
        assert there in message
    assert "script" not in message
