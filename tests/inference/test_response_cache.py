"""The cache of answers, bounded in memory and time."""

import time

import pytest
from starlette.datastructures import Secret

from florence_ui.backends.infer import Answer
from florence_ui.inference.response_cache import OVERHEAD, create_cache, fingerprint


def answer_of(size: int) -> Answer:
    return Answer({"<CAPTION>": "x" * size}, None, 0.1, "server")


def test_an_answer_is_remembered_until_it_is_too_old() -> None:
    cache = create_cache(10**6, 0.05)
    cache["a"] = answer_of(1)
    assert cache.get("a") == answer_of(1)
    time.sleep(0.06)
    assert cache.get("a") is None


def test_memory_is_bounded_and_the_least_used_go_first() -> None:
    cache = create_cache(3 * (OVERHEAD + 200), 60)
    for name in "abc":
        cache[name] = answer_of(1)
    assert cache.get("a")
    cache["d"] = answer_of(1)
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    with pytest.raises(ValueError, match="too large"):
        cache["large"] = answer_of(10_000)
    assert len(cache) == 3


@pytest.mark.parametrize("max_bytes", [0, 100], ids=["none", "less-than-an-answer"])
def test_without_memory_nothing_is_remembered(max_bytes: float) -> None:
    with pytest.raises(ValueError, match="too large"):
        create_cache(max_bytes, 60)["a"] = answer_of(1)


def test_without_time_nothing_is_remembered() -> None:
    cache = create_cache(10**6, 0)
    cache["a"] = answer_of(1)
    assert cache.get("a") is None


def test_a_key_is_known_by_its_fingerprint_only() -> None:
    one, other = Secret("rf_SecretSecretKey123"), Secret("rf_SecretSecretKey124")
    assert fingerprint(one) == fingerprint(Secret("rf_SecretSecretKey123"))
    assert len({fingerprint(one), fingerprint(other), fingerprint(None)}) == 3
    assert "Secret" not in fingerprint(one)
