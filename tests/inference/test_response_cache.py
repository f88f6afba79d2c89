"""The cache of answers, bounded in memory and time."""

import pytest
from starlette.datastructures import Secret

from florence_ui.inference.response_cache import OVERHEAD, ResponseCache, fingerprint


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_put_is_found_until_it_is_too_old() -> None:
    clock = Clock()
    cache = ResponseCache(10**6, 60, clock)
    cache.put("a", "answer", {})
    clock.now += 59
    assert cache.get("a") == "answer"
    clock.now += 1
    assert cache.get("a") is None
    assert (len(cache), cache.bytes) == (0, 0)


def test_memory_is_bounded_and_the_least_used_go_first() -> None:
    cache = ResponseCache(3 * (OVERHEAD + 100), 60, Clock())
    for name in "abc":
        cache.put(name, name, "x")
    assert cache.get("a") == "a"
    cache.put("d", "d", "x")
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    for number in range(1000):
        cache.put(number, number, "x")
    assert cache.bytes <= cache.max_bytes
    assert len(cache) == 3


def test_an_answer_too_large_is_not_remembered_and_pushes_nothing_out() -> None:
    cache = ResponseCache(10_000, 60, Clock())
    cache.put("small", 1, "x")
    cache.put("large", 2, "x" * 10_000)
    assert cache.get("large") is None
    assert cache.get("small") == 1


def test_an_answer_put_twice_counts_once() -> None:
    cache = ResponseCache(10**6, 60, Clock())
    cache.put("a", 1, "x")
    once = cache.bytes
    cache.put("a", 2, "x")
    assert (cache.get("a"), cache.bytes, len(cache)) == (2, once, 1)


@pytest.mark.parametrize(("size", "seconds"), [(0, 60), (10**6, 0)], ids=["no-memory", "no-time"])
def test_it_can_be_turned_off(size: float, seconds: float) -> None:
    cache = ResponseCache(size, seconds, Clock())
    cache.put("a", 1, "x")
    assert cache.get("a") is None
    assert len(cache) == 0


def test_a_key_is_known_by_its_fingerprint_only() -> None:
    one, other = Secret("rf_SecretSecretKey123"), Secret("rf_SecretSecretKey124")
    assert fingerprint(one) == fingerprint(Secret("rf_SecretSecretKey123"))
    assert len({fingerprint(one), fingerprint(other), fingerprint(None)}) == 3
    assert "Secret" not in fingerprint(one)
