"""Every event of the page, posted by hand with values that its own fields never send."""

import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import httpx
import pytest
from hosting.running import RunningApp, is_sentence

ODD = [
    *(None, 0, -1, 10**30, 1.5, True, "", "x", "<OD>", "\x00", "x" * 5000, [], {}, [None], [["a"]], {"value": 1}),
    *({"a": {"b": 1}}, [1, 2, 3, 4], {"choices": [1]}, {"__type__": "update"}, {"value": None, "visible": True}),
]
ODD_EVENTS = [
    *(None, 0, "x", [], {}, {"index": None}, {"index": 10**30}, {"index": "a"}, {"index": [1]}, {"index": -1}),
    *({"index": True}, {"value": {}}, {"hidden": 1}, {"hidden": [[]]}, {"hidden": {"a": 1}}, {"hidden": [10**30]}),
]


class Events:
    """The app's events with the values that its page starts with."""

    def __init__(self, app: RunningApp) -> None:
        self.app = app
        config = app.client.get("/config").json()
        self._components = {each["id"]: each for each in config["components"]}
        self.all = [each for each in config["dependencies"] if each.get("backend_fn", True)]

    def usual(self, event: dict[str, Any]) -> list[Any]:
        """What the page posts first."""
        return [self._components[i]["props"].get("value") for i in event["inputs"]]

    def odd(self, event: dict[str, Any]) -> Iterator[list[Any]]:
        """The usual values with one of them odd: each in turn, and over all fields every odd value."""
        values = cycle(ODD[event["id"] % len(ODD) :] + ODD[: event["id"] % len(ODD)])
        for place, component in enumerate(event["inputs"]):
            if self._components[component]["type"] != "state":
                for value in (next(values), next(values)):
                    yield [*self.usual(event)[:place], value, *self.usual(event)[place + 1 :]]

    def post(self, event: dict[str, Any], data: list[Any], about: Any = None) -> httpx.Response:
        """Post an event as the page does."""
        path = "queue/join" if event["queue"] else "run/predict"
        session = f"odd-{event['id']}"
        body = {"data": data, "fn_index": event["id"], "session_hash": session, "event_data": about}
        response = self.app.client.post(f"/gradio_api/{path}", json=body)
        if not event["queue"] or response.status_code != 200:
            return response
        stream = self.app.client.get(f"/gradio_api/queue/data?session_hash={session}").text
        ended = [json.loads(line[6:]) for line in stream.splitlines() if '"process_completed"' in line]
        output = ended[-1]["output"] if ended else {}
        return httpx.Response(200 if ended and ended[-1]["success"] else 422, json=output)


@pytest.fixture(scope="module")
def events(app: RunningApp) -> Events:
    return Events(app)


def check(response: httpx.Response) -> None:
    """An answer, or a sentence."""
    assert response.status_code in (200, 400, 422), response.text[:300]
    if response.status_code != 200:
        assert is_sentence(response.json().get("error") or ""), response.text[:300]


def test_an_event_takes_what_the_page_posts(events: Events) -> None:
    for event in events.all:
        if not event["queue"]:
            response = events.post(event, events.usual(event))
            assert response.status_code == 200, (event["api_name"], response.text)


def test_odd_values_at_once_are_an_answer_or_a_sentence(events: Events) -> None:
    for event in events.all:
        for data in events.odd(event) if not event["queue"] else ():
            check(events.post(event, data))


def test_odd_values_in_line_are_an_answer_or_a_sentence(events: Events) -> None:
    for event in events.all:
        if event["queue"]:
            for data in list(events.odd(event))[:3]:
                check(events.post(event, data))


def test_odd_events_are_an_answer_or_a_sentence(events: Events) -> None:
    for event in events.all:
        for number, about in enumerate(ODD_EVENTS):
            if not event["queue"] or number % 4 == event["id"] % 4:
                check(events.post(event, events.usual(event), about))


def test_a_name_that_is_none_of_the_choices_is_an_answer_or_a_sentence(events: Events) -> None:
    for event in events.all:
        check(events.post(event, events.usual(event), {"name": "no such name"}))


def test_an_event_that_changes_nothing_is_no_failure(app: RunningApp, events: Events) -> None:
    """The stage's notice has no such button; Gradio calls `{}` too few values."""
    event = next(each for each in events.all if each["api_name"] == "press")
    assert events.post(event, events.usual(event), {"name": "no such button"}).status_code == 200


@pytest.mark.parametrize("path", ["queue/data?session_hash=nobody", "call/analyse/nobody", "call/v2/analyse/nobody"])
def test_a_stream_of_nobody_ends_in_order(app: RunningApp, path: str) -> None:
    """As after a restart of the app, when every page that is still open asks again; `app` looks for tracebacks."""
    response = app.client.get(f"/gradio_api/{path}")
    assert response.status_code == 200
    assert "error" in response.text


@pytest.mark.parametrize("way", ["call", "call/v2"])
def test_the_pages_own_events_are_no_endpoints(app: RunningApp, events: Events, way: str) -> None:
    name = next(each["api_name"] for each in events.all if each["api_visibility"] == "private")
    response = app.client.post(f"/gradio_api/{way}/{name}", json={"data": []})
    assert response.status_code == 404
    assert is_sentence(response.json()["error"])


HALVES = {
    "escaped-first": b"\\ud800",
    "escaped-second": b"a\\udc00b",
    "escaped-apart": b"\\uD83D \\uDE00",
    "raw": b"a\xed\xa0\x80b",
    "raw-pair": b"\xed\xa0\xbd\xed\xb8\x80",
}
BODY = b'{"data": ["%s"], "fn_index": 0, "session_hash": "half"}'


@pytest.mark.parametrize(
    "body",
    [pytest.param(BODY % half, id=name) for name, half in HALVES.items()]
    + [pytest.param((BODY % rb"\ud800").decode().encode(code), id=code) for code in ("utf-16", "utf-16-le", "utf-32")],
)
@pytest.mark.parametrize("route", ["run/predict", "queue/join", "call/v2/many", "mcp/", "cancel"])
def test_half_a_character_is_no_text(app: RunningApp, route: str, body: bytes) -> None:
    response = app.client.post(f"/gradio_api/{route}", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert is_sentence(response.json()["error"])
