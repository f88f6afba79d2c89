"""Keys are taken out of whatever is printed and of whatever a server answers."""

import pytest
from starlette.datastructures import Secret

from florence_ui.redaction import REDACTED, Redactor, redact, redact_all

KEY = "rf_SecretSecretKey123"

SPOKEN = {
    "query": f"GET https://serverless.roboflow.com/infer/lmm?api_key={KEY}&x=1",
    "json": '{"api_key": "' + KEY + '", "x": 1}',
    "header": f"Authorization: Bearer {KEY}",
    "header as a dict": "{'Authorization': 'Bearer " + KEY + "'}",
    "alone": f"the server said: {KEY} is wrong",
    "in a word": f"x{KEY}y",
    "several times": f"{KEY} {KEY}",
}
SHAPED = [name for name in SPOKEN if name not in ("alone", "in a word", "several times")]


@pytest.mark.parametrize("text", SPOKEN.values(), ids=SPOKEN.keys())
def test_a_known_key_is_taken_out_wherever_it_stands(text: str) -> None:
    redactor = Redactor()
    redactor.add(Secret(KEY))
    assert KEY not in redactor(text)


@pytest.mark.parametrize("name", SHAPED)
def test_an_unknown_key_is_taken_out_where_keys_stand(name: str) -> None:
    redacted = Redactor()(SPOKEN[name])
    assert KEY not in redacted
    assert REDACTED in redacted


def test_ordinary_words_stay() -> None:
    text = "The token <OD> found 3 tokens: a keyboard, a monkey and a bearer of news."
    redactor = Redactor()
    for short in ("key", ""):
        redactor.add(short)
    assert redactor(text) == text


def test_a_visitors_key_is_hidden_for_as_long_as_their_run() -> None:
    redactor = Redactor()
    with redactor.redacting(Secret(KEY)), redactor.redacting(KEY):
        assert KEY not in redactor(KEY)
    assert redactor(KEY) == KEY
    with redactor.redacting(None):
        assert redactor("x") == "x"


@pytest.mark.parametrize(
    ("text", "key", "masked"),
    [
        ("nothing here", KEY, "nothing here"),
        (f"a {KEY} b", KEY, "a *** b"),
        (f"{KEY.upper()}", KEY, "***"),
        (f"starts {KEY[:9]}...", KEY, "starts ***..."),
        (f"İİİ {KEY} İ", KEY, "İİİ *** İ"),
        (f"ends {KEY[-6:]}", KEY, "ends ***"),
        (f"{KEY}{KEY}", KEY, "***"),
        ("abc abc", "abc", "*** ***"),
        ("text", None, "text"),
        ("", KEY, ""),
    ],
    ids=[
        *("none of it", "whole", "other case", "its start", "beside letters that are longer in lower case", "its end"),
        *("twice", "short key", "no key", "no text"),
    ],
)
def test_keys_and_their_parts_are_masked(text: str, key: str | None, masked: str) -> None:
    assert redact(text, key) == masked


def test_a_key_is_masked_wherever_json_has_text() -> None:
    answer = {f"a {KEY}": [f"{KEY}{KEY}", 1, None, {"deep": KEY}]}
    assert redact_all(answer, KEY) == {"a ***": ["******", 1, None, {"deep": "***"}]}
