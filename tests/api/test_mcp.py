"""The endpoints as tools of an agent, by the `mcp` package's own client against the running app."""

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hosting.running import RunningApp
from PIL import Image

from florence_ui.api.many import FORMATS
from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.inference.chains import CHAINS
from florence_ui.tasks import TASKS

mcp = pytest.importorskip("mcp", reason="the mcp package is not installed, so agents' tools are NOT TESTED")
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

ADDRESS = "/gradio_api/mcp/"
FIXED = {
    "task": list(TASKS),
    "chain": list(CHAINS),
    "file_format": list(FORMATS),
    "backend": ["serverless", "local"],
    "left_backend": ["serverless", "local"],
}
TOOLS = ["analyse", "compare", "chain", "many", "export", "start_many", "job_status", "job_result", "cancel_job"]


PIXEL = io.BytesIO()
Image.new("RGB", (8, 8)).save(PIXEL, "PNG")
DATA_URL = "data:image/png;base64," + base64.b64encode(PIXEL.getvalue()).decode()


def with_session(app: RunningApp, use: Callable[[Any], Awaitable[Any]]) -> Any:
    """What `use` makes of an agent's session with the app."""

    async def talk() -> Any:
        async with (
            streamable_http_client(app.url + ADDRESS) as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    return asyncio.run(talk())


def call(app: RunningApp, tool: str, **given: Any) -> Any:
    """The answer of a tool."""
    return with_session(app, lambda session: session.call_tool(tool, given))


def address_of(app: RunningApp, path: str) -> str:
    """Where an upload is served, as `gradio upload-mcp` tells it an agent."""
    return f"{app.url}/gradio_api/file={app.upload(Path(path).read_bytes()).json()[0]}"


def test_the_named_endpoints_are_the_tools_and_nothing_else_is(app: RunningApp) -> None:
    async def listed(session: Any) -> Any:
        return (await session.list_tools()).tools

    tools = with_session(app, listed)
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        assert len(tool.description) > 60
        described = tool.inputSchema["properties"]
        assert [name for name, schema in described.items() if not schema.get("description")] == []
        assert "required" not in tool.inputSchema


def test_a_tools_schema_names_the_values_of_a_fixed_set(app: RunningApp) -> None:
    async def listed(session: Any) -> Any:
        return (await session.list_tools()).tools

    schemas = {tool.name: tool.inputSchema["properties"] for tool in with_session(app, listed)}
    for tool, properties in schemas.items():
        for name, values in FIXED.items():
            if name in properties and (tool, name) != ("chain", "task"):
                assert properties[name]["type"] == "string"
                assert properties[name]["enum"] == values, (tool, name)
    assert {"task", "backend"} <= set(schemas["many"])
    assert "chain" in schemas["chain"]
    assert "file_format" in schemas["export"]
    kinds = {json.dumps(kind, sort_keys=True) for kind in schemas["analyse"]["classes"]["anyOf"]}
    assert kinds == {'{"items": {"type": "string"}, "type": "array"}', '{"type": "string"}'}
    assert schemas["many"]["image_urls"]["oneOf"][1]["type"] == "array"


@pytest.mark.parametrize(
    ("given", "prompt"),
    [
        pytest.param({"task": "od"}, "<OD>", id="no-brackets"),
        pytest.param({"task": "<od>"}, "<OD>", id="small-letters"),
        pytest.param({"task": "Find objects"}, "<OD>", id="title"),
        pytest.param({"task": "<OD>", "text": None, "classes": None, "region": []}, "<OD>", id="nothing-as-null"),
        pytest.param(
            {"task": "open_vocabulary_detection", "classes": ["dog", "red car"]},
            "<OPEN_VOCABULARY_DETECTION>dog<and>red car",
            id="list-of-classes",
        ),
        pytest.param(
            {"task": "Name a region", "region": [160, 120, 480, 360]},
            "<REGION_TO_CATEGORY><loc_250><loc_250><loc_750><loc_750>",
            id="region-in-pixels",
        ),
        pytest.param(
            {"task": "Name a region", "region": "[160, 120, 480, 360]"},
            "<REGION_TO_CATEGORY><loc_250><loc_250><loc_750><loc_750>",
            id="region-in-a-text",
        ),
        pytest.param(
            {"task": "open vocabulary detection", "classes": '["dog", "red car"]'},
            "<OPEN_VOCABULARY_DETECTION>dog<and>red car",
            id="list-of-classes-in-a-text",
        ),
        pytest.param({"task": None, "backend": None, "model_id": None, "image_url": None}, "<OD>", id="all-null"),
        pytest.param({"task": "OD", "backend": "Local"}, "<OD>", id="backend"),
    ],
)
def test_a_tool_takes_what_can_only_mean_one_thing(
    app: RunningApp, backend: ScriptedBackend, photograph: str, given: dict, prompt: str
) -> None:
    answer = call(app, "analyse", image=address_of(app, photograph), **given)
    assert not answer.isError, answer.content
    assert backend.calls[-1].prompt == prompt


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        pytest.param("analyse", {"task": ["<OD>"]}, "task is not a text", id="kind"),
        pytest.param("analyse", {"colour": "red"}, "analyse takes no such argument", id="argument"),
        pytest.param("analyse", {"request": {}}, "analyse takes no such argument", id="inner-argument"),
        pytest.param("analyse", {"region": [0.5, 10, 20, 30], "task": "region to ocr"}, "mixes", id="region"),
        pytest.param("delete", {}, "no such tool", id="tool"),
        pytest.param("job_status", {"job_id": "x"}, "no such job", id="job"),
        pytest.param("many", {"images": {"path": "/etc/passwd"}}, "not a file that was uploaded", id="file-data"),
    ],
)
def test_a_tool_says_what_is_wrong(app: RunningApp, tool: str, given: dict, said: str) -> None:
    answer = call(app, tool, **given)
    assert answer.isError
    assert said in answer.content[0].text


def test_agents_may_be_offered_some_tools_only(app: RunningApp) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "many", "arguments": {}}}
    headers = {"Accept": "application/json, text/event-stream"}
    refused = app.client.post(f"{ADDRESS}?tools=analyse", json=body, headers=headers)
    assert "no such tool" in refused.text


def test_each_agent_has_the_share_of_its_own_address(backend: ScriptedBackend, photograph: str) -> None:
    settings = {"FLORENCE_UI_LOCAL_URL": backend.url, "FLORENCE_UI_ADDRESS_HEADER": "X-Real-IP"}
    with RunningApp(FLORENCE_UI_RUNS_PER_MINUTE="2", **settings) as app:
        image = address_of(app, photograph)

        def ask(address: str, task: str) -> str:
            params = {"name": "analyse", "arguments": {"image": image, "task": task}}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            headers = {"Accept": "application/json, text/event-stream", "X-Real-IP": address}
            return app.client.post(ADDRESS, json=body, headers=headers).text

        said = [ask("192.0.2.1", task) for task in ("<OD>", "<CAPTION>", "<OCR>")]
        assert ["2 runs in the last minute" in words for words in said] == [False, False, True]
        assert "2 runs in the last minute" not in ask("192.0.2.2", "<OCR>")


def test_a_tool_gives_the_picture_as_a_picture_and_the_answer_as_json(app: RunningApp, photograph: str) -> None:
    answer = call(app, "analyse", image=address_of(app, photograph), task="<OD>")
    assert not answer.isError
    picture, address, record = answer.content
    with Image.open(io.BytesIO(base64.b64decode(picture.data))) as image:
        assert image.size == (640, 480)
    assert httpx.get(address.text.removeprefix("Image URL: "), timeout=60).content[:2] == b"\xff\xd8"
    assert [found["label"] for found in json.loads(record.text)["detections"]] == ["car", "person", "wheel"]


def test_every_tool_answers(app: RunningApp, photograph: str) -> None:
    image = address_of(app, photograph)
    given = {"compare": {"image": image}, "chain": {"image": image}, "many": {"images": [image]}}
    for tool, arguments in {**given, "export": {"images": [image], "file_format": "csv"}}.items():
        answer = call(app, tool, **arguments)
        assert not answer.isError, answer.content
        json.loads(answer.content[-1].text)


def test_progress_does_not_change_the_answer(app: RunningApp, photograph: str) -> None:
    image = address_of(app, photograph)

    async def told(_: float, __: float | None, ___: str | None) -> None:
        pass

    answer = with_session(app, lambda s: s.call_tool("analyse", {"image": image}, progress_callback=told))
    assert [part.type for part in answer.content] == ["image", "text", "text"]


@pytest.mark.parametrize(
    "image",
    [
        "/etc/passwd",
        "http://127.0.0.1:1/picture.png",
        "http://127.0.0.1:1/gradio_api/file=/etc/passwd",
        "http://127.0.0.1:1/gradio_api/file=http://127.0.0.1:1/picture.png",
        "data:image/png;base64,iVBORw0KGgo=",
        DATA_URL,
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    ],
    ids=["path", "link", "path-in-address", "link-in-address", "broken-data", "data", "file-data"],
)
def test_a_tool_takes_no_file_but_an_upload(app: RunningApp, backend: ScriptedBackend, image: Any) -> None:
    calls = backend.count
    for tool, given in (("analyse", {"image": image}), ("many", {"images": [image]})):
        answer = call(app, tool, **given)
        assert answer.isError
        assert "root:" not in answer.content[0].text
    assert backend.count == calls


def test_a_refusal_is_a_sentence_for_the_agent(app: RunningApp, photograph: str) -> None:
    answer = call(app, "analyse", image=address_of(app, photograph), task="<NONSENSE>")
    assert answer.isError
    assert answer.content[0].text.startswith("There is no such task.")


def test_an_agents_message_is_bounded_and_must_be_json(app: RunningApp) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    large = {**ask, "params": {"x": "y" * (2 << 20)}}
    assert app.client.post(ADDRESS, json=large, headers=headers).status_code == 413
    plain = app.client.post(ADDRESS, content=json.dumps(ask), headers={**headers, "Content-Type": "text/plain"})
    assert 400 <= plain.status_code < 500, "another site cannot post through a visitor's browser"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("[" * 5_000 + "]" * 5_000, id="deep"),
        pytest.param('{"jsonrpc": "2.0", "id": 1, "x": ' + "[" * 5_000 + "]" * 5_000 + "}", id="deep-inside"),
        pytest.param('{"jsonrpc": "2.0", "id": "\\ud800", "method": "tools/list"}', id="half-a-character"),
        pytest.param("{", id="no-json"),
    ],
)
def test_an_agents_message_that_makes_no_sense_is_refused(app: RunningApp, body: str) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    said = len(app.log)
    assert app.client.post(ADDRESS, content=body, headers=headers).status_code == 400
    assert "Traceback" not in app.log[said:]
