"""No leak of the operator's or a visitor's key, on success or any failure, wherever one could turn up."""

import base64
import json
import os
import secrets
from pathlib import Path

import faults
import pytest
from hosting.conftest import OPERATOR_KEY
from hosting.running import AppHere, Outcome, RunningApp
from starlette.datastructures import Secret

from florence_ui.bench.scripted_backend import Respond, ScriptedBackend
from florence_ui.errors import SettingsError
from florence_ui.inference.response_cache import fingerprint
from florence_ui.settings import Settings

VISITOR_KEY = "rf_VISITORKEY_fedcba9876543210"


def whole_page(key: str) -> str:
    return f"<html>Bearer {key} api_key={key} {key[::-1]}</html>"


def endings(key: str) -> dict[str, Respond | None]:
    """Ways in which a run with this key can end; many servers repeat the key on the way."""
    return {
        "success": None,
        "key in the answer": faults.echo_key(200),
        **{f"key in the message, {status}": faults.echo_key(status) for status in (400, 401, 403, 422, 429, 500, 503)},
        "key in a web page": faults.body(whole_page(key), "text/html"),
        "key in a web page, 502": faults.status(502, whole_page(key)),
        "key in a redirect": faults.redirect(f"http://127.0.0.1:9/?api_key={key}"),
        "key in a header": faults.status(500, "no", {"X-Key": key, "WWW-Authenticate": f"Bearer {key}"}),
        "key cut short": faults.status(500, {"message": f"key {key[:12]}... refused"}),
        "key as JSON escapes": faults.body(
            json.dumps({"response": {"<OD>": "".join(f"\\u{ord(c):04x}" for c in key)}}).replace("\\\\", "\\")
        ),
        "connection dropped": faults.reset(),
        "cut off": faults.cut_off(),
        "nonsense": faults.body("[[[["),
        "hung": faults.hang(),
    }


def shapes(key: str) -> list[str]:
    """The key, enough of it to matter, and what encodings make of it."""
    return [key, key[:10], key[-10:], base64.b64encode(key.encode()).decode()[:-4], key.encode().hex()]


def check_nowhere(app: RunningApp, outcome: Outcome | None, *keys: str, log_from: int = 0) -> None:
    """None of the keys in the answer, on the pages, in the log, or in any file of the app."""
    places = {
        "the answer": json.dumps(outcome.record) + outcome.error + outcome.picture if outcome else "",
        "the log": app.log[log_from:],
        "the page": app.client.get("/").text,
        "the config": app.client.get("/config").text,
        "the description": app.client.get("/gradio_api/info").text,
        "health": app.client.get("/healthz").text,
    }
    for folder, _, names in os.walk(app.temp):
        for name in names:
            path = Path(folder, name)
            places[str(path)] = path.read_bytes().decode("latin-1") + name
    for key in keys:
        for shape in shapes(key):
            assert [place for place, text in places.items() if shape in text] == []


VISITORS_ENDINGS = ("success", "key in the message, 401", "key in a web page", "key cut short", "connection dropped")
"""Endings of each kind, which are tried with a visitor's key too."""


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(pytest.param(OPERATOR_KEY, name, id=f"operator's-{name}") for name in endings("")),
        *(pytest.param(VISITOR_KEY, name, id=f"visitor's-{name}") for name in VISITORS_ENDINGS),
    ],
)
def test_a_key_leaks_nowhere(app: RunningApp, backend: ScriptedBackend, picture: bytes, key: str, name: str) -> None:
    backend.fault = endings(key)[name]
    before, log_from = backend.count, len(app.log)
    own = {"api_key": VISITOR_KEY} if key == VISITOR_KEY else {}
    outcome = app.analyze(picture, task="<OD>", backend="dedicated", **own)
    assert backend.count > before
    assert backend.calls[-1].headers["Authorization"] == f"Bearer {key}", "the key is used"
    check_nowhere(app, outcome, OPERATOR_KEY, VISITOR_KEY, log_from=log_from)


@pytest.mark.parametrize("field", ["text", "classes", "model_id", "backend", "image_url", "task"])
def test_a_key_in_the_wrong_field_is_not_logged(app: RunningApp, picture: bytes, field: str) -> None:
    key, log_from = f"rf_{secrets.token_hex(12)}", len(app.log)
    given = {"task": "<CAPTION_TO_PHRASE_GROUNDING>", "text": "a dog", field: key}
    app.analyze(None if field == "image_url" else picture, **given)
    assert key not in app.log[log_from:]


def test_a_key_in_a_link_is_neither_logged_nor_repeated(app: RunningApp) -> None:
    key = f"rf_{secrets.token_hex(12)}"
    outcome = app.analyze(task="<OD>", image_url=f"http://10.0.0.1/a.png?api_key={key}")
    assert not outcome.ok
    assert key not in outcome.error + app.log


def test_the_operators_key_goes_to_the_operators_address_only(app: RunningApp, backend: ScriptedBackend) -> None:
    for body in ({"backend_url": backend.url}, {"url": backend.url}):
        assert not app.analyze(task="<OD>", **body).ok


def test_remembered_answers_know_keys_by_a_keyed_hash_only() -> None:
    mark = fingerprint(Secret(VISITOR_KEY))
    assert mark
    assert mark != fingerprint(Secret(OPERATOR_KEY))
    assert mark == fingerprint(Secret(VISITOR_KEY))
    assert not any(shape in mark for shape in shapes(VISITOR_KEY))


def test_one_visitors_answer_is_not_remembered_for_another_key(backend: ScriptedBackend, picture: bytes) -> None:
    settings = Settings(dedicated_url=backend.url, backend="dedicated", api_key=Secret(OPERATOR_KEY))
    with AppHere(settings) as app:
        before = backend.count
        for key in ("", VISITOR_KEY, VISITOR_KEY, "", "another-key-of-somebody"):
            assert app.analyze(picture, task="<OD>", api_key=key).ok
        assert backend.count == before + 3


@pytest.mark.parametrize("name", ["API_KEY", "FLORENCE_UI_DEDICATED_URL", "FLORENCE_UI_MODEL"])
def test_a_bad_setting_is_named_but_not_repeated(name: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        Settings.from_environ({name: f"bad value {VISITOR_KEY}"})
    assert VISITOR_KEY not in str(caught.value)
