"""Errors are sentences, and their quotations are harmless."""

import pytest

from florence_ui.errors import MAX_QUOTE, FlorenceUIError, SettingsError, quote


def test_an_error_reads_as_what_happened_and_what_to_do() -> None:
    assert str(FlorenceUIError("The server is gone.", "Start it again.")) == "The server is gone. Start it again."


def test_an_error_without_a_next_step_has_no_loose_space() -> None:
    assert str(FlorenceUIError("The server is gone.")) == "The server is gone."


def test_a_settings_error_names_the_variable() -> None:
    error = SettingsError("FLORENCE_UI_BACKEND", "serverless, dedicated or local")
    assert str(error) == (
        "FLORENCE_UI_BACKEND has a value that cannot be used. It takes serverless, dedicated or local."
    )


@pytest.mark.parametrize(
    ("said", "repeated"),
    [
        pytest.param("plain words", "plain words", id="plain"),
        pytest.param("two\nlines\r\nand\ttabs", "two lines and tabs", id="lines"),
        pytest.param("\x1b[31mred\x07", "[31mred", id="terminal escapes"),
        pytest.param("abc\u202edef", "abc def", id="direction override"),
        pytest.param("x" * 5000, "x" * (MAX_QUOTE - 1) + "…", id="long"),
        pytest.param(["a", 1], "['a', 1]", id="not a string"),
    ],
)
def test_others_words_are_repeated_on_one_short_line(said, repeated) -> None:
    assert quote(said) == repeated
