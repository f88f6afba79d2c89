"""Amounts and lists in words."""

import pytest

from florence_ui.wording import count_noun, format_bytes, format_duration, join_words


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param((0, "object"), "0 objects", id="none"),
        pytest.param((1, "object"), "1 object", id="one"),
        pytest.param((2, "box", "boxes"), "2 boxes", id="irregular"),
        pytest.param((1234, "label"), "1,234 labels", id="thousands"),
    ],
)
def test_a_number_has_its_noun(call: tuple, words: str) -> None:
    assert count_noun(*call) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0, "1 second", id="0-s"),
        pytest.param(0.2, "1 second", id="0-2-s"),
        pytest.param(12.1, "13 seconds", id="12-1-s"),
        pytest.param(60, "60 seconds", id="60-s"),
        pytest.param(90, "90 seconds", id="90-s"),
        pytest.param(90.1, "2 minutes", id="90-1-s"),
        pytest.param(121, "3 minutes", id="121-s"),
        pytest.param(5400, "90 minutes", id="5400-s"),
        pytest.param(7000, "2 hours", id="7000-s"),
        pytest.param(7201, "3 hours", id="7201-s"),
    ],
)
def test_waiting_times_are_said_in_words(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        pytest.param(0, "0 B", id="none"),
        pytest.param(999, "999 B", id="bytes"),
        pytest.param(999.5, "1 kB", id="rounded-up"),
        pytest.param(464_000_000, "464 MB", id="megabytes"),
        pytest.param(1_540_000_000, "1.54 GB", id="gigabytes"),
    ],
)
def test_bytes_have_three_digits_and_a_unit(count: float, words: str) -> None:
    assert format_bytes(count) == words


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        pytest.param([], "", id="none"),
        pytest.param(["a"], "a", id="one"),
        pytest.param(["a", "b"], "a or b", id="two"),
        pytest.param(["a", "b", "c"], "a, b or c", id="three"),
    ],
)
def test_a_list_ends_with_its_conjunction(words: list[str], joined: str) -> None:
    assert join_words(words, "or") == joined
    assert join_words(words) == joined.replace(" or ", " and ")
