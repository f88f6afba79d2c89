"""JSON nested far too deep or of far too many values, at every route that reads JSON: refused with a message."""

import pytest
import requests
from hosting.running import RunningApp, is_sentence
from server_process import ServerProcess

from florence_ui.hosting.request_limits import MAX_JSON_DEPTH, MAX_JSON_VALUES, has_too_many_values, nesting_depth

ROUTES = {
    "/gradio_api/mcp/": '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", '
    '"params": {"name": "analyse", "arguments": {"text": %s}}}',
    "/gradio_api/queue/join": '{"data": [%s], "fn_index": 0, "session_hash": "deep"}',
    "/gradio_api/run/predict": '{"data": [%s], "fn_index": 0, "session_hash": "deep"}',
    "/gradio_api/call/analyse": '{"data": [%s]}',
    "/gradio_api/call/v2/analyse": '{"text": %s}',
    "/gradio_api/cancel": '{"session_hash": "deep", "fn_index": 0, "event_id": "deep", "more": %s}',
    "/gradio_api/reset": '{"event_id": "deep", "more": %s}',
}
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH, 300, 950, 990, 50_000])
@pytest.mark.parametrize("route", ROUTES)
def test_deeply_nested_json_is_refused_in_words(app: RunningApp, route: str, depth: int) -> None:
    for value in (nested(depth), nested(depth, '{"a":', "}")):
        response = app.client.post(route, content=ROUTES[route] % value, headers=HEADERS)
        assert response.status_code in (400, 413), response.text[:200]  # 413: Stop takes small bodies only
        assert is_sentence(response.json()["error"]), response.text


@pytest.mark.parametrize("values", ["[]", "{}", "1", '"a"'])
@pytest.mark.parametrize("route", ROUTES)
def test_json_of_too_many_values_is_refused_in_words(app: RunningApp, route: str, values: str) -> None:
    body = ROUTES[route] % f"[{','.join([values] * (MAX_JSON_VALUES + 1))}]"
    response = app.client.post(route, content=body, headers=HEADERS)
    assert response.status_code == 413, response.text[:200]
    assert is_sentence(response.json()["error"]), response.text


def listed(values: int, value: str = "0") -> bytes:
    return f"[{','.join([value] * values)}]".encode()


@pytest.mark.parametrize(
    ("body", "is_refused"),
    [
        pytest.param(listed(MAX_JSON_VALUES), False, id="as many as allowed"),
        pytest.param(listed(MAX_JSON_VALUES + 1), True, id="one more"),
        pytest.param(listed(MAX_JSON_VALUES // 2 + 1, "[]"), True, id="lists"),
        pytest.param(listed(MAX_JSON_VALUES // 4, '"a"'), False, id="texts"),
        pytest.param(listed(9 * MAX_JSON_VALUES, '"a"'), True, id="far more texts"),
        pytest.param(listed(MAX_JSON_VALUES // 3, '{"a": "b"}'), False, id="names"),
        pytest.param(b'["' + b",[{" * MAX_JSON_VALUES + b'"]', False, id="signs in a text"),
        pytest.param(b'["' + rb"\\\"," * MAX_JSON_VALUES + b'"]', False, id="signs and quotes in a text"),
        pytest.param(rb'["\\",' + listed(MAX_JSON_VALUES) + b"]", True, id="after a text that ends in a backslash"),
        pytest.param(b'"' + b"," * 2 * MAX_JSON_VALUES, False, id="a text that does not end"),
    ],
)
def test_values_are_counted_without_parsing(body: bytes, is_refused: bool) -> None:
    assert has_too_many_values(body) is is_refused


@pytest.mark.parametrize("route", ["/infer/lmm", "/infer/lmm/florence-2-base", "/model/prepare"])
@pytest.mark.parametrize("depth", [950, 50_000])
def test_the_local_server_refuses_it_too(local_server: ServerProcess, route: str, depth: int) -> None:
    for body in (nested(depth), f'{{"model_id": {nested(depth)}, "image": {nested(depth)}}}'):
        response = requests.post(f"{local_server.url}{route}", data=body, headers=HEADERS, timeout=60)
        assert 400 <= response.status_code < 500, response.text


@pytest.fixture(scope="module")
def local_server():
    with ServerProcess() as server:
        yield server


@pytest.mark.parametrize(
    ("value", "depth"),
    [(1, 0), ("[[", 0), ([], 1), ({}, 1), ([1, {"a": 2}], 2), ({"a": [[]], "b": 1}, 3)],
)
def test_depth_counts_lists_and_objects(value: object, depth: int) -> None:
    assert nesting_depth(value) == depth


def test_a_function_that_only_the_browser_has_cannot_be_called(app: RunningApp) -> None:
    """Gradio answers a call of one with a traceback; `app` looks for tracebacks."""
    functions = app.client.get("/config").json()["dependencies"]
    only_there = [each for each in functions if not each["backend_fn"]]
    assert only_there
    for function in only_there:
        body = {"data": [None] * len(function["inputs"]), "fn_index": function["id"], "session_hash": "deep"}
        response = app.client.post("/gradio_api/run/predict", json=body)
        assert response.status_code == 404, response.text
        assert is_sentence(response.json()["error"])
